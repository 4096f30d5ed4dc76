import { randomUUID } from 'node:crypto'
import type * as api from '../api-types.ts'
import { Attempt } from '../attempt.ts'
import type { Clock } from '../clock.ts'
import { type JsonObject, setProperty } from '../data.ts'
import type { State, TaskState } from '../definition/states.ts'
import { EngineError, errorNames, type Failure, failureFields } from '../errors.ts'
import { type Execution, newExecution, type StateRun } from '../execution.ts'
import { patternOf } from '../integrations/resource.ts'
import type { ExpressionHost } from '../jsonata/functions.ts'
import type { Origin } from '../state-machines.ts'
import { stateTypes } from '../states/index.ts'
import type { TaskOutcome } from '../states/task.ts'
import type { Tasks } from '../tasks.ts'
import { findState } from './definition.ts'
import { InspectingTurn, type Inspection } from './inspecting-turn.ts'
import { readTestRequest, type TestRequest } from './request.ts'

export interface TestServices {
  readonly clock: Clock
  readonly random: () => number
  readonly tasks: Tasks
  readonly origin: Origin
  readonly host: ExpressionHost
}

/** Seconds that a test may take. */
const longestTest = 300

/**
 * Runs one state by itself, with a mock of what it would have done, or its handler. A Wait does not
 * wait.
 *
 * @throws InvalidDefinition, InvalidExecutionInput, ValidationException
 */
export async function testState(
  services: TestServices,
  input: api.TestStateInput,
): Promise<api.TestStateOutput> {
  const { state, workflow } = findState(input.definition, input.stateName, services.host)
  const request = readTestRequest(input, state)
  const execution = newTest(services, request, { ...workflow, timeoutSeconds: undefined })
  const turn = new InspectingTurn(execution, stateTypes, services.clock, services.random)
  turn.givenContext = request.context
  const run = enter(turn, state, request)
  turn.begin(execution.root)
  if (execution.root.run === run) await finish(services, turn, run, request)
  return outcomeOf(turn, run, request)
}

function newTest(
  { clock, origin }: TestServices,
  request: TestRequest,
  machine: Execution['machine'],
): Execution {
  const name = randomUUID()
  const [stateMachineName, id] = [randomUUID(), randomUUID()]
  const { region, account } = origin
  const prefix = `arn:aws:states:${region}:${account}`
  const execution = newExecution(
    {
      id: 0,
      arn: `${prefix}:express:${stateMachineName}:${name}:${id}`,
      name,
      type: 'EXPRESS',
      stateMachineArn: `${prefix}:stateMachine:${stateMachineName}`,
      stateMachineName,
      roleArn: request.roleArn ?? `arn:aws:iam::${account}:role/TestState`,
    },
    machine,
  )
  execution.startTime = clock.now()
  for (const [variable, value] of Object.entries(request.variables)) {
    setProperty(execution.root.variables, variable, value)
  }
  return execution
}

function enter(turn: InspectingTurn, state: State, request: TestRequest): StateRun {
  const { execution } = turn
  const { input, retrierRetryCount: retries } = request
  turn.emit(0, { type: 'ExecutionStarted', input, roleArn: execution.roleArn })
  turn.emit(0, { type: 'StateEntered', stateType: state.type, name: state.name, input })
  const run = execution.root.run!
  if ('retry' in state) {
    run.retryCount = retries
    // Only the count of the one that takes the error is looked at.
    run.attempts = new Map(state.retry.map((_, index) => [index, retries]))
  }
  return run
}

/** Goes on with a state that has not ended by itself. */
async function finish(
  services: TestServices,
  turn: InspectingTurn,
  run: StateRun,
  request: TestRequest,
): Promise<void> {
  const { root } = turn.execution
  if (run.phase.kind === 'task') {
    const outcome = request.mock ?? (await runTask(services, turn.execution, run))
    if (outcome.kind === 'succeeded') turn.inspection['result'] = outcome.output.text
    stateTypes.Task.end(turn, root, run, outcome)
  } else if (run.phase.kind === 'waiting') {
    stateTypes.Wait.end(turn, root, run)
  } else if (run.state.type === 'Map' || run.state.type === 'Parallel') {
    if (turn.failure === undefined) endChildren(turn, run, request)
  }
}

/** Has the handler do the task. Throws ValidationException for one that ends in another way. */
async function runTask(
  { clock, tasks }: TestServices,
  execution: Execution,
  run: StateRun,
): Promise<TaskOutcome> {
  const { phase } = run
  const state = run.state as TaskState
  if (phase.kind !== 'task') throw new Error('the state runs no task')
  const pattern = patternOf(state.resource)
  if (pattern !== undefined) {
    throw new EngineError(
      'ValidationException',
      `a task of ${pattern} ends elsewhere: specify a mock of its result or error`,
    )
  }
  const { promise, resolve } = Promise.withResolvers<TaskOutcome>()
  const { timeoutSeconds = longestTest } = phase
  const bounds = { ...phase, timeoutSeconds: Math.min(timeoutSeconds, longestTest) }
  const { arn, name, stateMachineArn } = execution
  new Attempt(
    clock,
    (context) => {
      const handler = tasks(state.resource, state)
      if (handler !== undefined) return handler(structuredClone(phase.parameters.value), context)
      const error = new Error(`No handler is given for the resource ${state.resource}`)
      error.name = errorNames.runtime
      throw error
    },
    {
      taskToken: phase.taskToken,
      execution: { arn, name, stateMachineArn },
      state: state.name,
      attempt: phase.attempt,
    },
    bounds,
    resolve,
  )
  return promise
}

