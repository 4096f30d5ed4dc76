import type { Matrix } from '../../data/matrix.ts'
import { checkpoint, type FitOptions } from '../classifier.ts'
import { columnMeans, columnVariances, isConstantColumn } from '../column-statistics.ts'
import { RowQR } from '../linear-algebra/row-qr.ts'

/** Rows between two looks at the signal. */
const rowsBetweenChecks = 4096

/**
 * A column that varies less than this share of the target is constant: the weights of other columns
 * and what they give stay within the range of features.
 */
const leastSpread = 1e-120

/**
 * A regression of n rows as one of d: ‖Xw - y‖² is ‖Rz - c‖² and what no w changes, where column j
 * of X, less its mean, was multiplied by `scales[j]`, y by `targetScale`, and w is
 * z · scales / targetScale.
 */
export interface ReducedProblem {
  /** Upper triangular, d × d, row-major. */
  readonly R: Float64Array
  readonly c: Float64Array
  readonly means: Float64Array
  readonly targetMean: number
  /** Powers of two; 0 for a constant column. */
  readonly scales: Float64Array
  readonly targetScale: number
}

/** X and y as a reduced problem. No copy of X is made. Without an intercept the means are 0. */
export function reduce(
  X: Matrix,
  y: Float64Array,
  fitIntercept: boolean,
  options: FitOptions,
): ReducedProblem {
  const { data, rows, cols: d } = X
  const target = { data: y, rows, cols: 1 }
  const means = fitIntercept ? columnMeans(X) : new Float64Array(d)
  const targetMean = fitIntercept ? columnMeans(target)[0]! : 0
  const targetSpread = spreads(target, Float64Array.of(targetMean))[0]!
  const isConstant = fitIntercept ? constantColumns(X, means) : new Uint8Array(d)
  const scales = spreads(X, means).map((spread, j) =>
    spread === 0 || isConstant[j] === 1 || spread < leastSpread * targetSpread
      ? 0
      : powerOfTwoBelow(1 / spread),
  )
  const targetScale = targetSpread === 0 ? 1 : powerOfTwoBelow(1 / targetSpread)
  const qr = new RowQR(d + 1)
  for (let i = 0; i < rows; i++) {
    if (i % rowsBetweenChecks === 0) checkpoint(options, { fraction: i / rows, iterations: i })
    const row = qr.nextRow()
    for (let j = 0, at = i * d; j < d; j++, at++) row[j] = (data[at]! - means[j]!) * scales[j]!
    row[d] = (y[i]! - targetMean) * targetScale
  }
  const factor = qr.finish()
  const R = new Float64Array(d * d)
  const c = new Float64Array(d)
  // Beyond the number of rows the factor holds nothing but rounding.
  for (let i = 0; i < Math.min(rows, d); i++) {
    R.set(factor.subarray(i * (d + 1), i * (d + 1) + d), i * d)
    c[i] = factor[i * (d + 1) + d]!
  }
  return { R, c, means, targetMean, scales, targetScale }
}

/** The weights that a solution z stands for, and the intercept. */
export function weightsOf(
  { means, targetMean, scales, targetScale }: ReducedProblem,
  z: Float64Array,
): { coefficients: Float64Array; intercept: number } {
  const coefficients = z.map((value, j) => (value * scales[j]!) / targetScale)
  let intercept = targetMean
  for (let j = 0; j < coefficients.length; j++) intercept -= coefficients[j]! * means[j]!
  return { coefficients, intercept }
}

/** The greatest distance of each column from its mean. */
function spreads({ data, rows, cols }: Matrix, means: Float64Array): Float64Array {
  const greatest = new Float64Array(cols)
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++, at++) {
      const distance = Math.abs(data[at]! - means[j]!)
      if (distance > greatest[j]!) greatest[j] = distance
    }
  }
  return greatest
}

function constantColumns(X: Matrix, means: Float64Array): Uint8Array {
  return Uint8Array.from(columnVariances(X, means), (variance, j) =>
    isConstantColumn(variance, means[j]!, X.rows) ? 1 : 0,
  )
}

/** Multiplying by a power of two is exact. */
function powerOfTwoBelow(value: number): number {
  return 2 ** Math.max(-1000, Math.min(1000, Math.floor(Math.log2(value))))
}
