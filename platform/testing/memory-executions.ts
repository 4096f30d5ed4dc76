import { MillraceError } from '../ports/errors.ts'
import type {
  Execution,
  ExecutionEvent,
  Executions,
  ExecutionStatus,
  ExecutionSummary,
} from '../ports/executions.ts'
import type { Json } from '../ports/json.ts'
import type { Clock } from '../ports/observability.ts'
import { decodeCursor, encodeCursor, pageLimit } from '../ports/page.ts'

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
  readonly #executions = new Map<string, Execution>()
  readonly #histories = new Map<string, readonly ExecutionEvent[]>()

  constructor(clock: Clock) {
    this.#clock = clock
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

  async start(request: { workflow: string; name: string; input: Json }): Promise<Execution> {
    const { workflow, name } = request
    const input = structuredClone(request.input)
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
    const limit = pageLimit(options.limit, 100, 1000)
    const scope = [workflow ?? null, status ?? null]
    const from = cursor === undefined ? 0 : Number(decodeCursor(scope, cursor))
    const found = [...this.#executions.values()]
      .reverse()
      .filter((one) => workflow === undefined || one.workflow === workflow)
      .filter((one) => status === undefined || one.status === status)
    const executions = found.slice(from, from + limit)
    if (from + limit >= found.length) return { executions }
    return { executions, cursor: encodeCursor(scope, String(from + limit)) }
  }

  async history(
    workflow: string,
    name: string,
    options: { after?: number; limit?: number } = {},
  ): Promise<ExecutionEvent[]> {
    this.#find(workflow, name)
    const limit = pageLimit(options.limit, 1000, 1000)
    const events = this.#histories.get(idOf(workflow, name)) ?? []
    return events.filter(({ id }) => id > (options.after ?? 0)).slice(0, limit)
  }

  async stop(
    workflow: string,
    name: string,
    reason: { error?: string; cause?: string } = {},
  ): Promise<void> {
    this.requests.push({ request: 'stop', workflow, name })
    if (this.#find(workflow, name).status !== 'RUNNING') {
      throw new MillraceError('ExecutionConflict', `the execution ${name} is not running`)
    }
    this.set({ workflow, name, status: 'ABORTED', stopDate: this.#now(), ...reason })
  }

  async redrive(workflow: string, name: string): Promise<void> {
    this.requests.push({ request: 'redrive', workflow, name })
    const { status, redriveCount } = this.#find(workflow, name)
    if (status === 'RUNNING' || status === 'SUCCEEDED') {
      throw new MillraceError('ExecutionConflict', `the execution ${name} is ${status}`)
    }
    this.set({ workflow, name, status: 'RUNNING', redriveCount: redriveCount + 1 })
  }

  #find(workflow: string, name: string): Execution {
    const execution = this.#executions.get(idOf(workflow, name))
    if (execution !== undefined) return execution
    throw new MillraceError('ExecutionNotFound', `no execution ${name} of ${workflow}`)
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString()
  }
}

function idOf(workflow: string, name: string): string {
  return JSON.stringify([workflow, name])
}

function isSameJson(a: Json, b: Json): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
