/**
 * A loss's second derivative and the count of rows as one number, so that one addition sums both:
 * `curvature · unit · 2^countBits + 1`, the curvature rounded to a whole number of units. All sums
 * over the rows of a fit stay whole and below 2^53, and are therefore exact in any order.
 */
export interface CurvatureCode {
  /** 2^countBits, more than the number of rows; 0 where every curvature is 1, its own count. */
  readonly base: number
  /** What one unit of the curvature's part is worth. */
  readonly unit: number
}

/** Where the second derivative is 1: the count is all there is to sum. */
export const constantCurvature: CurvatureCode = { base: 0, unit: 1 }

/** More rows leave the curvature too few bits beside the count. */
export const mostRowsWithCurvature = 2 ** 22

/** A code for curvatures from 0 to `greatest` of so many rows. */
export function curvatureCode(rows: number, greatest: number): CurvatureCode {
  const countBits = Math.ceil(Math.log2(rows + 1))
  return { base: 2 ** countBits, unit: greatest / 2 ** (53 - 2 * countBits - 1) }
}

export function encodeCurvature({ base, unit }: CurvatureCode, curvature: number): number {
  return Math.round(curvature / unit) * base + 1
}

/** The number of rows in a sum. */
export function countOf({ base }: CurvatureCode, sum: number): number {
  return base === 0 ? sum : sum - Math.floor(sum / base) * base
}

/** The curvature in a sum. */
export function curvatureOf({ base, unit }: CurvatureCode, sum: number): number {
  return base === 0 ? sum : Math.floor(sum / base) * unit
}

/** scikit-learn's: neither a node that is parted nor one of its sides has less. */
export const leastCurvature = 1e-3
