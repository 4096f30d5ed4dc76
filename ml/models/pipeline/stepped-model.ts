import type { Matrix } from '../../data/matrix.ts'
import type { FitOptions } from '../classifier.ts'
import { isModelError } from '../errors.ts'
import type { Parameters } from '../options.ts'
import type { Transformer } from '../preprocessing/transformer.ts'
import type { Tensors } from '../tensors.ts'
import { Steps, type ModelFit, type PipelineOptions, type StepsTarget } from './steps.ts'

/** What the steps are given at once to answer many rows. */
const valuesOfBlock = 2 ** 20

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
    return this.byBlocks(X, (transformed) => this.model.predict(transformed)).data
  }

  predictRow(row: Float64Array): number {
    return this.model.predictRow(this.transformRow(row))
  }

  toTensors(): Tensors {
    return this.#steps.toTensors()
  }

  /** Learns the steps, then the model from what they make of X. */
  protected fitSteps(X: Matrix, options: FitOptions, modelFit: ModelFit): this {
    this.#steps.fit(X, options, modelFit)
    return this
  }

  /** Takes steps that have learned before. Throws ShapeMismatch where they do not fit the model. */
  protected restoreSteps(fitted: readonly Transformer[]): this {
    this.#steps = Steps.of(this.model, fitted)
    return this
  }

  /**
   * What `answer` makes of what the steps make of X, as many numbers for each row: a block of rows at a
   * time, so that no more of the latter is held.
   */
  protected byBlocks(X: Matrix, answer: (transformed: Matrix) => Float64Array): Matrix {
    const { rows, cols } = X
    const whole = () => {
      const data = answer(this.#steps.transform(X))
      return { data, rows, cols: data.length / rows }
    }
    const blockRows = Math.ceil(valuesOfBlock / cols)
    const isPlain = X.data.length === rows * cols && rows > blockRows
    if (this.steps.length === 0 || !isPlain) return whole()
    let data: Float64Array | undefined
    try {
      for (let from = 0; from < rows; from += blockRows) {
        const to = Math.min(from + blockRows, rows)
        const block = { data: X.data.subarray(from * cols, to * cols), rows: to - from, cols }
        const answers = answer(this.#steps.transform(block))
        data ??= new Float64Array((rows * answers.length) / blockRows)
        data.set(answers, (from * data.length) / rows)
      }
    } catch (error) {
      // It names a row of the block.
      if (isModelError(error)) return whole()
      throw error
    }
    return { data: data!, rows, cols: data!.length / rows }
  }

  protected transformRow(row: Float64Array): Float64Array {
    return this.#steps.transformRow(row)
  }
}
