import type { Matrix } from '../../data/matrix.ts'
import type { FitOptions } from '../classifier.ts'
import type { Parameters } from '../options.ts'
import type { Transformer } from '../preprocessing/transformer.ts'
import type { Tensors } from '../tensors.ts'
import { Steps, type PipelineOptions, type StepsTarget } from './steps.ts'

/** What a model of any task has. */
export interface PipelinedModel extends StepsTarget {
  readonly parameters: Parameters
  predict(X: Matrix): Float64Array
  predictRow(row: Float64Array): number
}

/** What the pipelines of all tasks share: a model, and the steps before it. */
export abstract class SteppedModel<Model extends PipelinedModel> {
  readonly model: Model
  #steps: Steps

  constructor(model: Model, options: PipelineOptions = {}) {
    this.model = model
    this.#steps = new Steps(model, options)
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

  predict(X: Matrix): Float64Array {
    return this.model.predict(this.transform(X))
  }

  predictRow(row: Float64Array): number {
    return this.model.predictRow(this.transformRow(row))
  }

  toTensors(): Tensors {
    return this.#steps.toTensors()
  }

  /** Learns the steps, then the model from what they make of X. */
  protected fitSteps(
    X: Matrix,
    options: FitOptions,
    fitModel: (transformed: Matrix) => void,
  ): this {
    this.#steps.fit(X, options, fitModel)
    return this
  }

  /** Takes steps that have learned before. Throws ShapeMismatch where they do not fit the model. */
  protected restoreSteps(fitted: readonly Transformer[]): this {
    this.#steps = Steps.of(this.model, fitted)
    return this
  }

  protected transform(X: Matrix): Matrix {
    return this.#steps.transform(X)
  }

  protected transformRow(row: Float64Array): Float64Array {
    return this.#steps.transformRow(row)
  }
}
