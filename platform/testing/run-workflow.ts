import {
  combineTasks,
  lambdaInvoke,
  openEngine,
  serviceTasks,
  substitute,
  virtualClock,
  type TaskHandler,
} from '../../engine/index.ts'
import { invokeTask, type AnyTask } from '../../tasks/task.ts'
import { embeddedSubstitutions, type Workflow } from '../../workflows/workflow.ts'
import { bucketStore } from '../ports/bucket-store.ts'
import type { Json, Ports } from '../ports/index.ts'
import { memoryPorts } from './memory-ports.ts'

export interface RunWorkflowOptions {
  /** The execution's input. */
  readonly input: unknown
  /** What stands in for tasks, by name: an answer, or a function of the task's input. */
  readonly mocks?: Readonly<Record<string, MockedTask>>
  /** What stands in for service integrations, by service and action, as `ecs:runTask`. @default none */
  readonly services?: Readonly<Record<string, TaskHandler>>
  /** What tasks that are not mocked run on. @default memoryPorts() */
  readonly ports?: Ports
  /** The execution's name. @default 'test' */
  readonly name?: string
}

/** An answer, or a function that answers or throws; an error's name is what Retry and Catch match. */
export type MockedTask = ((input: Json) => unknown) | Json

export interface WorkflowRun {
  readonly status: 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED'
  readonly output?: Json
  readonly error?: string
  readonly cause?: string
  /** Names of the states that were entered, in order. */
  readonly states: readonly string[]
  /** What each task was called with, in order. */
  readonly calls: Readonly<Record<string, readonly Json[]>>
}

/**
 * Runs a workflow's definition to its end in memory, under a clock that jumps over waits and retry
 * delays, with some or all of its tasks mocked. A mock that takes over a second runs into its state's
 * timeout, if that has one; what is no mock may take as long as it does.
 *
 * @throws TypeError when a mock names no task of the workflow.
 */
export async function runWorkflow(
  workflow: Workflow,
  { input, mocks = {}, services = {}, ports = memoryPorts(), name = 'test' }: RunWorkflowOptions,
): Promise<WorkflowRun> {
  const tasks = new Map(workflow.tasks.map((task) => [task.name, task]))
  const unknown = Object.keys(mocks).find((mocked) => !tasks.has(mocked))
  if (unknown !== undefined) {
    throw new TypeError(
      `${workflow.name} has no task ${unknown} to mock; it has ${[...tasks.keys()].join(', ')}`,
    )
  }
  const calls: Record<string, Json[]> = Object.fromEntries(
    [...tasks.keys()].map((task) => [task, []]),
  )
  const clock = virtualClock()
  const runReal = async (task: AnyTask, payload: Json, signal: AbortSignal) => {
    // However long it takes on this machine, no timeout of its state comes before it ends.
    const release = clock.hold()
    try {
      return await invokeTask(task, payload, ports, { signal })
    } finally {
      release()
    }
  }
  const engine = await openEngine({
    clock,
    objects: bucketStore(ports.objects),
    tasks: combineTasks(
      lambdaInvoke((task) => {
        const real = tasks.get(task)
        return (
          real &&
          (async (payload, { signal }) => {
            calls[task]!.push(payload)
            return Object.hasOwn(mocks, task)
              ? answerOf(mocks[task]!, payload)
              : runReal(real, payload, signal)
          })
        )
      }),
      serviceTasks(services),
    ),
  })
  try {
    const substitutions = embeddedSubstitutions(workflow.definition, (task) => task)
    const { stateMachineArn } = await engine.createStateMachine({
      name: workflow.name,
      definition: JSON.stringify(substitute(workflow.definition, substitutions)),
      roleArn: 'arn:aws:iam::000000000000:role/test',
    })
    const { executionArn } = await engine.startExecution({
      stateMachineArn,
      name,
      input: JSON.stringify(input),
    })
    const ended = await engine.waitFor(executionArn)
    return {
      status: ended.status as WorkflowRun['status'],
      ...(ended.output === undefined ? {} : { output: JSON.parse(ended.output) as Json }),
      ...(ended.error === undefined ? {} : { error: ended.error }),
      ...(ended.cause === undefined ? {} : { cause: ended.cause }),
      states: await statesEntered(engine, executionArn),
      calls,
    }
  } finally {
    await engine.close()
  }
}

async function answerOf(mock: MockedTask, payload: Json): Promise<unknown> {
  return typeof mock === 'function' ? await mock(payload) : mock
}

async function statesEntered(
  engine: Awaited<ReturnType<typeof openEngine>>,
  executionArn: string,
): Promise<string[]> {
  const states: string[] = []
  let nextToken: string | undefined
  do {
    const page = await engine.getExecutionHistory({
      executionArn,
      maxResults: 1000,
      ...(nextToken === undefined ? {} : { nextToken }),
    })
    for (const event of page.events) {
      const entered = event.stateEnteredEventDetails
      if (entered !== undefined) states.push(entered['name'] as string)
    }
    nextToken = page.nextToken
  } while (nextToken !== undefined)
  return states
}

/** Runs one task as a platform would: its input and output are checked. */
export async function runTask(task: AnyTask, input: unknown, ports: Ports = memoryPorts()) {
  return invokeTask(task, input, ports, { signal: new AbortController().signal })
}
