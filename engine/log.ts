import { Data, type Json } from './data.ts'
import type { StateTypeName } from './definition/states.ts'

/**
 * The version of the form in which events are stored: of 1 are those before there were task tokens,
 * nested executions and map runs. Logs of earlier versions replay.
 */
const logVersion = 2

/**
 * One entry of an execution's log. The log is the only state: an execution is what `apply` makes of
 * its events, and its history is their projection. So an event holds everything that was decided when
 * it was made (what was evaluated, drawn or measured), and replay decides nothing.
 */
export type LogEvent = LogEventBase & Occurrence

interface LogEventBase {
  /** Position in the log, from 1. */
  readonly seq: number
  /** The history event's id, from 1; null for an entry that history does not show. */
  readonly id: number | null
  /** The id of the history event that led to this one; 0 for none. */
  readonly previous: number
  /** Milliseconds since 1970. */
  readonly time: number
  /** The thread of control it belongs to: 0 is the execution's own, each branch and iteration has one. */
  readonly scope: number
}

type CompositeTypeName = 'Map' | 'Parallel'

/** What happened, as the caller of `Turn.emit` says it. */
export type Occurrence =
  | { readonly type: 'ExecutionStarted'; readonly input: Data; readonly roleArn: string }
  | { readonly type: 'ExecutionSucceeded'; readonly output: Data }
  | ({
      readonly type: 'ExecutionFailed' | 'ExecutionAborted' | 'ExecutionTimedOut'
    } & FailureFields)
  | { readonly type: 'ExecutionRedriven'; readonly redriveCount: number }
  | {
      readonly type: 'StateEntered'
      readonly stateType: StateTypeName
      readonly name: string
      readonly input: Data
    }
  | {
      readonly type: 'StateExited'
      readonly stateType: StateTypeName
      readonly name: string
      readonly output: Data
      /** The new values of the variables that the state assigns. */
      readonly assigned?: Data | undefined
      /** The state to enter; absent at the end of a workflow. */
      readonly next?: string | undefined
    }
  | { readonly type: 'StateAborted'; readonly stateType: StateTypeName }
  /** A Parallel starts; its branches have the scopes from `firstScope` on. */
  | {
      readonly type: 'ParallelStarted'
      readonly input: Data
      readonly firstScope: number
    }
  /** A Map starts, or starts again. */
  | { readonly type: 'MapStarted'; readonly items: Data; readonly concurrency: number }
  /** A distributed Map starts, or starts again; `length` is 0 for items that are yet to be read. */
  | { readonly type: 'DistributedMapStarted'; readonly length: number }
  /** `settings` is MapRunSettings (map/run.ts); `total` is absent for items that are yet to be read. */
  | {
      readonly type: 'MapRunStarted'
      /** Of the Map state. */
      readonly name: string
      readonly mapRunArn: string
      readonly total?: number
      readonly settings: Data
    }
  /** Not in history: the items of a dataset are recorded, `total` of them. */
  | { readonly type: 'MapRunItemsRead'; readonly total: number }
  /** Not in history: UpdateMapRun. */
  | {
      readonly type: 'MapRunUpdated'
      readonly maxConcurrency?: number
      readonly toleratedFailureCount?: number
      readonly toleratedFailurePercentage?: number
    }
  /** Not in history: the run fails as soon as its child executions are stopped. */
  | ({ readonly type: 'MapRunFailing'; readonly location?: string } & FailureFields)
  | { readonly type: 'MapRunSucceeded' | 'MapRunAborted' }
  /** `isLost`: a redrive begins anew. */
  | ({ readonly type: 'MapRunFailed'; readonly isLost: boolean } & FailureFields)
  | {
      readonly type: 'MapRunRedriven'
      readonly mapRunArn: string
      readonly redriveCount: number
    }
  | { readonly type: 'StateSucceeded' | 'StateFailed'; readonly stateType: CompositeTypeName }
  /** An iteration starts, in a new scope, whose Map runs in scope `parent`. */
  | {
      readonly type: 'IterationStarted'
      readonly name: string
      readonly index: number
      readonly parent: number
      readonly input: Data
    }
  | {
      readonly type: 'IterationSucceeded' | 'IterationFailed' | 'IterationAborted'
      readonly name: string
      readonly index: number
    }
  | ({
      readonly type: 'TaskScheduled'
      readonly resource: string
      readonly parameters: Data
      readonly taskToken: string
      readonly attempt: number
    } & TaskBounds)
  | { readonly type: 'TaskStarted'; readonly resource: string }
  | { readonly type: 'TaskSucceeded'; readonly resource: string; readonly output: Data }
  /** A task that ends later is under way; `child` is the nested execution that it waits for. */
  | {
      readonly type: 'TaskSubmitted'
      readonly resource: string
      readonly output: Data
      readonly child?: string
    }
  | ({ readonly type: 'TaskFailed' | 'TaskTimedOut'; readonly resource: string } & FailureFields)
  | ({ readonly type: 'TaskSubmitFailed'; readonly resource: string } & FailureFields)
  | ({
      readonly type: 'EvaluationFailed'
      readonly state: string
      readonly location?: string
    } & FailureFields)
  /** Not in history: a Wait ends at `until`. */
  | { readonly type: 'WaitScheduled'; readonly until: number }
  /** Not in history: the state starts again at `at`, by its retrier of index `retrier`. */
  | ({
      readonly type: 'RetryScheduled'
      readonly at: number
      readonly retrier: number
    } & FailureFields)

interface FailureFields {
  readonly error?: string
  readonly cause?: string
}

export interface TaskBounds {
  readonly timeoutSeconds?: number
  readonly heartbeatSeconds?: number
}

/** Entries that history does not show, and that have no id. */
export const unshownTypes: ReadonlySet<string> = new Set<Occurrence['type']>([
  'WaitScheduled',
  'RetryScheduled',
  'MapRunItemsRead',
  'MapRunUpdated',
  'MapRunFailing',
])

const dataFields = new Set(['input', 'output', 'parameters', 'items', 'assigned', 'settings'])

/** The stored text of an event; `seq` and `id` are columns of their own. */
export function encodeEvent(event: LogEvent): string {
  let text = `{"v":${logVersion}`
  for (const name in event) {
    if (name === 'seq' || name === 'id') continue
    const value = (event as unknown as Record<string, unknown>)[name]
    if (value === undefined) continue
    text += `,"${name}":`
    if (value instanceof Data) text += value.text
    else text += typeof value === 'number' ? String(value) : JSON.stringify(value)
  }
  return text + '}'
}

/** Throws Error for a text of a newer version. */
export function decodeEvent(seq: number, id: number | null, text: string): LogEvent {
  const stored = JSON.parse(text) as Record<string, Json>
  if (!(Number(stored['v']) <= logVersion)) {
    throw new Error(
      `an event of log version ${JSON.stringify(stored['v'])}: install a newer version`,
    )
  }
  const event: Record<string, unknown> = { seq, id }
  for (const name in stored) {
    if (name === 'v') continue
    event[name] = dataFields.has(name) ? new Data(stored[name]!) : stored[name]
  }
  return event as unknown as LogEvent
}
