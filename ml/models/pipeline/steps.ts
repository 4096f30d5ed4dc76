import type { Matrix } from '../../data/matrix.ts'
import { withinMemory } from '../allocation.ts'
import { checkFeatures, checkRow } from '../checks.ts'
import { checkFitOptions, type FitOptions } from '../classifier.ts'
import { ModelError } from '../errors.ts'
import { refuseUnknownOptions } from '../options.ts'
import type { RowSource } from '../row-source.ts'
import { StandardScaler } from '../preprocessing/standard-scaler.ts'
import { TransformedRows } from '../preprocessing/transformed-rows.ts'
import { transformAll, transformOwned, type Transformer } from '../preprocessing/transformer.ts'
import type { Tensors } from '../tensors.ts'

export interface PipelineOptions {
  /** What is done to the features before the model sees them, in this order. Default nothing. */
  readonly steps?: readonly Transformer[]
  /** Whether features are standardised after all other steps. Default false. */
  readonly scale?: boolean
  /** The most rows that `fit` takes; not part of what was learned. */
  readonly rowCap?: number
}

/** What a pipeline asks of the model behind its steps. */
export interface StepsTarget {
  readonly algorithm: string
  readonly featureCount: number
  readonly acceptsMissing?: boolean
  toTensors(): Tensors
}

/** The fit of the model behind the steps. */
export interface ModelFit {
  readonly fit: (transformed: Matrix, options: FitOptions) => void
  /** The same for what the last step makes, of a model that copies its rows. */
  readonly fitRows?: ((transformed: RowSource, options: FitOptions) => void) | undefined
}

/** The steps before a model: learned with it, applied before it, kept in its file. */
export class Steps {
  readonly #model: StepsTarget
  readonly #templates: readonly Transformer[]
  readonly #rowCap: number
  #fitted: readonly Transformer[] = []
  /** Room for the row that each step gives, made at the first row, so that others need none. */
  #rows: readonly Float64Array[] | undefined
  /** Whether what a step gives is looked at before the next: it may have left a value missing. */
  #checkedAfter: readonly boolean[] = []
  /** Whether some column that the first step is given may be missing. */
  readonly #someMissing: boolean

  constructor(model: StepsTarget, options: PipelineOptions) {
    const { steps = [], scale = false, rowCap = Infinity } = checkedOptions(options)
    this.#model = model
    this.#templates = scale ? [...steps, new StandardScaler()] : [...steps]
    this.#rowCap = rowCap
    this.#someMissing = this.#acceptsSomeMissing(0)
  }

  /** Steps and a model that have learned before. Throws ShapeMismatch where they do not fit. */
  static of(model: StepsTarget, fitted: readonly Transformer[]): Steps {
    const steps = new Steps(model, { steps: fitted })
    fitted.forEach((step, s) => {
      const next = fitted[s + 1]
      const [name, takes] = next
        ? [next.kind, next.inputCount]
        : [model.algorithm, model.featureCount]
      if (step.outputCount !== takes) {
        throw new ModelError(
          'ShapeMismatch',
          `the step ${step.kind} gives ${step.outputCount} columns, ${name} takes ${takes}`,
        )
      }
    })
    steps.#take(fitted)
    return steps
  }

  /** As learned; before the first fit there are none. */
  get fitted(): readonly Transformer[] {
    return this.#fitted
  }

  /** Columns that the first step takes, or the model. */
  get featureCount(): number {
    const modelCount = this.#model.featureCount
    return this.#fitted[0]?.inputCount ?? modelCount
  }

  /** Whether any column may be missing: no NaN reaches a step or a model that refuses it. */
  get acceptsMissing(): boolean {
    const decides = this.#templates.find(({ missing }) => !missing.startsWith('passed'))
    return decides ? decides.missing === 'filled' : this.#model.acceptsMissing === true
  }

