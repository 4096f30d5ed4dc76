import type { Matrix } from '../data/matrix.ts'
import { checkFeatures, checkRow } from './checks.ts'
import type { Classifier, FitOptions } from './classifier.ts'
import { ModelError } from './errors.ts'
import type { Parameters } from './options.ts'
import { StandardScaler } from './standard-scaler.ts'
import type { Tensors } from './tensors.ts'

export interface PipelineOptions {
  /** Whether features are standardised by the rows of the fit. */
  readonly scale: boolean
  /** The most rows that `fit` takes; not part of what was learned. */
  readonly rowCap?: number
}

/**
 * A classifier and the scaling of its features as one, learned from the same rows and kept in one
 * model file. `fit` throws RowCapExceeded besides what the classifier throws.
 */
export class Pipeline implements Classifier {
  readonly classifier: Classifier
  readonly predictProba?: (X: Matrix) => Matrix
  readonly predictProbaRow?: (row: Float64Array, out: Float64Array) => void
  readonly #scale: boolean
  readonly #rowCap: number
  #scaler: StandardScaler | undefined
  /** Room for one scaled row. */
  #scaled = new Float64Array(0)

  constructor(classifier: Classifier, { scale, rowCap = Infinity }: PipelineOptions) {
    this.classifier = classifier
    this.#scale = scale
    this.#rowCap = rowCap
    if (classifier.predictProba && classifier.predictProbaRow) {
      this.predictProba = (X) => classifier.predictProba!(this.#scaleAll(X))
      this.predictProbaRow = (row, out) => classifier.predictProbaRow!(this.#scaleRow(row), out)
    }
  }

  /** A pipeline of parts that have learned before, as a model file keeps them. */
  static of(classifier: Classifier, scaler?: StandardScaler): Pipeline {
    if (scaler && scaler.mean.length !== classifier.featureCount) {
      throw new ModelError(
        'ShapeMismatch',
        `the scaler has ${scaler.mean.length} columns, the classifier ${classifier.featureCount}`,
      )
    }
    const pipeline = new Pipeline(classifier, { scale: scaler !== undefined })
    pipeline.#takeScaler(scaler)
    return pipeline
  }

  get algorithm(): string {
    return this.classifier.algorithm
  }

  get parameters(): Parameters {
    return this.classifier.parameters
  }

  get classes(): Float64Array {
    return this.classifier.classes
  }

  get featureCount(): number {
    return this.classifier.featureCount
  }

  /** The scaling, where the pipeline scales and has learned. */
  get scaler(): StandardScaler | undefined {
    return this.#scaler
  }

  fit(X: Matrix, y: ArrayLike<number>, options?: FitOptions): this {
    if (X.rows > this.#rowCap) {
      throw new ModelError(
        'RowCapExceeded',
        `${this.algorithm} learns from at most ${this.#rowCap} rows, got ${X.rows}: ` +
          'use another algorithm or fewer rows',
      )
    }
    const scaler = this.#scale ? new StandardScaler().fit(X) : undefined
    this.classifier.fit(scaler ? scaler.transform(X) : X, y, options)
    this.#takeScaler(scaler)
    return this
  }

  predict(X: Matrix): Float64Array {
    return this.classifier.predict(this.#scaleAll(X))
  }

  decisionFunction(X: Matrix): Matrix {
    return this.classifier.decisionFunction(this.#scaleAll(X))
  }

  predictRow(row: Float64Array): number {
    return this.classifier.predictRow(this.#scaleRow(row))
  }

  toTensors(): Tensors {
    const prefixed = [
      ...Object.entries(this.classifier.toTensors()).map(([name, tensor]) => [
        `classifier.${name}`,
        tensor,
      ]),
      ...Object.entries(this.#scaler?.toTensors() ?? {}).map(([name, tensor]) => [
        `scaler.${name}`,
        tensor,
      ]),
    ]
    return Object.fromEntries(prefixed) as Tensors
  }

  #takeScaler(scaler: StandardScaler | undefined): void {
    this.#scaler = scaler
    this.#scaled = new Float64Array(scaler?.mean.length ?? 0)
  }

  #scaleAll(X: Matrix): Matrix {
    // Checked here too: the classifier would name the values after scaling.
    checkFeatures(X, this.featureCount)
    return this.#scaler ? this.#scaler.transform(X) : X
  }

  #scaleRow(row: Float64Array): Float64Array {
    checkRow(row, this.featureCount)
    if (!this.#scaler) return row
    this.#scaler.transformRow(row, this.#scaled)
    return this.#scaled
  }
}
