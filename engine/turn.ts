import { apply } from './apply.ts'
import type { Clock } from './clock.ts'
import { contextOf } from './context.ts'
import { Data, dataLimitExceeded, type Json, setProperty } from './data.ts'
import type { Continuation, StateTypeName } from './definition/states.ts'
import { errorNames, type Failure, failureFields } from './errors.ts'
import type { Execution, Scope, StateRun } from './execution.ts'
import { catcherFor, retryOf } from './handling.ts'
import { limits } from './limits.ts'
import { type LogEvent, type Occurrence, unshownTypes } from './log.ts'
import type { StateTypes } from './states/index.ts'
import { EvaluationError, type Template, typeName, type Variables } from './template.ts'

/** Fails the state being run: thrown by what a state does, caught where the state was begun. */
export class StateFault extends Error {
  override readonly name = 'StateFault'
  readonly failure: Failure
  /** The field whose evaluation failed; history then has an EvaluationFailed event. */
  readonly location: string | undefined

  constructor(failure: Failure, location?: string) {
    super(failure.cause)
    this.failure = failure
    this.location = location
  }
}

/** No more events fit into the history. */
export class HistoryFull extends Error {
  override readonly name = 'HistoryFull'
}

/** What `$states` has beside `input` and `context`. */
export interface Extras {
  readonly result?: Json
  readonly errorOutput?: Json
  /** The item of a Map whose ItemSelector is evaluated. */
  readonly item?: { readonly index: number; readonly value: Json }
  readonly taskToken?: string
}

/**
 * One transition: decides, by the rules of the language, what happens next, as events that are folded
 * into the execution as they are made and are committed together. Everything here is synchronous and
 * touches nothing but the execution.
 */
export class Turn {
  readonly execution: Execution
  readonly events: LogEvent[] = []
  readonly #types: StateTypes
  readonly #clock: Clock
  readonly #random: () => number

  constructor(execution: Execution, types: StateTypes, clock: Clock, random: () => number) {
    this.execution = execution
    this.#types = types
    this.#clock = clock
    this.#random = random
  }

  get now(): number {
    return this.#clock.now()
  }

  /**
   * Makes an event of `scope`.
   *
   * @param previous the event that led to it; default the scope's last one
   * @throws HistoryFull when only the execution's end fits into the history
   */
  emit(scope: number, occurrence: Occurrence, previous?: number): LogEvent {
    const { execution } = this
    const isShown = !unshownTypes.has(occurrence.type)
    if (
      isShown &&
      execution.lastId >= limits.historyEvents - 1 &&
      !occurrence.type.startsWith('Execution')
    ) {
      throw new HistoryFull()
    }
    const event: LogEvent = {
      seq: execution.lastSeq + 1,
      id: isShown ? execution.lastId + 1 : null,
      previous: previous ?? execution.scopes.get(scope)?.last ?? 0,
      time: this.now,
      scope,
      ...occurrence,
    }
    apply(execution, event)
    this.events.push(event)
    return event
  }

  /** Enters the scope's next state and does what it does. */
  enter(scope: Scope): void {
    const state = scope.workflow.states.get(scope.next)!
    this.emit(scope.id, {
      type: 'StateEntered',
      stateType: state.type,
      name: state.name,
      input: scope.value,
    })
    this.begin(scope)
  }

  /** Starts (or starts again) the state that the scope is in. */
  begin(scope: Scope): void {
    const run = scope.run!
    this.attempt(scope, run, () => {
      this.#types[run.state.type].start(this, scope, run)
    })
  }

  /** Runs `body`, whose StateFault fails the state. */
  attempt(scope: Scope, run: StateRun, body: () => void): void {
    try {
      body()
    } catch (error) {
      if (!(error instanceof StateFault)) throw error
      if (error.location !== undefined) {
        this.emit(
          scope.id,
          {
            type: 'EvaluationFailed',
            state: run.state.name,
            location: error.location,
            ...failureFields(error.failure),
          },
          scope.last === run.enteredId ? run.enteredAfter : scope.last,
        )
      }
      this.fail(scope, run, error.failure)
    }
  }

  /** Throws StateFault when the evaluation fails, or when what it answers is over the limit. */
  evaluate(scope: Scope, run: StateRun, template: Template, extras?: Extras): Data {
    try {
      const result = template.evaluate(this.variables(scope, run, extras))
      if (result.isTooLarge) throw new StateFault(dataLimitExceeded(run.state.name))
      return result
    } catch (error) {
      if (error instanceof EvaluationError) {
        throw this.evaluationFault(run, error.location, error.message)
      }
      if (error instanceof RangeError) {
        throw this.evaluationFault(
          run,
          template.field,
          `The value of the field '${template.field}' is nested too deeply.`,
        )
      }
      throw error
    }
  }

  /** As `evaluate`, for a value that has to pass `check`; `expected` names it in the cause. */
  evaluateAs<T extends Json>(
    scope: Scope,
    run: StateRun,
    template: Template,
    expected: string,
    check: (value: Json) => value is T,
    extras?: Extras,
  ): T {
    const { value, text } = this.evaluate(scope, run, template, extras)
    if (check(value)) return value
    const { source } = template
    const said = source === undefined ? 'The value' : `The JSONata expression '${source}'`
    throw this.evaluationFault(
      run,
      template.field,
      `${said} specified for the field '${template.field}' returned an unexpected result type. ` +
        `Expected '${expected}', but was '${typeName(value)}' for value: ${text}`,
    )
  }

