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

/**
 * A code for curvatures of so many rows that add up to `total`. The unit follows the total, since a
 * rare class has little of it and yet much to learn from; it is a power of two, by which it is exact
 * to divide.
 */
export function curvatureCode(rows: number, total: number): CurvatureCode {
  const countBits = Math.ceil(Math.log2(rows + 1))
  // Each row's part is rounded, and none is less than one unit.
  const units = 2 ** (53 - countBits) - 2 * rows
  return {
    base: 2 ** countBits,
    unit: 2 ** Math.ceil(Math.log2(Math.max(total, leastCurvature) / units)),
  }
}

/** Encodes the curvatures at the odd places of `derivatives`, one a row. */
export function encodeCurvatures(derivatives: Float64Array): CurvatureCode {
  let total = 0
  for (let at = 1; at < derivatives.length; at += 2) total += derivatives[at]!
  const code = curvatureCode(derivatives.length / 2, total)
  const { base } = code
  const inverse = 1 / code.unit
  for (let at = 1; at < derivatives.length; at += 2) {
    // Of a row that is all but certain one unit, as 0 would make a leaf of such rows step too far.
    derivatives[at] = Math.max(1, Math.round(derivatives[at]! * inverse)) * base + 1
  }
  return code
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
