import type { Fields } from '../definition/fields.ts'
import type { State, Workflow } from '../definition/states.ts'
import type { Failure } from '../errors.ts'
import type { Scope, StateRun } from '../execution.ts'
import type { Turn } from '../turn.ts'

/** One state type of the language: how its definition is read, and what it does. */
export interface StateType<S extends State> {
  /** Reads the fields that are the type's own; `readWorkflow` reads the workflows inside of it. */
  read(fields: Fields, name: string, readWorkflow: (fields: Fields) => Workflow): S
  /** Starts the state that `scope` is in: upon entry, for a retry and for a redrive. */
  start(turn: Turn, scope: Scope, run: StateRun): void
}

/** A state type that runs workflows of its own. */
export interface CompositeType<S extends State> extends StateType<S> {
  /** Goes on after a redrive, some of whose branches or iterations are yet to run. */
  proceed(turn: Turn, scope: Scope, run: StateRun): void
  childSucceeded(turn: Turn, scope: Scope, run: StateRun, child: Scope): void
  childFailed(turn: Turn, scope: Scope, run: StateRun, child: Scope, failure: Failure): void
}