/** The branches or iterations came to what the mock says. */
function endChildren(turn: InspectingTurn, run: StateRun, request: TestRequest): void {
  const { root } = turn.execution
  const { mock } = request
  const state = run.state
  if (mock === undefined || (state.type !== 'Map' && state.type !== 'Parallel')) return
  const failure = mock.kind === 'failed' ? mock.failure : exceeded(turn, run, request)
  if (failure !== undefined) {
    turn.fail(root, run, failure)
  } else if (mock.kind === 'succeeded') {
    turn.attempt(root, run, () => {
      turn.exit(root, run, state, mock.output, { result: mock.output.value })
    })
  }
}

function exceeded(
  { inspection }: InspectingTurn,
  run: StateRun,
  { mapIterationFailureCount: failed }: TestRequest,
): Failure | undefined {
  const count = inspection['toleratedFailureCount']
  const percentage = inspection['toleratedFailurePercentage']
  const items = run.children?.length ?? 0
  const isOver =
    (typeof count === 'number' && failed > count) ||
    (typeof percentage === 'number' && items > 0 && (failed / items) * 100 > percentage)
  return isOver
    ? {
        error: errorNames.exceedToleratedFailureThreshold,
        cause: 'The specified tolerated failure threshold was exceeded',
      }
    : undefined
}

function outcomeOf(turn: InspectingTurn, run: StateRun, request: TestRequest): api.TestStateOutput {
  const failure = turn.failure === undefined ? {} : failureFields(turn.failure)
  const inspected = (errorDetails?: api.InspectionErrorDetails) =>
    request.isInspected ? { inspectionData: inspectionOf(turn, run, request, errorDetails) } : {}
  for (const event of turn.events.toReversed()) {
    if (event.type === 'RetryScheduled') {
      const retryBackoffIntervalSeconds = (event.at - event.time) / 1000
      const details = { retryIndex: event.retrier, retryBackoffIntervalSeconds }
      return { status: 'RETRIABLE', ...failure, ...inspected(details) }
    }
    if (event.type === 'ExecutionFailed') {
      const { error, cause } = event
      return { status: 'FAILED', ...failureFields(asFailure(error, cause)), ...inspected() }
    }
    if (event.type === 'StateExited') {
      const { output, next } = event
      const way = { output: output.text, ...(next === undefined ? {} : { nextState: next }) }
      const { catchIndex } = turn
      return catchIndex === undefined
        ? { status: 'SUCCEEDED', ...way, ...inspected() }
        : { status: 'CAUGHT_ERROR', ...way, ...failure, ...inspected({ catchIndex }) }
    }
  }
  throw new Error(`the state ${run.state.name} came to no end`)
}

function asFailure(error: string | undefined, cause: string | undefined): Failure {
  return {
    ...(error === undefined ? {} : { error }),
    ...(cause === undefined ? {} : { cause }),
  }
}

function inspectionOf(
  turn: InspectingTurn,
  { state }: StateRun,
  { input, variables }: TestRequest,
  errorDetails: api.InspectionErrorDetails | undefined,
): api.InspectionData {
  const found: Inspection = { input: input.text, ...turn.inspection }
  if (state.language === 'JSONPath') {
    const isConstant = state.type === 'Pass' && state.result !== undefined
    if (isConstant) found['result'] = state.result.text
    else found['afterInputPath'] ??= input.text
    if (!isConstant && (state.type === 'Pass' || state.type === 'Task')) {
      found['afterParameters'] ??= found['afterInputPath']!
    }
    if (state.type === 'Map' && state.items === undefined) {
      found['afterItemsPath'] ??= found['afterInputPath']!
    }
  } else if (state.type === 'Task' && state.arguments === undefined) {
    found['afterArguments'] ??= input.text
  }
  if (state.type === 'Map') {
    found['maxConcurrency'] ??= 0
    if (turn.selected.length > 0) found['afterItemSelector'] = JSON.stringify(turn.selected)
  }
  const exited = turn.events.find(({ type }) => type === 'StateExited')
  const assigned = exited?.type === 'StateExited' ? exited.assigned?.value : undefined
  const after = { ...variables, ...(assigned as JsonObject | undefined) }
  return {
    ...found,
    ...(Object.keys(after).length > 0 ? { variables: JSON.stringify(after) } : {}),
    ...(errorDetails === undefined ? {} : { errorDetails }),
  }
}
