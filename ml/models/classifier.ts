import { rowOf, type Matrix } from '../data/matrix.ts'
import { withinMemory } from './allocation.ts'
import { checkFeatures, checkRow, checkWeights, encodeTargets } from './checks.ts'
import { ModelError } from './errors.ts'
import { refuseUnknownOptions, type OptionValue } from './options.ts'
import type { Tensors } from './tensors.ts'

/**
 * A learner of classes. The constructor keeps options; `fit` learns and forgets what was before; a
 * fit that throws leaves the model as it was. The rest throws NotFitted before the first fit, and
 * ShapeMismatch, DatasetEmpty, ValueNotFinite or ValueTooLarge, naming row and column, for features
 * that are not a matrix of `featureCount` columns.
 */
export interface Classifier {
  /** The name under which model files and the table of trainers know it. */
  readonly algorithm: string
  /** Every option with its value. */
  readonly parameters: Readonly<Record<string, OptionValue>>
  /** Distinct targets of the fit, ascending; a copy. */
  readonly classes: Float64Array
  readonly featureCount: number
  /** Whether a feature may be NaN, which then means missing. Default false. */
  readonly acceptsMissing?: boolean

  /**
   * Learns from X (n × d) and its n targets. Throws OneClass, TooManyClasses, NotConverged,
   * FitAborted besides.
   */
  fit(X: Matrix, y: ArrayLike<number>, options?: FitOptions): this

  /** The class of each row, a value of `classes`. */
  predict(X: Matrix): Float64Array
  /** Rows × classes, in the order of `classes`; only of models that have probabilities. */
  readonly predictProba?: ((X: Matrix) => Matrix) | undefined
  /** Rows × classes; of two classes rows × 1, positive for `classes[1]`. */
  decisionFunction(X: Matrix): Matrix

  /** `predict` for one row, without an allocation. */
  predictRow(row: Float64Array): number
  /** `predictProba` for one row, into `out`, which has a place a class. */
  readonly predictProbaRow?: ((row: Float64Array, out: Float64Array) => void) | undefined

  /** What was learned, as a model file keeps it. */
  toTensors(): Tensors
}

export interface FitOptions {
  /**
   * Looked at now and then, some milliseconds of work apart: FitAborted, with its reason as the cause.
   * A fit leaves its thread no time for timers or messages, so that only `onProgress` can abort while
   * it runs; to end one from outside, run it in a worker and end that, as `millrace dev` does.
   */
  readonly signal?: AbortSignal | undefined
  /** Called before each look at the signal. */
  readonly onProgress?: ((progress: FitProgress) => void) | undefined
  /**
   * What each row counts, from 0 to 1e12: a row of weight 2 is as good as two rows. Only of learners
   * that take it; any other throws OptionInvalid.
   */
  readonly sampleWeight?: ArrayLike<number> | undefined
  /**
   * Whether X is the fit's to spend: a pipeline writes what its steps make of the rows over them, so that
   * no second copy is held. X is then worth nothing afterwards, also when the fit throws. @default false
   */
  readonly overwriteX?: boolean | undefined
  /**
   * Gives at least so many doubles of memory, in which a pipeline keeps what its first step makes of X
   * where that is not to be written over X. The memory is the caller's again after the fit. Default
   * memory of the fit's own.
   */
  readonly copyTo?: ((values: number) => Float64Array) | undefined
}

/** How a fit is followed and ended. */
export type FollowOptions = Pick<FitOptions, 'signal' | 'onProgress'>

/** Of a fit whose rows all count the same. */
export type UnweightedFitOptions = Omit<FitOptions, 'sampleWeight'>

export interface FitProgress {
  /** The share of the work done, from 0 to 1, as far as it is known; never falls. */
  readonly fraction: number
  /** Steps of the algorithm so far. */
  readonly iterations: number
}

const fitOptions = ['signal', 'onProgress', 'sampleWeight', 'overwriteX', 'copyTo']

/** Throws OptionInvalid for an option of a fit that no fit has, or that cannot be one. */
export function checkFitOptions(owner: string, options: FitOptions): void {
  refuseUnknownOptions(`${owner}.fit`, fitOptions, options)
  const {
    signal,
    onProgress,
    overwriteX = false,
    copyTo,
  }: { readonly [Name in keyof FitOptions]: unknown } = options
  const isSignal = typeof signal === 'object' && signal !== null && 'aborted' in signal
  if (signal !== undefined && !isSignal) {
    throw new ModelError('OptionInvalid', `${owner}.fit: option signal takes an AbortSignal`)
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new ModelError('OptionInvalid', `${owner}.fit: option onProgress takes a function`)
  }
  if (typeof overwriteX !== 'boolean') {
    throw new ModelError('OptionInvalid', `${owner}.fit: option overwriteX takes true or false`)
  }
  if (copyTo !== undefined && typeof copyTo !== 'function') {
    throw new ModelError('OptionInvalid', `${owner}.fit: option copyTo takes a function`)
  }
}

/** The same of a fit that takes no weights. */
export function checkFollowOptions(owner: string, options: FollowOptions): void {
  checkFitOptions(owner, options)
  if ((options as FitOptions).sampleWeight === undefined) return
  throw new ModelError('OptionInvalid', `${owner} takes no sampleWeight`)
}

