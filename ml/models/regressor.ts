import { rowOf, type Matrix } from '../data/matrix.ts'
import { withinMemory } from './allocation.ts'
import { checkFeatures, checkRow, checkTargets, checkWeights } from './checks.ts'
import { checkFitOptions, checkpoint, type FitOptions } from './classifier.ts'
import { ModelError } from './errors.ts'
import type { OptionValue } from './options.ts'
import type { Tensors } from './tensors.ts'

/**
 * A learner of a quantity. The constructor keeps options; `fit` learns and forgets what was before;
 * a fit that throws leaves the model as it was. The rest throws NotFitted before the first fit, and
 * ShapeMismatch, DatasetEmpty, ValueNotFinite or ValueTooLarge, naming row and column, for features
 * that are not a matrix of `featureCount` columns.
 */
export interface Regressor {
  /** The name under which model files and the table of trainers know it. */
  readonly algorithm: string
  /** Every option with its value. */
  readonly parameters: Readonly<Record<string, OptionValue>>
  readonly featureCount: number
  /** Whether a feature may be NaN, which then means missing. Default false. */
  readonly acceptsMissing?: boolean

  /** Learns from X (n × d) and its n targets. Throws NotConverged, FitAborted besides. */
  fit(X: Matrix, y: ArrayLike<number>, options?: FitOptions): this

  /** The quantity expected for each row. */
  predict(X: Matrix): Float64Array
  /** `predict` for one row, without an allocation. */
  predictRow(row: Float64Array): number

  /** What was learned, as a model file keeps it. */
  toTensors(): Tensors
}

/** What every regressor learns, whatever else. */
export interface LearnedQuantity {
  readonly featureCount: number
}

/** The parts that all regressors share: checks, the order of a fit, and rows to batches. */
export abstract class RowRegressor<Model extends LearnedQuantity> implements Regressor {
  abstract readonly algorithm: string
  abstract readonly parameters: Readonly<Record<string, OptionValue>>
  readonly acceptsMissing: boolean = false
  readonly acceptsWeights: boolean = false
  #model: Model | undefined

  get featureCount(): number {
    return this.model.featureCount
  }

  fit(X: Matrix, y: ArrayLike<number>, options: FitOptions = {}): this {
    checkFitOptions(this.algorithm, options)
    checkFeatures(X, undefined, this.acceptsMissing)
    const targets = checkTargets(y, X.rows)
    if (options.sampleWeight !== undefined) checkWeights(options.sampleWeight, X.rows, this)
    checkpoint(options, { fraction: 0, iterations: 0 })
    this.#model = withinMemory(this.algorithm, () => this.learn(X, targets, options))
    return this
  }

  predict(X: Matrix): Float64Array {
    const model = this.model
    checkFeatures(X, model.featureCount, this.acceptsMissing)
    const predicted = new Float64Array(X.rows)
    this.estimateAll(model, X, predicted)
    return predicted
  }

  predictRow(row: Float64Array): number {
    const model = this.model
    checkRow(row, model.featureCount, this.acceptsMissing)
    return this.estimate(model, row)
  }

  abstract toTensors(): Tensors

  /** Learns from checked input, which it leaves as it is. */
  protected abstract learn(X: Matrix, y: Float64Array, options: FitOptions): Model
  protected abstract estimate(model: Model, row: Float64Array): number

  /** `estimate` of every row; a learner that is faster over a batch overrides it. */
  protected estimateAll(model: Model, X: Matrix, out: Float64Array): void {
    for (let i = 0; i < X.rows; i++) out[i] = this.estimate(model, rowOf(X, i))
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
