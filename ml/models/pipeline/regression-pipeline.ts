import type { Matrix } from '../../data/matrix.ts'
import type { FitOptions } from '../classifier.ts'
import type { Parameters } from '../options.ts'
import type { Transformer } from '../preprocessing/transformer.ts'
import type { Regressor } from '../regressor.ts'
import type { Tensors } from '../tensors.ts'
import { Steps, type PipelineOptions } from './steps.ts'

/**
 * A regressor and what is done to its features as one, learned from the same rows and kept in one
 * model file. `fit` throws RowCapExceeded besides what the steps and the regressor throw.
 *
 *     new RegressionPipeline(new Ridge(), { steps: [new StandardScaler()] }).fit(X, y)
 */
export class RegressionPipeline implements Regressor {
  readonly task = 'regression'
  readonly model: Regressor
  #steps: Steps

  constructor(model: Regressor, options: PipelineOptions = {}) {
    this.model = model
    this.#steps = new Steps(model, options)
  }

  /** A pipeline of parts that have learned before. Throws ShapeMismatch where they do not fit. */
  static of(model: Regressor, steps: readonly Transformer[] = []): RegressionPipeline {
    const pipeline = new RegressionPipeline(model)
    pipeline.#steps = Steps.of(model, steps)
    return pipeline
  }

  get algorithm(): string {
    return this.model.algorithm
  }

  get parameters(): Parameters {
    return this.model.parameters
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

  fit(X: Matrix, y: ArrayLike<number>, options?: FitOptions): this {
    this.#steps.fit(X, (transformed) => this.model.fit(transformed, y, options))
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
