import { type Data, emptyObject, type Json } from './data.ts'
import type { State, StateMachine, Workflow } from './definition/states.ts'
import type { TaskBounds } from './log.ts'
import type { MapRun } from './map/run.ts'

export type ExecutionStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED'

/**
 * STANDARD: durable, to the 25,000th event of its history. EXPRESS: in memory, without a history, for
 * five minutes.
 */
export type StateMachineTypeName = 'STANDARD' | 'EXPRESS'

/** What does not change over an execution. */
export interface ExecutionIdentity {
  /** Its key in the database. */
  readonly id: number
  readonly arn: string
  readonly name: string
  readonly type: StateMachineTypeName
  readonly stateMachineArn: string
  readonly stateMachineName: string
  readonly roleArn: string
}

/** An execution as the events of its log have made it; only `apply` (apply.ts) changes it. */
export interface Execution extends ExecutionIdentity {
  readonly machine: StateMachine
  readonly root: Scope
  /** Those that run, or that a redrive could revive, by their ids. */
  readonly scopes: Map<number, Scope>
  /** The id of the next new scope. */
  nextScope: number
  input: Data
  startTime: number
  stopTime: number | undefined
  status: ExecutionStatus
  output: Data | undefined
  error: string | undefined
  cause: string | undefined
  redriveCount: number
  redriveTime: number | undefined
  lastSeq: number
  lastId: number
}

/** A thread of control: the execution's own, a branch of a Parallel or an iteration of a Map. */
export interface Scope {
  readonly id: number
  readonly workflow: Workflow
  /** The state that this is a branch or an iteration of. */
  readonly parent: { readonly scope: Scope; readonly run: StateRun } | undefined
  /** Which branch or iteration, from 0. */
  readonly index: number
  /** Variables assigned in this scope. */
  variables: Record<string, Json>
  status: 'running' | 'succeeded' | 'unsuccessful'
  /** The input of the next state, or the output when succeeded. */
  value: Data
  /** The state to enter, when none is being run. */
  next: string
  run: StateRun | undefined
  /** The last history event of this thread. */
  last: number
}

/** One stay in a state. */
export interface StateRun {
  readonly state: State
  readonly input: Data
  readonly enteredId: number
  readonly enteredTime: number
  /** The event that led into the state. */
  readonly enteredAfter: number
  retryCount: number
  /** Retries so far by index of the retrier. */
  attempts: ReadonlyMap<number, number>
  phase: Phase
  children: Children | undefined
  /** Of a distributed Map that has started. */
  mapRun: MapRun | undefined
}

export type Phase =
  /** To be started: just entered, or redriven. */
  | { readonly kind: 'entered' }
  | ({
      readonly kind: 'task'
      readonly parameters: Data
      readonly taskToken: string
      readonly attempt: number
      /** When it was scheduled, in milliseconds since 1970. */
      readonly since: number
    } & TaskBounds)
  /** A task that was started and that a token, or the end of the nested execution `child`, ends. */
  | ({
      readonly kind: 'submitted'
      readonly taskToken: string
      readonly since: number
      readonly child?: string
    } & TaskBounds)
  | { readonly kind: 'waiting'; readonly until: number }
  | { readonly kind: 'retrying'; readonly at: number }
  | { readonly kind: 'children' }
  /** A map run is under way. */
  | { readonly kind: 'mapRun' }
  /** A map run is to go on after a redrive. */
  | { readonly kind: 'mapRunEnded' }
  | { readonly kind: 'ended' }

/** The branches or iterations of a state. */
export interface Children {
  readonly scopes: Scope[]
  /** Of a Map. */
  readonly items: readonly Json[]
  /** How many may run at once. */
  readonly concurrency: number
  /** How many there are to be. */
  readonly length: number
  succeeded: number
}

export function newExecution(identity: ExecutionIdentity, machine: StateMachine): Execution {
  const root = newScope(0, machine, undefined, 0, emptyObject, 0)
  return {
    ...identity,
    machine,
    root,
    scopes: new Map([[0, root]]),
    nextScope: 1,
    input: emptyObject,
    startTime: 0,
    stopTime: undefined,
    status: 'RUNNING',
    output: undefined,
    error: undefined,
    cause: undefined,
    redriveCount: 0,
    redriveTime: undefined,
    lastSeq: 0,
    lastId: 0,
  }
}

export function newScope(
  id: number,
  workflow: Workflow,
  parent: Scope['parent'],
  index: number,
  value: Data,
  last: number,
): Scope {
  return {
    id,
    workflow,
    parent,
    index,
    variables: {},
    status: 'running',
    value,
    next: workflow.startAt,
    run: undefined,
    last,
  }
}
