import { rowOf, type Matrix } from '../../data/matrix.ts'
import { withinMemory } from '../allocation.ts'
import { checkFeatures } from '../checks.ts'
import { checkFollowOptions, checkpoint, type FollowOptions } from '../classifier.ts'
import { ModelError } from '../errors.ts'
import type { Parameters } from '../options.ts'
import { Pace } from '../pace.ts'
import type { Tensors } from '../tensors.ts'

/** How a fit of a transformer is followed and ended, as that of a model. */
export type TransformerFitOptions = FollowOptions

/**
 * A change of features that is learned from rows and then applied to any: scaling, encoding, filling
 * what is missing. The constructor keeps options; `fit` learns and forgets what was before; a fit
 * that throws leaves the transformer as it was. The rest throws NotFitted before the first fit.
 */
export interface Transformer {
  /** The name under which model files know it. */
  readonly kind: string
  /** Every option with its value. */
  readonly parameters: Parameters
  /** What becomes of a feature that is NaN: an error, NaN again, or a number; or by its column. */
  readonly missing: 'refused' | 'passed' | 'filled' | 'passed-or-filled' | 'partly-refused'
  /** Columns that it takes and columns that it gives. */
  readonly inputCount: number
  readonly outputCount: number

  /**
   * Learns from X (n × inputCount), which it leaves as it is. Throws ShapeMismatch, DatasetEmpty,
   * ValueNotFinite, ValueTooLarge, FitAborted.
   */
  fit(X: Matrix, options?: TransformerFitOptions): this

  /** The transformed rows as a new matrix (n × outputCount). Throws what `fit` throws. */
  transform(X: Matrix): Matrix
  /**
   * Writes the transformed row into `out`, which has `outputCount` places and is not `row` itself,
   * without an allocation and without a check of the row.
   */
  transformRow(row: Float64Array, out: Float64Array): void

  /** A transformer of the same options that has learned nothing yet. */
  unfitted(): Transformer
  /** What was learned, as a model file keeps it. */
  toTensors(): Tensors
}

/** What every transformer learns, whatever else. */
export interface LearnedTransform {
  readonly inputCount: number
  readonly outputCount: number
}

/** The parts that all transformers share: checks, the order of a fit, and rows to batches. */
export abstract class RowTransformer<Learned extends LearnedTransform> implements Transformer {
  abstract readonly kind: string
  abstract readonly parameters: Parameters
  readonly missing: Transformer['missing'] = 'refused'
  #learned: Learned | undefined

  get inputCount(): number {
    return this.learned.inputCount
  }

  get outputCount(): number {
    return this.learned.outputCount
  }

  fit(X: Matrix, options: TransformerFitOptions = {}): this {
    checkFollowOptions(this.kind, options)
    checkFeatures(X, undefined, this.missing !== 'refused')
    checkpoint(options, { fraction: 0, iterations: 0 })
    this.#learned = withinMemory(this.kind, () => this.learn(X, options))
    return this
  }

  transform(X: Matrix): Matrix {
    checkFeatures(X, this.inputCount, this.missing !== 'refused')
    return transformAll(this, X)
  }

  abstract transformRow(row: Float64Array, out: Float64Array): void
  abstract unfitted(): Transformer
  abstract toTensors(): Tensors

  /** Learns from checked rows. */
  protected abstract learn(X: Matrix, options: TransformerFitOptions): Learned

  protected get learned(): Learned {
    if (this.#learned === undefined) {
      throw new ModelError('NotFitted', `${this.kind}: call fit before transform`)
    }
    return this.#learned
  }

  /** Takes over what was learned before. */
  protected restore(learned: Learned): this {
    this.#learned = learned
    return this
  }
}

/**
 * The transformed rows as a new matrix, unchecked. Throws FitAborted.
 *
 * @param allocate memory of at least so many doubles
 */
export function transformAll(
  transformer: Transformer,
  X: Matrix,
  options: TransformerFitOptions = {},
  allocate: (values: number) => Float64Array = (values) => new Float64Array(values),
): Matrix {
  const cols = transformer.outputCount
  const pace = new Pace(options, X.rows * X.cols * cols)
  const length = X.rows * cols
  const transformed = { data: allocate(length).subarray(0, length), rows: X.rows, cols }
  for (let i = 0; i < X.rows; i++) {
    transformer.transformRow(rowOf(X, i), rowOf(transformed, i))
    pace.advance(X.cols * cols)
  }
  return transformed
}

/**
 * The same for a matrix that is the caller's to spend: unless the rows grow wider they are written
 * over the old ones, so that no second copy is held.
 */
export function transformOwned(
  transformer: Transformer,
  X: Matrix,
  options: TransformerFitOptions = {},
): Matrix {
  const cols = transformer.outputCount
  if (cols > X.cols) return transformAll(transformer, X, options)
  const pace = new Pace(options, X.rows * X.cols * cols)
  const out = new Float64Array(cols)
  for (let i = 0; i < X.rows; i++) {
    transformer.transformRow(rowOf(X, i), out)
    X.data.set(out, i * cols)
    pace.advance(X.cols * cols)
  }
  return { data: X.data.subarray(0, X.rows * cols), rows: X.rows, cols }
}
