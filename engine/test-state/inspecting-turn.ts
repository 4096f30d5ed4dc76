import type { Data, Json } from '../data.ts'
import type { Continuation, State } from '../definition/states.ts'
import type { Failure } from '../errors.ts'
import type { Scope, StateRun } from '../execution.ts'
import { catcherFor } from '../handling.ts'
import type { Template } from '../template.ts'
import { type Extras, Turn } from '../turn.ts'

/** What a tested state made of its data on the way, by the names of InspectionData. */
export type Inspection = Record<string, string | number>

/** A turn that tells what the state under test did, and that may have a Context object of its own. */
export class InspectingTurn extends Turn {
  readonly inspection: Inspection = {}
  /** The inputs that ItemSelector has made. */
  readonly selected: Json[] = []
  /** Why the state failed, also when the failure is retried or caught. */
  failure: Failure | undefined
  /** The index of the catcher that took the failure. */
  catchIndex: number | undefined
  /** The Context object, in place of the true one. */
  givenContext: Json | undefined

  override evaluate(scope: Scope, run: StateRun, template: Template, extras: Extras = {}): Data {
    const answer = super.evaluate(scope, run, template, extras)
    this.#record(run.state, template, answer, extras)
    return answer
  }

  override context(scope: Scope, run: StateRun, extras: Extras): Json {
    return this.givenContext ?? super.context(scope, run, extras)
  }

  override exit(
    scope: Scope,
    run: StateRun,
    way: Continuation,
    result: Data,
    extras: Extras = {},
  ): void {
    super.exit(scope, run, way, result, extras)
    const { inspection } = this
    if (run.state.language === 'JSONata' || this.catchIndex !== undefined) return
    if (!resultful.has(run.state.type)) return
    inspection['afterResultSelector'] ??= result.text
    const exited = this.events.findLast(({ type }) => type === 'StateExited')
    if (exited?.type === 'StateExited') inspection['afterResultPath'] ??= exited.output.text
  }

  override fail(
    scope: Scope,
    run: StateRun,
    failure: Failure,
    previous?: number,
    isOwn?: boolean,
  ): void {
    this.failure = failure
    if ('catch' in run.state) {
      const catcher = catcherFor(run.state, failure)
      if (catcher !== undefined) this.catchIndex = run.state.catch.indexOf(catcher)
    }
    super.fail(scope, run, failure, previous, isOwn)
  }

  #record(state: State, template: Template, { text, value }: Data, extras: Extras): void {
    const { inspection } = this
    switch (template) {
      case state.inputPath:
        inspection['afterInputPath'] = text
        return
      case 'arguments' in state && state.arguments:
        inspection[state.language === 'JSONata' ? 'afterArguments' : 'afterParameters'] = text
        return
      case 'parameters' in state && state.parameters:
        inspection['afterParameters'] = text
        return
      case 'resultSelector' in state && state.resultSelector:
        inspection['afterResultSelector'] = text
        return
      case 'outputPath' in state && state.outputPath:
        inspection['afterResultPath'] = JSON.stringify(extras.root)
        return
    }
    if (state.type !== 'Map') return
    switch (template) {
      case state.items:
        if (state.language === 'JSONPath') inspection['afterItemsPath'] = text
        return
      case state.itemSelector:
        this.selected.push(value)
        return
      case state.maxConcurrency:
        inspection['maxConcurrency'] = value as number
        return
      case state.toleratedFailureCount:
        inspection['toleratedFailureCount'] = value as number
        return
      case state.toleratedFailurePercentage:
        inspection['toleratedFailurePercentage'] = value as number
    }
  }
}

/** State types whose result ResultSelector and ResultPath shape. */
const resultful: ReadonlySet<string> = new Set(['Task', 'Pass', 'Map', 'Parallel'])
