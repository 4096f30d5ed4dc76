import type { Matrix } from '../data/matrix.ts'
import { checkFeatures } from './checks.ts'
import { columnMeans, columnVariances } from './column-statistics.ts'
import { ModelError } from './errors.ts'
import { float64Tensor, readFloat64, refuseOtherTensors } from './tensors.ts'
import type { LoadedTensors, Tensors } from './tensors.ts'

/** No column is divided by less: the quotient of any two features stays finite. */
const leastScale = 1e-150

/**
 * Moves and scales each column to mean 0 and population standard deviation 1, by the rows it was
 * fitted on. A constant column (to within rounding, by scikit-learn's rule) is only moved.
 */
export class StandardScaler {
  #learned: { readonly mean: Float64Array; readonly scale: Float64Array } | undefined

  static fromTensors(tensors: LoadedTensors): StandardScaler {
    refuseOtherTensors(tensors, ['mean', 'scale'])
    const mean = readFloat64(tensors, 'mean', undefined).data
    const scale = readFloat64(tensors, 'scale', mean.length).data
    if (scale.some((value) => value < leastScale)) {
      throw new ModelError('ModelFileInvalid', `tensor scale holds a scale below ${leastScale}`)
    }
    const scaler = new StandardScaler()
    scaler.#learned = { mean, scale }
    return scaler
  }

  /** One value a column, as learned. */
  get mean(): Float64Array {
    return this.#fitted.mean
  }

  get scale(): Float64Array {
    return this.#fitted.scale
  }

  fit(X: Matrix): this {
    checkFeatures(X)
    const mean = columnMeans(X)
    const scale = columnVariances(X, mean).map((variance, j) =>
      isConstant(variance, mean[j]!, X.rows) ? 1 : Math.max(Math.sqrt(variance), leastScale),
    )
    this.#learned = { mean, scale }
    return this
  }

  /** The scaled rows as a new matrix. */
  transform(X: Matrix): Matrix {
    checkFeatures(X, this.mean.length)
    const data = new Float64Array(X.data.length)
    for (let at = 0; at < data.length; at += X.cols) {
      this.transformRow(X.data.subarray(at, at + X.cols), data.subarray(at, at + X.cols))
    }
    return { ...X, data }
  }

  /** Writes the scaled row into `out`; it checks nothing. */
  transformRow(row: Float64Array, out: Float64Array): void {
    const { mean, scale } = this.#fitted
    for (let j = 0; j < row.length; j++) out[j] = (row[j]! - mean[j]!) / scale[j]!
  }

  toTensors(): Tensors {
    const { mean, scale } = this.#fitted
    return { mean: float64Tensor(mean, mean.length), scale: float64Tensor(scale, scale.length) }
  }

  get #fitted() {
    if (this.#learned === undefined) {
      throw new ModelError('NotFitted', 'StandardScaler: call fit before transform')
    }
    return this.#learned
  }
}

/** Whether a variance is no more than what rounding the mean of `rows` values can make of 0. */
function isConstant(variance: number, mean: number, rows: number): boolean {
  return variance <= rows * Number.EPSILON * variance + (rows * mean * Number.EPSILON) ** 2
}
