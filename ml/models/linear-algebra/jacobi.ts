import { ModelError } from '../errors.ts'
import type { Pace } from '../pace.ts'
import { paddedLength, type VectorBlock } from './vector-block.ts'

const mostSweeps = 60

/** Vectors that are turned among each other at once: two such groups are in the processor's cache. */
const groupBytes = 2 ** 18

/**
 * Turns the vectors of a block, in pairs, until every two are at right angles to within rounding:
 * one-sided Jacobi. With the columns of A as vectors they end as σu of A's singular value
 * decomposition, the small σ as exact as the great ones where the columns merely differ in scale
 * (Demmel and Veselić, "Jacobi's method is more accurate than QR", 1992).
 *
 * @returns the lengths of the vectors, σ, in their order; they do not come sorted. Throws FitAborted,
 * and NotConverged for vectors that are not finite.
 */
export function orthogonalize(block: VectorBlock, pace: Pace): Float64Array {
  const { count, length, stride, numbers: squares, numbersPlace, arithmetic } = block
  const padded = paddedLength(length)
  const group = Math.max(8, Math.floor(groupBytes / stride))
  const least = Math.sqrt(length) * Number.EPSILON
  for (let sweep = 0; sweep < mostSweeps; sweep++) {
    for (let k = 0; k < count; k++) squares[k] = block.squareOf(k)
    if (!squares.every(Number.isFinite)) break
    let turns = 0
    const place = block.placeOf(0)
    for (let first = 0; first < count; first += group) {
      for (let other = first; other < count; other += group) {
        const to = Math.min(other + group, count)
        for (let p = first; p < Math.min(first + group, count); p++) {
          const from = Math.max(other, p + 1)
          pace.advance(4 * padded * (to - from))
          turns += arithmetic.turn(place, stride, p, from, to, padded, numbersPlace, least)
        }
      }
    }
    if (turns === 0) return squares.map(Math.sqrt)
  }
  throw new ModelError(
    'NotConverged',
    `the singular values of ${count} × ${length} did not settle in ${mostSweeps} sweeps`,
  )
}
