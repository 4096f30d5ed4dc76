import type { Pace } from '../pace.ts'
import { orthogonalize } from './jacobi.ts'
import { PivotedQR } from './pivoted-qr.ts'
import { VectorBlock } from './vector-block.ts'

/** What is shorter than this share of the longest has lost its direction. */
const leastShare = 1e-140

/** The σ and v of A = Σ σ u vᵀ, the greatest σ first. */
export interface SingularValues {
  readonly sigma: Float64Array
  /** One v a row, `cols` long, all at right angles. */
  readonly right: Float64Array
}

/**
 * The singular values of a matrix (rows × cols, row-major, rows ≤ cols) and as many directions, by
 * Jacobi's method on a triangular factor of A, on which it is done after a few sweeps (Drmač and
 * Veselić, "New fast and accurate Jacobi SVD algorithm", 2008). The elements are to be of a size whose
 * squares neither overflow nor vanish. Throws FitAborted, NotConverged.
 */
export function singularValues(
  A: Float64Array,
  rows: number,
  cols: number,
  pace: Pace,
): SingularValues {
  if (rows === cols) return ofSquare(A, cols, pace)
  // With Aᵀ = ZL the σ are those of L, and v is Zu for the u of L, which are the v of Lᵀ.
  const qr = new PivotedQR(rows, cols, rows)
  for (let i = 0; i < rows; i++) qr.vector(i).set(A.subarray(i * cols, (i + 1) * cols))
  qr.factor(0, pace)
  const transposed = new Float64Array(rows * rows)
  for (let k = 0; k < rows; k++) {
    for (let i = 0; i <= k && i < qr.rank; i++) transposed[k * rows + i] = qr.at(i, k)
  }
  const { sigma, right: left } = ofSquare(transposed, rows, pace)
  for (let k = 0; k < rows; k++) {
    qr.vector(rows + k).set(left.subarray(k * rows, (k + 1) * rows))
  }
  qr.applyQ(pace)
  const right = new Float64Array(rows * cols)
  for (let k = 0; k < rows; k++) right.set(qr.vector(rows + k), k * cols)
  qr.release()
  return { sigma, right }
}

/** Of d × d: with AP = QR the rows of R are turned until they are σv. */
function ofSquare(A: Float64Array, d: number, pace: Pace): SingularValues {
  const qr = new PivotedQR(d, d)
  for (let j = 0; j < d; j++) {
    const column = qr.vector(j)
    for (let i = 0; i < d; i++) column[i] = A[i * d + j]!
  }
  const rank = qr.factor(0, pace)
  const block = new VectorBlock(d, d)
  for (let i = 0; i < rank; i++) {
    const row = block.vector(i)
    for (let k = i; k < d; k++) row[qr.pivots[k]!] = qr.at(i, k)
  }
  qr.release()
  const lengths = orthogonalize(block, pace)
  const order = Array.from(lengths.keys()).sort((a, b) => lengths[b]! - lengths[a]! || a - b)
  const sigma = Float64Array.from(order, (from) => lengths[from]!)
  const right = new Float64Array(d * d)
  for (let k = 0; k < d; k++) {
    const v = right.subarray(k * d, (k + 1) * d)
    const isKnown = sigma[k]! > leastShare * sigma[0]!
    if (isKnown) v.set(block.vector(order[k]!).map((value) => value / sigma[k]!))
    else complete(right, k, d)
  }
  block.release()
  return { sigma, right }
}

/** Writes vector k: of length 1, at right angles to those before it. */
function complete(vectors: Float64Array, k: number, d: number): void {
  const v = vectors.subarray(k * d, (k + 1) * d)
  const covered = new Float64Array(d)
  for (let at = 0; at < k * d; at++) covered[at % d]! += vectors[at]! ** 2
  v[covered.indexOf(Math.min(...covered))] = 1
  // Twice, since the first time leaves rounding in proportion to what it takes away.
  for (let time = 0; time < 2; time++) {
    for (let before = 0; before < k; before++) {
      let product = 0
      for (let i = 0; i < d; i++) product += v[i]! * vectors[before * d + i]!
      for (let i = 0; i < d; i++) v[i]! -= product * vectors[before * d + i]!
    }
  }
  const length = Math.sqrt(v.reduce((sum, value) => sum + value * value, 0))
  for (let i = 0; i < d; i++) v[i] = v[i]! / length
}
