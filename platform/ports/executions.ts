import type { Json, JsonObject } from './json.ts'
import type { PageOptions } from './pages.ts'

/**
 * Executions of the platform's workflows (Step Functions). A name is 1 to 80 characters of
 * `[A-Za-z0-9_-]`, unique in its workflow.
 *
 * `start` with the name and input of a running execution answers that one; with a name that is
 * taken otherwise it throws ExecutionConflict. `stop` leaves an execution that has ended as it is.
 *
 * Errors: WorkflowNotFound, ExecutionNotFound, ExecutionConflict (also a redrive of what runs or
 * succeeded), NameInvalid (a start), ItemInvalid (an input that is not JSON), MessageTooLarge (an input
 * over 256 KiB of JSON), CursorInvalid, RequestInvalid (a limit, a status or a reason out of its range),
 * StorageFailed.
 */
export interface Executions {
  /** `input` is JSON: what `JSON.stringify` makes of it is what the execution gets. */
  start(request: { workflow: string; name: string; input: unknown }): Promise<Execution>
  describe(workflow: string, name: string): Promise<Execution>
  /** The newest first, at most `limit` (1 to 1000, default 50). */
  list(
    options?: PageOptions & {
      readonly workflow?: string | undefined
      readonly status?: ExecutionStatus | undefined
    },
  ): Promise<{ executions: ExecutionSummary[]; cursor?: string }>
  /** Events of the history after `after` (exclusive, default 0), at most `limit` (1 to 1000, default 1000). */
  history(
    workflow: string,
    name: string,
    options?: { after?: number; limit?: number },
  ): Promise<ExecutionEvent[]>
  stop(workflow: string, name: string, reason?: { error?: string; cause?: string }): Promise<void>
  /** Goes on at the failed state of a FAILED, ABORTED or TIMED_OUT execution. */
  redrive(workflow: string, name: string): Promise<void>
}

export type ExecutionStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED'

export interface ExecutionSummary {
  readonly workflow: string
  readonly name: string
  readonly status: ExecutionStatus
  /** ISO 8601 times. */
  readonly startDate: string
  readonly stopDate?: string
  readonly redriveCount: number
}

export interface Execution extends ExecutionSummary {
  readonly input: Json
  readonly output?: Json
  readonly error?: string
  readonly cause?: string
}

/** One event of GetExecutionHistory; `details` is the content of its `…EventDetails`. */
export interface ExecutionEvent {
  readonly id: number
  readonly previousEventId: number
  readonly type: string
  /** ISO 8601 time. */
  readonly timestamp: string
  readonly details: JsonObject
}
