import { singularValues } from './svd.ts'

/** The solution of a least-squares problem. */
export interface LeastSquares {
  readonly solution: Float64Array
  /** The number of independent columns. */
  readonly rank: number
}

/**
 * The x of least ‖Rx - c‖, and of several the one of least ‖x‖, with R upper triangular (d × d,
 * row-major). Where the columns, each taken to length 1, are independent to within `tolerance` it is
 * the one solution, by a QR decomposition with column pivoting; else the pseudo-inverse gives it.
 */
export function minimumNorm(R: Float64Array, c: Float64Array, tolerance: number): LeastSquares {
  const d = c.length
  const lengths = columnLengths(R, d)
  const { T, rhs, pivots, rank } = pivotedQR(R, c, lengths, tolerance)
  if (rank < d) return { solution: pseudoInverse(R, c, rank), rank }
  const solution = new Float64Array(d)
  for (let i = d - 1; i >= 0; i--) {
    let sum = rhs[i]!
    for (let k = i + 1; k < d; k++) sum -= T[i * d + k]! * solution[pivots[k]!]!
    solution[pivots[i]!] = sum / T[i * d + i]!
  }
  for (let j = 0; j < d; j++) solution[j] = solution[j]! / lengths[j]!
  return { solution, rank }
}

/** Euclidean length of each column; 1 for a column of zeros. */
export function columnLengths(R: Float64Array, d: number): Float64Array {
  const squares = new Float64Array(d)
  for (let at = 0; at < R.length; at++) squares[at % d]! += R[at]! * R[at]!
  return squares.map((square) => Math.sqrt(square) || 1)
}

/** Householder QR of R with columns of length 1, the longest of what is left first. */
function pivotedQR(R: Float64Array, c: Float64Array, lengths: Float64Array, tolerance: number) {
  const d = c.length
  const T = R.map((value, at) => value / lengths[at % d]!)
  const rhs = c.slice()
  const pivots = Int32Array.from({ length: d }, (_, j) => j)
  let first = 0
  for (let k = 0; k < d; k++) {
    const { column, length } = longestColumn(T, d, k)
    if (k === 0) first = length
    if (length <= tolerance * first) return { T, rhs, pivots, rank: k }
    swapColumns(T, d, k, column)
    const pivot = pivots[k]!
    pivots[k] = pivots[column]!
    pivots[column] = pivot
    const reflected = T[k * d + k]! > 0 ? -length : length
    // The reflection's vector stays in column k below row k; `head` is its first element.
    const head = T[k * d + k]! - reflected
    const half = length * (length + Math.abs(T[k * d + k]!))
    for (let j = k + 1; j < d; j++) {
      let product = head * T[k * d + j]!
      for (let i = k + 1; i < d; i++) product += T[i * d + k]! * T[i * d + j]!
      const share = product / half
      T[k * d + j]! -= share * head
      for (let i = k + 1; i < d; i++) T[i * d + j]! -= share * T[i * d + k]!
    }
    let product = head * rhs[k]!
    for (let i = k + 1; i < d; i++) product += T[i * d + k]! * rhs[i]!
    rhs[k]! -= (product / half) * head
    for (let i = k + 1; i < d; i++) {
      rhs[i]! -= (product / half) * T[i * d + k]!
      T[i * d + k] = 0
    }
    T[k * d + k] = reflected
  }
  return { T, rhs, pivots, rank: d }
}

/** The column from k on that is longest from row k on. */
function longestColumn(T: Float64Array, d: number, k: number) {
  let column = k
  let longest = 0
  for (let j = k; j < d; j++) {
    let square = 0
    for (let i = k; i < d; i++) square += T[i * d + j]! * T[i * d + j]!
    if (square > longest) {
      longest = square
      column = j
    }
  }
  return { column, length: Math.sqrt(longest) }
}

function swapColumns(T: Float64Array, d: number, a: number, b: number): void {
  if (a === b) return
  for (let at = 0; at < T.length; at += d) {
    const kept = T[at + a]!
    T[at + a] = T[at + b]!
    T[at + b] = kept
  }
}

/** R⁺c from the `rank` greatest singular values. */
function pseudoInverse(R: Float64Array, c: Float64Array, rank: number): Float64Array {
  const d = c.length
  const rows = filledRows(R, d)
  const { sigma, left, right } = singularValues(R.subarray(0, rows * d), rows, d)
  const solution = new Float64Array(d)
  for (let r = 0; r < rank; r++) {
    let product = 0
    for (let i = 0; i < rows; i++) product += left[r * rows + i]! * c[i]!
    const share = product / sigma[r]!
    for (let j = 0; j < d; j++) solution[j]! += share * right[r * d + j]!
  }
  return solution
}

/** Rows of R up to the last that is not all 0: of fewer rows than columns R has no more. */
function filledRows(R: Float64Array, d: number): number {
  let last = R.length - 1
  while (last > 0 && R[last] === 0) last--
  return Math.floor(last / d) + 1
}
