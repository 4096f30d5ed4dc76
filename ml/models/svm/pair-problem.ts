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

/** The +1 or -1 of row t of a problem. */
export function signOf({ positives }: PairProblem, t: number): number {
  return t < positives ? 1 : -1
}