  /**
   * Learns the steps from X, then the model from what they make of it; only when both are done the
   * new steps replace the old. Holds X and one copy, or with `overwriteX` X alone, unless a step makes
   * rows wider; of what the last step makes nothing where the model copies its rows.
   */
  fit(X: Matrix, fitOptions: FitOptions, { fit, fitRows }: ModelFit): void {
    checkFitOptions(this.#model.algorithm, fitOptions)
    const { signal, onProgress, overwriteX = false, copyTo } = fitOptions
    checkFeatures(X, undefined, this.#someMissing)
    if (X.rows > this.#rowCap) {
      throw new ModelError(
        'RowCapExceeded',
        `${this.#model.algorithm} learns from at most ${this.#rowCap} rows, got ${X.rows}: ` +
          'use another algorithm or fewer rows',
      )
    }
    // What share the steps have is not known, and the model tells of its own from the beginning.
    const onStep = onProgress && (() => onProgress({ fraction: 0, iterations: 0 }))
    const options = { signal, onProgress: onStep }
    let features = X
    const fitted = this.#templates.map((template, s) =>
      withinMemory(template.kind, () => {
        const step = template.unfitted().fit(features, options)
        if (fitRows && s === this.#templates.length - 1) return step
        features =
          features === X && !overwriteX
            ? transformAll(step, X, options, copyTo)
            : transformOwned(step, features, options)
        return step
      }),
    )
    const last = fitted.at(-1)
    // The memory has what the steps made, and is not to be given twice.
    const modelOptions = last ? { ...fitOptions, copyTo: undefined } : fitOptions
    if (fitRows && last) fitRows(new TransformedRows(last, features, options), modelOptions)
    else fit(features, modelOptions)
    this.#take(fitted)
  }

  transform(X: Matrix): Matrix {
    // Checked here: the model would name the values after the steps.
    checkFeatures(X, this.featureCount, this.#someMissing)
    let features = X
    this.#fitted.forEach((step, s) => {
      features = features === X ? transformAll(step, X) : transformOwned(step, features)
      if (this.#checkedAfter[s]) checkFeatures(features)
    })
    return features
  }

  /** The row for the model, valid until the next call. */
  transformRow(row: Float64Array): Float64Array {
    checkRow(row, this.featureCount, this.#someMissing)
    this.#rows ??= this.#fitted.map((step) => new Float64Array(step.outputCount))
    let features = row
    for (let s = 0; s < this.#fitted.length; s++) {
      this.#fitted[s]!.transformRow(features, this.#rows[s]!)
      features = this.#rows[s]!
      if (this.#checkedAfter[s]) checkRow(features, features.length)
    }
    return features
  }

  /** The model's tensors under `model.`, those of step s under `steps.s.`. */
  toTensors(): Tensors {
    const tensors: Tensors = prefixed('model.', this.#model.toTensors())
    this.#fitted.forEach((step, s) => {
      Object.assign(tensors, prefixed(`steps.${s}.`, step.toTensors()))
    })
    return tensors
  }

  /** Whether some column of what step s is given, or after the last the model, may be missing. */
  #acceptsSomeMissing(s: number): boolean {
    const decides = this.#templates.slice(s).find(({ missing }) => missing !== 'passed')
    return decides ? decides.missing !== 'refused' : this.#model.acceptsMissing === true
  }

  #take(fitted: readonly Transformer[]): void {
    this.#fitted = fitted
    // The model checks what it gets by itself.
    this.#checkedAfter = fitted.map(
      ({ missing }, s) =>
        (missing === 'passed-or-filled' || missing === 'partly-refused') &&
        s + 1 < fitted.length &&
        !this.#acceptsSomeMissing(s + 1),
    )
    this.#rows = undefined
  }
}

/** Throws OptionInvalid. */
function checkedOptions(options: PipelineOptions): PipelineOptions {
  refuseUnknownOptions('Pipeline', ['steps', 'scale', 'rowCap'], options)
  const { steps = [], scale = false, rowCap = Infinity } = options
  const areSteps = Array.isArray(steps) && steps.every((step) => 'unfitted' in Object(step))
  if (!areSteps) throw invalidOption('steps takes a list of transformers')
  if (typeof scale !== 'boolean') throw invalidOption('scale takes true or false')
  const isCap = rowCap === Infinity || (Number.isInteger(rowCap) && rowCap >= 1)
  if (!isCap) throw invalidOption(`rowCap takes a whole number from 1, got ${rowCap}`)
  return options
}

function invalidOption(what: string): ModelError {
  return new ModelError('OptionInvalid', `Pipeline: option ${what}`)
}

function prefixed(prefix: string, tensors: Tensors): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor]),
  )
}
