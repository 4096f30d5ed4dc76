import { rowOf, type Matrix } from '../data/matrix.ts'
import { withinMemory } from './allocation.ts'
import { checkFeatures, checkRow } from './checks.ts'
import { checkFollowOptions, checkpoint, type UnweightedFitOptions } from './classifier.ts'
import { ModelError } from './errors.ts'
import type { OptionValue } from './options.ts'
import type { RowSource } from './row-source.ts'
import type { Tensors } from './tensors.ts'

/**
 * A learner of groups of like rows. The constructor keeps options; `fit` learns and forgets what was
 * before; a fit that throws leaves the model as it was. The rest throws NotFitted before the first
 * fit, and ShapeMismatch, DatasetEmpty, ValueNotFinite or ValueTooLarge, naming row and column, for
 * features that are not a matrix of `featureCount` columns.
 */
export interface Clusterer {
  /** The name under which model files and the table of trainers know it. */
  readonly algorithm: string
  /** Every option with its value. */
  readonly parameters: Readonly<Record<string, OptionValue>>
  readonly featureCount: number
  /** Clusters are numbered from 0, in an order that does not depend on the order of the rows. */
  readonly clusterCount: number
  /** Whether a feature may be NaN, which then means missing. Default false. */
  readonly acceptsMissing?: boolean

  /** Learns from X (n × d). Throws OptionInvalid for fewer rows than clusters, FitAborted. */
  fit(X: Matrix, options?: UnweightedFitOptions): this
  /** `fit` for rows as they are made; only of models that copy what they learn from. */
  readonly fitRows?: ((rows: RowSource, options?: UnweightedFitOptions) => this) | undefined

  /** The number of the cluster of each row. */
  predict(X: Matrix): Float64Array
  /** `predict` for one row, without an allocation. */
  predictRow(row: Float64Array): number

  /** What was learned, as a model file keeps it. */
  toTensors(): Tensors
}

/** What every clusterer learns, whatever else. */
export interface LearnedClusters {
  readonly featureCount: number
  readonly clusterCount: number
}

/** The parts that all clusterers share: checks, the order of a fit, and rows to batches. */
export abstract class RowClusterer<Model extends LearnedClusters> implements Clusterer {
  abstract readonly algorithm: string
  abstract readonly parameters: Readonly<Record<string, OptionValue>>
  #model: Model | undefined

  get featureCount(): number {
    return this.model.featureCount
  }

  get clusterCount(): number {
    return this.model.clusterCount
  }

  fit(X: Matrix, options: UnweightedFitOptions = {}): this {
    checkFollowOptions(this.algorithm, options)
    checkFeatures(X)
    return this.fitTo(options, () => this.learn(X, options))
  }

  predict(X: Matrix): Float64Array {
    const model = this.model
    checkFeatures(X, model.featureCount)
    const predicted = new Float64Array(X.rows)
    for (let i = 0; i < X.rows; i++) predicted[i] = this.clusterOf(model, rowOf(X, i))
    return predicted
  }

  predictRow(row: Float64Array): number {
    const model = this.model
    checkRow(row, model.featureCount)
    return this.clusterOf(model, row)
  }

  abstract toTensors(): Tensors

  /** Learns from checked input, which it leaves as it is. */
  protected abstract learn(X: Matrix, options: UnweightedFitOptions): Model
  protected abstract clusterOf(model: Model, row: Float64Array): number

  /** The order of a fit whose features are checked. */
  protected fitTo(options: UnweightedFitOptions, learn: () => Model): this {
    checkpoint(options, { fraction: 0, iterations: 0 })
    this.#model = withinMemory(this.algorithm, learn)
    return this
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
