import type { Template } from '../template.ts'

/** States between which control moves: a whole state machine, a branch, or what a Map repeats. */
export interface Workflow {
  readonly startAt: string
  readonly states: ReadonlyMap<string, State>
}

export interface StateMachine extends Workflow {
  /** Seconds, from the start or the last redrive. */
  readonly timeoutSeconds: number | undefined
}

export type State =
  | TaskState
  | PassState
  | ChoiceState
  | WaitState
  | SucceedState
  | FailState
  | ParallelState
  | MapState

export type StateTypeName = State['type']

/** What a state makes of its result, and where it goes. */
export interface Continuation {
  /** `$states` has the result, or in a Catch the error. Without it the result itself. */
  readonly output: Template | undefined
  readonly assign: Template | undefined
  /** The next state's name; without it, the workflow ends here. */
  readonly next: string | undefined
}

export interface TaskState extends Continuation, Handling {
  readonly type: 'Task'
  readonly name: string
  readonly resource: string
  readonly arguments: Template | undefined
  readonly timeoutSeconds: Template | undefined
  readonly heartbeatSeconds: Template | undefined
}

export interface PassState extends Continuation {
  readonly type: 'Pass'
  readonly name: string
}

export interface ChoiceState {
  readonly type: 'Choice'
  readonly name: string
  readonly choices: readonly (Continuation & { readonly condition: Template })[]
  /** Taken when no condition holds. */
  readonly otherwise: Continuation | undefined
}

export interface WaitState extends Continuation {
  readonly type: 'Wait'
  readonly name: string
  readonly seconds: Template | undefined
  readonly timestamp: Template | undefined
}

export interface SucceedState extends Continuation {
  readonly type: 'Succeed'
  readonly name: string
}

export interface FailState {
  readonly type: 'Fail'
  readonly name: string
  readonly error: Template | undefined
  readonly cause: Template | undefined
}

export interface ParallelState extends Continuation, Handling {
  readonly type: 'Parallel'
  readonly name: string
  readonly arguments: Template | undefined
  readonly branches: readonly Workflow[]
}

export interface MapState extends Continuation, Handling {
  readonly type: 'Map'
  readonly name: string
  readonly items: Template | undefined
  readonly itemSelector: Template | undefined
  readonly itemProcessor: Workflow
  readonly maxConcurrency: Template | undefined
  readonly toleratedFailureCount: Template | undefined
  readonly toleratedFailurePercentage: Template | undefined
}

/** What a state does when it fails. */
export interface Handling {
  readonly retry: readonly Retrier[]
  readonly catch: readonly Catcher[]
}

export interface Retrier {
  readonly errorEquals: readonly string[]
  readonly intervalSeconds: number
  readonly maxAttempts: number
  readonly backoffRate: number
  readonly maxDelaySeconds: number | undefined
  readonly jitterStrategy: 'FULL' | 'NONE'
}

export interface Catcher extends Continuation {
  readonly errorEquals: readonly string[]
  readonly next: string
}
