import type { Matrix } from '../../data/matrix.ts'
import type { FitOptions } from '../classifier.ts'
import type { Clusterer } from '../clusterer.ts'
import type { Parameters } from '../options.ts'
import type { Transformer } from '../preprocessing/transformer.ts'
import type { Tensors } from '../tensors.ts'
import { Steps, type PipelineOptions } from './steps.ts'

/**
 * A clusterer and what is done to its features as one, learned from the same rows and kept in one
 * model file. `fit` throws RowCapExceeded besides what the steps and the clusterer throw.
 *
 *     new ClusteringPipeline(new KMeans({ nClusters: 5 }), { scale: true }).fit(X)
 */
export class ClusteringPipeline implements Clusterer {
  readonly task = 'clustering'
  readonly model: Clusterer
  #steps: Steps

  constructor(model: Clusterer, options: PipelineOptions = {}) {
    this.model = model
    this.#steps = new Steps(model, options)
  }

  /** A pipeline of parts that have learned before. Throws ShapeMismatch where they do not fit. */
  static of(model: Clusterer, steps: readonly Transformer[] = []): ClusteringPipeline {
    const pipeline = new ClusteringPipeline(model)
    pipeline.#steps = Steps.of(model, steps)
    return pipeline
  }

  get algorithm(): string {
    return this.model.algorithm
  }

  get parameters(): Parameters {
    return this.model.parameters
  }

  get clusterCount(): number {
    return this.model.clusterCount
  }

  get featureCount(): number {
    return this.#steps.featureCount
  }

  get acceptsMissing(): boolean {
    return this.#steps.acceptsMissing
  }

  /** The steps as learned; none before the first fit. */
  get steps(): readonly Transformer[] {
    return this.#steps.fitted
  }

  fit(X: Matrix, options?: FitOptions): this {
    this.#steps.fit(X, (transformed) => this.model.fit(transformed, options))
    return this
  }

  predict(X: Matrix): Float64Array {
    return this.model.predict(this.#steps.transform(X))
  }

  predictRow(row: Float64Array): number {
    return this.model.predictRow(this.#steps.transformRow(row))
  }

  toTensors(): Tensors {
    return this.#steps.toTensors()
  }
}