/** Tells of progress, then throws FitAborted when the fit is to end. */
export function checkpoint(options: FitOptions, progress: FitProgress): void {
  options.onProgress?.(progress)
  if (options.signal?.aborted) {
    throw new ModelError(
      'FitAborted',
      `the fit was aborted after ${progress.iterations} iterations`,
      { cause: options.signal.reason },
    )
  }
}

/** What every classifier learns, whatever else. */
export interface Learned {
  readonly classes: Float64Array
  readonly featureCount: number
}

/** The parts that all classifiers share: checks, the order of a fit, and rows to batches. */
export abstract class RowClassifier<Model extends Learned> implements Classifier {
  abstract readonly algorithm: string
  abstract readonly parameters: Readonly<Record<string, OptionValue>>
  readonly acceptsMissing: boolean = false
  readonly acceptsWeights: boolean = false
  #model: Model | undefined

  get classes(): Float64Array {
    return this.model.classes.slice()
  }

  get featureCount(): number {
    return this.model.featureCount
  }

  fit(X: Matrix, y: ArrayLike<number>, options: FitOptions = {}): this {
    checkFitOptions(this.algorithm, options)
    checkFeatures(X, undefined, this.acceptsMissing)
    const { classes, labels } = encodeTargets(y, X.rows)
    if (options.sampleWeight !== undefined) checkWeights(options.sampleWeight, X.rows, this)
    checkpoint(options, { fraction: 0, iterations: 0 })
    this.#model = withinMemory(this.algorithm, () => this.learn(X, labels, classes, options))
    return this
  }

  predict(X: Matrix): Float64Array {
    const model = this.model
    checkFeatures(X, model.featureCount, this.acceptsMissing)
    const predicted = new Float64Array(X.rows)
    this.classIndices(model, X, predicted)
    for (let i = 0; i < X.rows; i++) predicted[i] = model.classes[predicted[i]!]!
    return predicted
  }

  decisionFunction(X: Matrix): Matrix {
    const model = this.model
    checkFeatures(X, model.featureCount, this.acceptsMissing)
    const decisions = zeros(X.rows, this.decisionColumns(model))
    this.decideAll(model, X, decisions)
    return decisions
  }

  predictRow(row: Float64Array): number {
    const model = this.model
    checkRow(row, model.featureCount, this.acceptsMissing)
    return model.classes[this.classIndex(model, row)]!
  }

  abstract toTensors(): Tensors

  /** Learns from checked input; `labels` index `classes`. */
  protected abstract learn(
    X: Matrix,
    labels: Int32Array,
    classes: Float64Array,
    options: FitOptions,
  ): Model
  protected abstract classIndex(model: Model, row: Float64Array): number
  protected abstract decisionColumns(model: Model): number
  protected abstract decide(model: Model, row: Float64Array, out: Float64Array): void

  /** `classIndex` of every row; a learner that is faster over a batch overrides it, as the next. */
  protected classIndices(model: Model, X: Matrix, out: Float64Array): void {
    for (let i = 0; i < X.rows; i++) out[i] = this.classIndex(model, rowOf(X, i))
  }

  /** `decide` of every row into one of `out`, which is all 0. */
  protected decideAll(model: Model, X: Matrix, out: Matrix): void {
    for (let i = 0; i < X.rows; i++) this.decide(model, rowOf(X, i), rowOf(out, i))
  }

  protected get model(): Model {
    if (this.#model === undefined) {
      throw new ModelError('NotFitted', `${this.algorithm}: call fit before asking the model`)
    }
    return this.#model
  }

  /** Takes over a model that was learned before. */
  protected restore(model: Model): this {
    this.#model = model
    return this
  }
}

/** A classifier that has probabilities. */
export abstract class ProbabilisticClassifier<Model extends Learned> extends RowClassifier<Model> {
  predictProba(X: Matrix): Matrix {
    const model = this.model
    checkFeatures(X, model.featureCount, this.acceptsMissing)
    const probabilities = zeros(X.rows, model.classes.length)
    this.weighAll(model, X, probabilities)
    return probabilities
  }

  predictProbaRow(row: Float64Array, out: Float64Array): void {
    const model = this.model
    checkRow(row, model.featureCount, this.acceptsMissing)
    if (out.length !== model.classes.length) {
      throw new ModelError(
        'ShapeMismatch',
        `probabilities of ${model.classes.length} classes do not fit ${out.length} places`,
      )
    }
    this.weigh(model, row, out)
  }

  /** Writes the probability of each class. */
  protected abstract weigh(model: Model, row: Float64Array, out: Float64Array): void

  /** `weigh` of every row into one of `out`, which is all 0; may be overridden as `decideAll`. */
  protected weighAll(model: Model, X: Matrix, out: Matrix): void {
    for (let i = 0; i < X.rows; i++) this.weigh(model, rowOf(X, i), rowOf(out, i))
  }
}

function zeros(rows: number, cols: number): Matrix {
  return { data: new Float64Array(rows * cols), rows, cols }
}
