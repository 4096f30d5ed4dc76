import { apply } from './apply.ts'
import type { Clock } from './clock.ts'
import { contextOf } from './context.ts'
import { Data, dataLimitExceeded, type Json } from './data.ts'
import type { Continuation, StateTypeName } from './definition/states.ts'
import { errorNames, type Failure, failureFields } from './errors.ts'
import type { Execution, Scope, StateRun } from './execution.ts'
import { catcherFor, retryOf } from './handling.ts'
import { limits } from './limits.ts'
import { type LogEvent, type Occurrence, unshownTypes } from './log.ts'
import { LazyReading, variablesIn } from './reading.ts'
import type { StateTypes } from './states/index.ts'
import { EvaluationError, type Reading, type Template } from './template.ts'
import { assignmentFault } from './variables.ts'

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

/** An item of a Map, as the Context object has it. */
export interface MapItem {
  readonly index: number
  readonly value: Json
  /** Of a member of an object. */
  readonly key?: string
  /** Where a distributed Map has it from. */
  readonly source?: string
}

/** What an evaluation reads beside the state's input, the Context object and the variables. */
export interface Extras {
  /** `$` of JSONPath; default the state's effective input. */
  readonly root?: Json
  readonly result?: Json
  readonly errorOutput?: Json
  /** The item of a Map whose ItemSelector is evaluated. */
  readonly item?: MapItem
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
  /** The scopes that the events are of, or have made. */
  readonly touched: Scope[] = []
  /** The nested executions that no task waits for any more. */
  readonly abandoned: string[] = []
  /** Milliseconds since 1970: a transition has one time. */
  readonly now: number
  readonly #types: StateTypes
  readonly #random: () => number

