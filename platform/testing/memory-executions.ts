import { MillraceError } from '../ports/errors.ts'
import {
  checkExecutionHistory,
  checkExecutionList,
  checkExecutionName,
  checkStopReason,
  executionInput,
} from '../ports/execution-requests.ts'
import type {
  Execution,
  ExecutionEvent,
  Executions,
  ExecutionStatus,
  ExecutionSummary,
} from '../ports/executions.ts'
import type { Json } from '../ports/json.ts'
import type { Clock } from '../ports/observability.ts'
import { decodeCursor, encodeCursor } from '../ports/page.ts'

/** A start, stop or redrive that was asked for. */
export interface RecordedRequest {
  readonly request: 'start' | 'stop' | 'redrive'
  readonly workflow: string
  readonly name: string
  readonly input?: Json
}

/**
 * A stand-in for the executions port, for tests of tasks: it runs nothing. What is asked of it is
 * recorded in `requests`; a started execution stays RUNNING until the test sets another state.
 */
export class RecordingExecutions implements Executions {
  readonly requests: RecordedRequest[] = []
  readonly #clock: Clock
  readonly #workflows: readonly string[] | undefined
  readonly #executions = new Map<string, Execution>()
  readonly #histories = new Map<string, readonly ExecutionEvent[]>()

  /** @param options.workflows those that are known; every name is when this is not given */
  constructor(clock: Clock, options: { workflows?: readonly string[] } = {}) {
    this.#clock = clock
    this.#workflows = options.workflows
  }

  /** Makes an execution known, or changes it; what is not given stays as it is. */
  set(execution: Partial<Execution> & { readonly workflow: string; readonly name: string }): void {
    const { workflow, name } = execution
    const before = this.#executions.get(idOf(workflow, name)) ?? {
      workflow,
      name,
      status: 'RUNNING',
      startDate: this.#now(),
      redriveCount: 0,
      input: {},
    }
    this.#executions.set(idOf(workflow, name), { ...before, ...execution })
  }

  /** Sets what `history` answers. */
  setHistory(workflow: string, name: string, events: readonly ExecutionEvent[]): void {
    this.#histories.set(idOf(workflow, name), events)
  }

  async start(request: { workflow: string; name: string; input: unknown }): Promise<Execution> {
    const { workflow, name } = request
    checkExecutionName(name)
    const input = JSON.parse(executionInput(request.input)) as Json
    this.#checkWorkflow(workflow)
    this.requests.push({ request: 'start', workflow, name, input })
    const there = this.#executions.get(idOf(workflow, name))
    if (there === undefined) this.set({ workflow, name, input })
    else if (there.status !== 'RUNNING' || !isSameJson(there.input, input)) {
      throw new MillraceError('ExecutionConflict', `the execution ${name} exists already`)
    }
    return this.#find(workflow, name)
  }

  async describe(workflow: string, name: string): Promise<Execution> {
    return this.#find(workflow, name)
  }

  async list(
    options: { workflow?: string; status?: ExecutionStatus; cursor?: string; limit?: number } = {},
  ): Promise<{ executions: ExecutionSummary[]; cursor?: string }> {
    const { workflow, status, cursor } = options
    const { limit, scope } = checkExecutionList(options)
    if (workflow !== undefined) this.#checkWorkflow(workflow)
    const before = cursor === undefined ? Infinity : Number(decodeCursor(scope, cursor))
    const found = [...this.#executions.values()]
      .map((one, place) => ({ one, place }))
      .filter(({ place }) => place < before)
      .filter(({ one }) => workflow === undefined || one.workflow === workflow)
      .filter(({ one }) => status === undefined || one.status === status)
      .reverse()
    const page = found.slice(0, limit)
    const executions = page.map(({ one }) => summaryOf(one))
    if (found.length <= limit) return { executions }
    return { executions, cursor: encodeCursor(scope, String(page.at(-1)!.place)) }
  }

  async history(
    workflow: string,
    name: string,
    options: { after?: number; limit?: number } = {},
  ): Promise<ExecutionEvent[]> {
    const { after, limit } = checkExecutionHistory(options)
    this.#find(workflow, name)
    const events = this.#histories.get(idOf(workflow, name)) ?? []
    return events.filter(({ id }) => id > after).slice(0, limit)
  }

  async stop(
    workflow: string,
    name: string,
    reason: { error?: string; cause?: string } = {},
  ): Promise<void> {
    checkStopReason(reason)
    this.requests.push({ request: 'stop', workflow, name })
    if (this.#find(workflow, name).status !== 'RUNNING') return
    this.set({ workflow, name, status: 'ABORTED', stopDate: this.#now(), ...reason })
  }

  async redrive(workflow: string, name: string): Promise<void> {
    this.requests.push({ request: 'redrive', workflow, name })
    const { status, redriveCount, startDate, input } = this.#find(workflow, name)
    if (status === 'RUNNING' || status === 'SUCCEEDED') {
      throw new MillraceError('ExecutionConflict', `the execution ${name} is ${status}`)
    }
    this.#executions.set(idOf(workflow, name), {
      workflow,
      name,
      status: 'RUNNING',
      startDate,
      redriveCount: redriveCount + 1,
      input,
    })
  }

  #checkWorkflow(workflow: string): void {
    if (this.#workflows === undefined || this.#workflows.includes(workflow)) return
    throw new MillraceError('WorkflowNotFound', `there is no workflow ${workflow}`)
  }

  #find(workflow: string, name: string): Execution {
    this.#checkWorkflow(workflow)
    const execution = this.#executions.get(idOf(workflow, name))
    if (execution !== undefined) return execution
    throw new MillraceError('ExecutionNotFound', `no execution ${name} of ${workflow}`)
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString()
  }
}

function summaryOf(execution: Execution): ExecutionSummary {
  const { workflow, name, status, startDate, stopDate, redriveCount } = execution
  const ended = stopDate === undefined ? {} : { stopDate }
  return { workflow, name, status, startDate, ...ended, redriveCount }
}

function idOf(workflow: string, name: string): string {
  return JSON.stringify([workflow, name])
}

function isSameJson(a: Json, b: Json): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