  evaluationFault(run: StateRun, location: string, message: string): StateFault {
    return new StateFault(
      { error: errorNames.queryEvaluationError, cause: causeIn(run, message) },
      location,
    )
  }

  /** The variables that an expression of the state reads: `$states` and those in scope. */
  variables(scope: Scope, run: StateRun, extras: Extras = {}): Variables {
    let made: Record<string, unknown> | undefined
    return () => {
      made ??= {
        ...variablesIn(scope),
        states: {
          input: run.input.value,
          context: contextOf(this.execution, scope, run, extras),
          ...(extras.result === undefined ? {} : { result: extras.result }),
          ...(extras.errorOutput === undefined ? {} : { errorOutput: extras.errorOutput }),
        },
      }
      return made
    }
  }

  /** Ends the state: makes its output, assigns its variables and goes where `way` goes. */
  exit(scope: Scope, run: StateRun, way: Continuation, result: Data, extras: Extras = {}): void {
    const output = way.output === undefined ? result : this.evaluate(scope, run, way.output, extras)
    const assigned =
      way.assign === undefined ? undefined : this.evaluate(scope, run, way.assign, extras)
    if (output.isTooLarge) throw new StateFault(dataLimitExceeded(run.state.name))
    this.emit(scope.id, {
      type: 'StateExited',
      stateType: run.state.type,
      name: run.state.name,
      output,
      ...(assigned === undefined ? {} : { assigned }),
      ...(way.next === undefined ? {} : { next: way.next }),
    })
    if (way.next === undefined) this.#end(scope)
  }

  /** The state failed: retries it, catches, or fails what it is in. */
  fail(scope: Scope, run: StateRun, failure: Failure, previous = scope.last): void {
    for (const child of run.children?.scopes ?? []) this.abort(child, previous)
    const { state } = run
    if ('retry' in state) {
      const retry = retryOf(state, run, failure, this.#random)
      if (retry !== undefined) {
        const { retrier, delay } = retry
        const at = this.now + delay
        this.emit(
          scope.id,
          { type: 'RetryScheduled', at, retrier, ...failureFields(failure) },
          previous,
        )
        return
      }
      if (state.type !== 'Task') {
        this.emit(scope.id, { type: 'StateFailed', stateType: state.type }, previous)
      }
      const catcher = catcherFor(state, failure)
      if (catcher !== undefined) {
        this.#catch(scope, run, catcher, failure)
        return
      }
    }
    this.#failScope(scope, failure)
  }

  /** Ends what runs in a branch or iteration whose siblings failed, or in an execution that ends. */
  abort(scope: Scope, previous: number): void {
    if (scope.status !== 'running') return
    const { run } = scope
    for (const child of run?.children?.scopes ?? []) this.abort(child, previous)
    if (run !== undefined && abortable.has(run.state.type)) {
      this.emit(scope.id, { type: 'StateAborted', stateType: run.state.type }, previous)
    }
    if (scope.parent?.run.state.type === 'Map') {
      const { name } = scope.parent.run.state
      this.emit(scope.id, { type: 'IterationAborted', name, index: scope.index }, previous)
    }
  }

  #end(scope: Scope): void {
    const { parent } = scope
    if (parent === undefined) {
      this.emit(0, { type: 'ExecutionSucceeded', output: scope.value })
      return
    }
    this.attempt(parent.scope, parent.run, () => {
      this.#composite(parent.run).childSucceeded(this, parent.scope, parent.run, scope)
    })
  }

  #failScope(scope: Scope, failure: Failure): void {
    const { parent } = scope
    if (parent === undefined) {
      this.emit(0, { type: 'ExecutionFailed', ...failureFields(failure) })
    } else {
      this.#composite(parent.run).childFailed(this, parent.scope, parent.run, scope, failure)
    }
  }

  #composite(run: StateRun) {
    return this.#types[run.state.type as 'Map' | 'Parallel']
  }

  #catch(scope: Scope, run: StateRun, catcher: Continuation, failure: Failure): void {
    const { error = '', cause = '' } = failure
    const errorOutput = { Error: error, Cause: cause }
    try {
      this.exit(scope, run, catcher, new Data(errorOutput), { errorOutput })
    } catch (error) {
      if (!(error instanceof StateFault)) throw error
      // An error in handling an error is not handled again.
      if (error.location !== undefined) {
        const { failure: evaluation, location } = error
        this.emit(scope.id, {
          type: 'EvaluationFailed',
          state: run.state.name,
          location,
          ...failureFields(evaluation),
        })
      }
      this.#failScope(scope, error.failure)
    }
  }
}

/** The states that history shows as aborted. */
const abortable: ReadonlySet<StateTypeName> = new Set(['Task', 'Wait', 'Map', 'Parallel'])

/** The beginning of every cause that speaks of a state. */
export function causeIn(run: StateRun, message: string): string {
  return `An error occurred while executing the state '${run.state.name}' (entered at the event id #${run.enteredId}). ${message}`
}

/** The variables of the scope and of those around it; the inner ones hide the outer ones. */
function variablesIn(scope: Scope): Record<string, Json> {
  const variables = scope.parent === undefined ? {} : variablesIn(scope.parent.scope)
  for (const name of Object.keys(scope.variables)) {
    setProperty(variables, name, scope.variables[name]!)
  }
  return variables
}
