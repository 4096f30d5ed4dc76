import type { Matrix } from '../../data/matrix.ts'
import { largestMagnitude } from '../checks.ts'
import { columnMeans, columnVariances, isConstantColumn } from '../column-statistics.ts'
import { ModelError } from '../errors.ts'
import type { RowProblem } from '../linear-algebra/normal-equations.ts'
import { RowQR } from '../linear-algebra/row-qr.ts'
import type { Pace } from '../pace.ts'

/**
 * A column that varies less than this share of the target is constant: the weights of other columns
 * and what they give stay within the range of features.
 */
const leastSpread = 1e-120

/**
 * A regression in numbers of a size that can be squared: column j of X, less its mean, times
 * `scales[j]`, and y less its mean times `targetScale`. Its solution z stands for the weights
 * z · scales / targetScale.
 */
export interface ScaledProblem extends RowProblem {
  readonly means: Float64Array
  readonly targetMean: number
  /** Powers of two; 0 for a constant column. */
  readonly scales: Float64Array
  readonly targetScale: number
}

/** No copy of X is made. Without an intercept the means are 0. */
export function scaleProblem(X: Matrix, y: Float64Array, fitIntercept: boolean): ScaledProblem {
  const { data, rows, cols } = X
  const target = { data: y, rows, cols: 1 }
  const means = fitIntercept ? columnMeans(X) : new Float64Array(cols)
  const targetMean = fitIntercept ? columnMeans(target)[0]! : 0
  const targetSpread = spreads(target, Float64Array.of(targetMean))[0]!
  const isConstant = fitIntercept ? constantColumns(X, means) : new Uint8Array(cols)
  const scales = spreads(X, means).map((spread, j) =>
    spread === 0 || isConstant[j] === 1 || spread < leastSpread * targetSpread
      ? 0
      : powerOfTwoBelow(1 / spread),
  )
  const targetScale = targetSpread === 0 ? 1 : powerOfTwoBelow(1 / targetSpread)
  return {
    ...{ rows, cols, means, targetMean, scales, targetScale },
    writeRow(i, out) {
      for (let j = 0, at = i * cols; j < cols; j++, at++) {
        out[j] = (data[at]! - means[j]!) * scales[j]!
      }
    },
    targetAt: (i) => (y[i]! - targetMean) * targetScale,
  }
}

/** A problem of no more rows than columns: ‖Az - c‖² is that of the whole and what no z changes. */
export interface ReducedProblem {
  /** c.length × cols, row-major. */
  readonly A: Float64Array
  readonly c: Float64Array
}

/** The rows as they are where they are no more than columns, else their triangular factor. */
export function reduce(problem: ScaledProblem, pace: Pace): ReducedProblem {
  const { rows, cols } = problem
  const height = Math.min(rows, cols)
  const A = new Float64Array(height * cols)
  const c = new Float64Array(height)
  if (rows <= cols) {
    for (let i = 0; i < rows; i++) {
      problem.writeRow(i, A.subarray(i * cols, (i + 1) * cols))
      c[i] = problem.targetAt(i)
    }
    return { A, c }
  }
  const width = cols + 1
  const qr = new RowQR(width, pace)
  for (let i = 0; i < rows; i++) {
    const row = qr.nextRow()
    problem.writeRow(i, row)
    row[cols] = problem.targetAt(i)
  }
  const factor = qr.finish()
  for (let i = 0; i < cols; i++) {
    A.set(factor.subarray(i * width, i * width + cols), i * cols)
    c[i] = factor[i * width + cols]!
  }
  return { A, c }
}

/** The weights that a solution z stands for, and the intercept. Throws ValueTooLarge. */
export function weightsOf(
  { means, targetMean, scales, targetScale }: ScaledProblem,
  z: Float64Array,
): { coefficients: Float64Array; intercept: number } {
  const coefficients = z.map((value, j) => (value * scales[j]!) / targetScale)
  let intercept = targetMean
  for (let j = 0; j < coefficients.length; j++) intercept -= coefficients[j]! * means[j]!
  const beyond = [...coefficients, intercept].find(
    (value) => !(Math.abs(value) <= largestMagnitude),
  )
  if (beyond !== undefined) {
    throw new ModelError('ValueTooLarge', `a weight would be ${beyond}: rescale features or target`)
  }
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