  constructor(execution: Execution, types: StateTypes, clock: Clock, random: () => number) {
    this.execution = execution
    this.#types = types
    this.now = clock.now()
    this.#random = random
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
      execution.type === 'STANDARD' &&
      execution.lastId >= limits.historyEvents - 1 &&
      !occurrence.type.startsWith('Execution')
    ) {
      throw new HistoryFull()
    }
    // An event that starts an iteration makes its scope.
    const before = execution.scopes.get(scope)
    // The spread comes first: after other properties it would take many times as long.
    const event: LogEvent = {
      ...occurrence,
      seq: execution.lastSeq + 1,
      id: isShown ? execution.lastId + 1 : null,
      previous: previous ?? before?.last ?? 0,
      time: this.now,
      scope,
    }
    const child = childOf(before)
    apply(execution, event)
    if (child !== undefined && childOf(before) !== child) this.abandoned.push(child)
    this.#touch(before ?? execution.scopes.get(scope)!, event)
    this.events.push(event)
    return event
  }

  #touch(scope: Scope, event: LogEvent): void {
    this.#add(scope)
    if (event.type !== 'ParallelStarted') return
    for (const branch of scope.run?.children?.scopes ?? []) this.#add(branch)
  }

  /** They are few, and mostly the last one again: a Set would cost more than all the rest. */
  #add(scope: Scope): void {
    if (this.touched.at(-1) !== scope && !this.touched.includes(scope)) this.touched.push(scope)
  }

  /** The execution ends, whatever runs in it. */
  abandonAll(): void {
    for (const scope of this.execution.scopes.values()) {
      const child = childOf(scope)
      if (child !== undefined) this.abandoned.push(child)
    }
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
      this.fail(scope, run, error.failure, scope.last, true)
    }
  }

  /** The input of a state of JSONPath after InputPath; of a state of JSONata, the input itself. */
  effectiveInput(scope: Scope, run: StateRun): Data {
    const { inputPath } = run.state
    return inputPath === undefined
      ? run.input
      : this.evaluate(scope, run, inputPath, { root: run.input.value })
  }

  /** Throws StateFault when the evaluation fails, or when what it answers is over the limit. */
  evaluate(scope: Scope, run: StateRun, template: Template, extras: Extras = {}): Data {
    try {
      const result = template.evaluate(this.#reading(scope, run, extras))
      if (result.isTooLarge) throw new StateFault(dataLimitExceeded(run.state.name))
      return result
    } catch (error) {
      if (error instanceof EvaluationError) throw this.#faultOf(run, error)
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
    extras: Extras = {},
  ): T {
    const answer = this.evaluate(scope, run, template, extras)
    if (check(answer.value)) return answer.value
    throw this.#faultOf(run, template.mismatch(answer, expected))
  }

  /** The failure of a value that a field cannot have, in the query language of the state. */
  evaluationFault(run: StateRun, location: string, message: string): StateFault {
    return run.state.language === 'JSONata'
      ? new StateFault(
          { error: errorNames.queryEvaluationError, cause: causeIn(run, message) },
          location,
        )
      : new StateFault({ error: errorNames.runtime, cause: causeIn(run, message) })
  }

  /** The Context object. */
  context(scope: Scope, run: StateRun, extras: Extras): Json {
    return contextOf(this.execution, scope, run, extras)
  }

  #faultOf(run: StateRun, { error, message, location }: EvaluationError): StateFault {
    return new StateFault({ error, cause: causeIn(run, message) }, location)
  }

  #reading(scope: Scope, run: StateRun, extras: Extras): Reading {
    return new LazyReading({
      root: () => (extras.root === undefined ? this.effectiveInput(scope, run).value : extras.root),
      context: () => this.context(scope, run, extras),
      variables: () => variablesIn(scope),
      states: (context) => ({
        input: run.input.value,
        context,
        ...(extras.result === undefined ? {} : { result: extras.result }),
        ...(extras.errorOutput === undefined ? {} : { errorOutput: extras.errorOutput }),
      }),
    })
  }

  /** Ends the state: makes its output, assigns its variables and goes where `way` goes. */
  exit(scope: Scope, run: StateRun, way: Continuation, result: Data, extras: Extras = {}): void {
    const output = this.#output(scope, run, way, result, extras)
    const assigned =
      way.assign === undefined
        ? undefined
        : this.evaluate(scope, run, way.assign, { ...extras, root: result.value })
    if (output.isTooLarge) throw new StateFault(dataLimitExceeded(run.state.name))
    const fault = assigned && assignmentFault(this.execution, scope, run.state.name, assigned)
    if (fault !== undefined) throw new StateFault(fault)
    this.emit(scope.id, {
      type: 'StateExited',
      stateType: run.state.type,
      name: run.state.name,
      output,
      assigned,
      next: way.next,
    })
    if (way.next === undefined) this.#end(scope)
  }

  #output(scope: Scope, run: StateRun, way: Continuation, result: Data, extras: Extras): Data {
    if (way.output !== undefined) return this.evaluate(scope, run, way.output, extras)
    const { resultSelector, resultPath, outputPath } = way
    const read = (template: Template, { value }: Data) =>
      this.evaluate(scope, run, template, { ...extras, root: value })
    const selected = resultSelector === undefined ? result : read(resultSelector, result)
    const placed = this.#place(run, resultPath, selected)
    return outputPath === undefined ? placed : read(outputPath, placed)
  }

  #place(run: StateRun, resultPath: Continuation['resultPath'], result: Data): Data {
    if (resultPath === undefined) return result
    if (resultPath === null) return run.input
    try {
      return resultPath.place(run.input, result)
    } catch (error) {
      if (error instanceof EvaluationError) throw this.#faultOf(run, error)
      throw error
    }
  }

  /**
   * The state failed: retries it, catches, or fails what it is in.
   *
   * @param isOwn whether it failed by itself, not by what it runs: States.Runtime, which nothing can
   * catch, then ends it without an event of its own
   */
  fail(scope: Scope, run: StateRun, failure: Failure, previous = scope.last, isOwn = false): void {
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
      if (state.type !== 'Task' && !(isOwn && failure.error === errorNames.runtime)) {
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
    if (run?.mapRun?.status === 'RUNNING') this.emit(scope.id, { type: 'MapRunAborted' }, previous)
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

/** The nested execution that the scope waits for. */
function childOf(scope: Scope | undefined): string | undefined {
  const phase = scope?.run?.phase
  return phase?.kind === 'submitted' ? phase.child : undefined
}
