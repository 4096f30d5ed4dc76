import type { Matrix } from '../../data/matrix.ts'

export type Kernel = { readonly kind: 'rbf'; readonly gamma: number } | { readonly kind: 'linear' }

/** Two classes to tell apart. */
export interface PairProblem {
  readonly X: Matrix
  /** Which rows of X, those of the first class (+1) first. */
  readonly rows: Int32Array
  readonly positives: number
  /** What an error on each of these rows costs: the bound of its dual variable, above 0. */
  readonly costs: Float64Array
}

export interface PairSolution {
  /** Signed dual coefficients, one a row of the problem; exactly 0 for all but support vectors. */
  readonly coefficients: Float64Array
  /** Of the linear kernel, Σ coefficients_t x_t. */
  readonly weights?: Float64Array
  readonly intercept: number
}

/**
 * A problem whose rows count as (x - centre) / length. Both kernels' machines stay the same when all
 * rows move by one vector, and the linear one when all rows shrink by s and every cost grows by s²:
 * then neither far-off nor huge columns cost precision in the kernel rows.
 */
export interface ScaledProblem extends PairProblem {
  readonly kernel: Kernel
  readonly centre: Float64Array
  readonly length: number
}

/** The +1 or -1 of row t of a problem. */
export function signOf({ positives }: PairProblem, t: number): number {
  return t < positives ? 1 : -1
}

/**
 * The problem with its rows centred and, for the linear kernel, shrunk to length 1 at most. Its
 * costs are those for the rows as they count then.
 */
export function scaleProblem(problem: PairProblem, kernel: Kernel): ScaledProblem {
  const centre = meanRow(problem)
  if (kernel.kind === 'rbf') return { ...problem, kernel, centre, length: 1 }
  const longest = greatestDistance(problem, centre)
  const length = longest > 0 ? longest : 1
  const costs = problem.costs.map((cost) => cost * length * length)
  return { ...problem, costs, kernel, centre, length }
}

function meanRow({ X, rows }: PairProblem): Float64Array {
  const { data, cols } = X
  const mean = new Float64Array(cols)
  for (const row of rows) for (let c = 0; c < cols; c++) mean[c]! += data[row * cols + c]!
  return mean.map((sum) => sum / rows.length)
}

function greatestDistance({ X, rows }: PairProblem, centre: Float64Array): number {
  const { data, cols } = X
  let greatest = 0
  for (const row of rows) {
    let squared = 0
    for (let c = 0; c < cols; c++) squared += (data[row * cols + c]! - centre[c]!) ** 2
    greatest = Math.max(greatest, squared)
  }
  return Math.sqrt(greatest)
}
