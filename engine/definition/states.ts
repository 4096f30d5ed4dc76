import type { Data } from '../data.ts'
import type { ReferencePath } from '../jsonpath/reference-path.ts'
import type { DistributedMap } from '../map/definition.ts'
import type { Template } from '../template.ts'

export type QueryLanguage = 'JSONPath' | 'JSONata'

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

/** What every state has. */
export interface StateBase {
  readonly name: string
  readonly language: QueryLanguage
  /** Of JSONPath: makes the effective input of the state's input. `Turn.effectiveInput` reads it. */
  readonly inputPath: Template | undefined
}

/** What a state makes of its result, and where it goes. `Turn.exit` follows it. */
export interface Continuation {
  /** Of JSONata: `$states` has the result, or in a Catch the error. Without it the result itself. */
  readonly output: Template | undefined
  /** Of JSONPath: how the result becomes the output; the fields are applied in this order. */
  readonly resultSelector?: Template | undefined
  /** Where in the input the result goes; null keeps the input as it is; default all of it. */
  readonly resultPath?: ReferencePath | null | undefined
  readonly outputPath?: Template | undefined
  readonly assign: Template | undefined
  /** The next state's name; without it, the workflow ends here. */
  readonly next: string | undefined
}

export interface TaskState extends StateBase, Continuation, Handling {
  readonly type: 'Task'
  readonly resource: string
  readonly arguments: Template | undefined
  readonly timeoutSeconds: Template | undefined
  readonly heartbeatSeconds: Template | undefined
}

export interface PassState extends StateBase, Continuation {
  readonly type: 'Pass'
  /** Of JSONPath: the state's result; without either, its effective input. */
  readonly result: Data | undefined
  readonly parameters: Template | undefined
}

export interface ChoiceState extends StateBase {
  readonly type: 'Choice'
  readonly choices: readonly (Continuation & { readonly condition: Template })[]
  /** Taken when no condition holds. */
  readonly otherwise: Continuation | undefined
}

export interface WaitState extends StateBase, Continuation {
  readonly type: 'Wait'
  readonly seconds: Template | undefined
  readonly timestamp: Template | undefined
}

export interface SucceedState extends StateBase, Continuation {
  readonly type: 'Succeed'
}

export interface FailState extends StateBase {
  readonly type: 'Fail'
  readonly error: Template | undefined
  readonly cause: Template | undefined
}

export interface ParallelState extends StateBase, Continuation, Handling {
  readonly type: 'Parallel'
  readonly arguments: Template | undefined
  readonly branches: readonly Workflow[]
}

export interface MapState extends StateBase, Continuation, Handling {
  readonly type: 'Map'
  readonly items: Template | undefined
  readonly itemSelector: Template | undefined
  readonly itemProcessor: Workflow
  /** Undefined for an inline Map. */
  readonly distributed: DistributedMap | undefined
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
