import type { Pace } from '../pace.ts'
import { paddedLength, VectorBlock } from './vector-block.ts'

/**
 * Cholesky's factor L of a symmetric matrix LLᵀ without a negative direction: its rows, each 0 beyond
 * the diagonal. A row of zeros gets a 1 there. Nothing where a pivot is not above `leastShare` of its
 * diagonal. Throws FitAborted.
 *
 * @param elementAt of row i and column j, j ≥ i; asked once for each
 */
export function choleskyFactor(
  count: number,
  elementAt: (i: number, j: number) => number,
  leastShare: number,
  pace: Pace,
): VectorBlock | undefined {
  const block = new VectorBlock(count, count)
  const { numbers: sums, numbersPlace, stride, arithmetic } = block
  for (let j = 0; j < count; j++) {
    const place = block.placeOf(j)
    sums.fill(0, 0, count - j)
    arithmetic.products(place, place, stride, count - j, paddedLength(j), numbersPlace)
    pace.advance((count - j) * j)
    const diagonal = elementAt(j, j)
    const pivot = diagonal - sums[0]!
    if (diagonal !== 0 && !(pivot > leastShare * diagonal)) {
      block.release()
      return undefined
    }
    const root = diagonal === 0 ? 1 : Math.sqrt(pivot)
    block.set(j, j, root)
    for (let i = j + 1; i < count; i++) {
      block.set(i, j, (elementAt(j, i) - sums[i - j]!) / root)
    }
  }
  return block
}

/** Writes the x with LLᵀx = b over b. */
export function solveCholesky(L: VectorBlock, x: Float64Array): void {
  for (let i = 0; i < L.count; i++) {
    const row = L.vector(i)
    let sum = x[i]!
    for (let j = 0; j < i; j++) sum -= row[j]! * x[j]!
    x[i] = sum / row[i]!
  }
  for (let i = L.count - 1; i >= 0; i--) {
    const row = L.vector(i)
    const value = x[i]! / row[i]!
    x[i] = value
    for (let j = 0; j < i; j++) x[j]! -= row[j]! * value
  }
}
