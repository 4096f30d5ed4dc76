import type { Pace } from '../pace.ts'
import { PivotedQR } from './pivoted-qr.ts'

/** The solution of a least-squares problem. */
export interface LeastSquares {
  readonly solution: Float64Array
  /** The number of independent columns. */
  readonly rank: number
}

/**
 * The x of least ‖Ax - c‖, and of several that of least ‖Sx‖, with A (c.length × d, row-major) and S
 * the diagonal matrix of `units`: an unknown whose unit is 0 is 0. Columns, each taken to length 1, are
 * independent to within `tolerance`. By a QR decomposition with column pivoting, and one of its factor
 * where columns depend on each other: a complete orthogonal decomposition (Golub and Van Loan, "Matrix
 * Computations", 5.5). Throws FitAborted.
 */
export function minimumNorm(
  A: Float64Array,
  c: Float64Array,
  units: Float64Array,
  tolerance: number,
  pace: Pace,
): LeastSquares {
  const d = units.length
  const lengths = columnLengths(A, d)
  const qr = new PivotedQR(d, c.length, 1)
  for (let j = 0; j < d; j++) {
    const column = qr.vector(j)
    for (let i = 0; i < c.length; i++) column[i] = A[i * d + j]! / lengths[j]!
  }
  qr.vector(d).set(c)
  const rank = qr.factor(tolerance, pace, true)
  const solution = rank === d ? solveUpper(qr) : solveWide(qr, lengths, units, pace)
  qr.release()
  for (let j = 0; j < d; j++) solution[j] = solution[j]! / lengths[j]!
  return { solution, rank }
}

/** Euclidean length of each column; 1 for a column of zeros. */
export function columnLengths(A: Float64Array, d: number): Float64Array {
  const squares = new Float64Array(d)
  for (let from = 0; from < A.length; from += d) {
    for (let j = 0; j < d; j++) squares[j]! += A[from + j]! * A[from + j]!
  }
  return squares.map((square) => Math.sqrt(square) || 1)
}

/** The x of Rx = Qᵀc, which is the vector after the columns. */
function solveUpper(qr: PivotedQR): Float64Array {
  const d = qr.count
  const rest = qr.vector(d)
  const solution = new Float64Array(d)
  for (let k = d - 1; k >= 0; k--) {
    const value = rest[k]! / qr.at(k, k)
    solution[qr.pivots[k]!] = value
    for (let i = 0; i < k; i++) rest[i]! -= qr.at(i, k) * value
  }
  return solution
}

/**
 * The x of Rx = Qᵀc, R of fewer rows than columns, of least ‖Sx / lengths‖: with (S / lengths) x = t and
 * R (lengths / S) = W, t is in the space of the rows of W, which another decomposition gives as
 * Wᵀ = ZT.
 */
function solveWide(
  qr: PivotedQR,
  lengths: Float64Array,
  units: Float64Array,
  pace: Pace,
): Float64Array {
  const { rank, count: d } = qr
  const solution = new Float64Array(d)
  if (rank === 0) return solution
  const weights = lengths.map((length, j) => (units[j] === 0 ? 0 : length / units[j]!))
  const greatest = weights.reduce((most, value) => Math.max(most, value), 0)
  const ofColumn = Float64Array.from(qr.pivots, (j) => weights[j]! / greatest)
  // Elements of greater weight first, for the precision of those of small weight (Cox and Higham,
  // "Stability of Householder QR factorization for weighted least squares problems", 1998).
  const order = Array.from(ofColumn.keys()).sort((a, b) => ofColumn[b]! - ofColumn[a]! || a - b)
  const wide = new PivotedQR(rank, d, 1)
  const sizes = new Float64Array(rank)
  for (let i = 0; i < rank; i++) {
    const row = wide.vector(i)
    order.forEach((k, at) => (row[at] = qr.at(i, k) * ofColumn[k]!))
    sizes[i] = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1
    for (let at = 0; at < d; at++) row[at] = row[at]! / sizes[i]!
  }
  wide.factor(0, pace)
  // Tᵀy = Qᵀc, then t = Zy.
  const y = wide.vector(rank)
  for (let k = 0; k < wide.rank; k++) {
    const i = wide.pivots[k]!
    let sum = qr.vector(d)[i]! / sizes[i]!
    for (let before = 0; before < k; before++) sum -= wide.at(before, k) * y[before]!
    y[k] = sum / wide.at(k, k)
  }
  wide.applyQ(pace)
  order.forEach((k, at) => (solution[qr.pivots[k]!] = y[at]! * ofColumn[k]!))
  wide.release()
  return solution
}
