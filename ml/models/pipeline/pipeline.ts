import type { Matrix } from '../../data/matrix.ts'
import type { Classifier, FitOptions } from '../classifier.ts'
import type { Parameters } from '../options.ts'
import type { Transformer } from '../preprocessing/transformer.ts'
import type { Tensors } from '../tensors.ts'
import { Steps, type PipelineOptions } from './steps.ts'

/**
 * A classifier and what is done to its features as one, learned from the same rows and kept in one
 * model file. `fit` throws RowCapExceeded besides what the steps and the classifier throw.
 *
 *     new Pipeline(new SVC(), { steps: [new SimpleImputer(), new StandardScaler()] }).fit(X, y)
 */
export class Pipeline implements Classifier {
  readonly task = 'classification'
  readonly model: Classifier
  readonly predictProba?: (X: Matrix) => Matrix
  readonly predictProbaRow?: (row: Float64Array, out: Float64Array) => void
  #steps: Steps

  constructor(model: Classifier, options: PipelineOptions = {}) {
    this.model = model
    this.#steps = new Steps(model, options)
    if (model.predictProba && model.predictProbaRow) {
      this.predictProba = (X) => model.predictProba!(this.#steps.transform(X))
      this.predictProbaRow = (row, out) =>
        model.predictProbaRow!(this.#steps.transformRow(row), out)
    }
  }

  /** A pipeline of parts that have learned before. Throws ShapeMismatch where they do not fit. */
  static of(model: Classifier, steps: readonly Transformer[] = []): Pipeline {
    const pipeline = new Pipeline(model)
    pipeline.#steps = Steps.of(model, steps)
    return pipeline
  }

  get algorithm(): string {
    return this.model.algorithm
  }

  get parameters(): Parameters {
    return this.model.parameters
  }

  get classes(): Float64Array {
    return this.model.classes
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

  decisionFunction(X: Matrix): Matrix {
    return this.model.decisionFunction(this.#steps.transform(X))
  }

  predictRow(row: Float64Array): number {
    return this.model.predictRow(this.#steps.transformRow(row))
  }

  toTensors(): Tensors {
    return this.#steps.toTensors()
  }
}
