import { orthogonalize } from './jacobi.ts'

/** A = Σ σ u vᵀ, the greatest σ first. */
export interface SingularValues {
  readonly sigma: Float64Array
  /** One u a row, `rows` long. */
  readonly left: Float64Array
  /** One v a row, `cols` long. */
  readonly right: Float64Array
}

/**
 * The singular value decomposition of a small matrix (rows × cols, row-major, rows ≤ cols). With
 * fewer rows than columns the v of a σ that is 0 but for rounding is all zeros.
 */
export function singularValues(A: Float64Array, rows: number, cols: number): SingularValues {
  const square = rows === cols
  // Columns are the vectors where that costs nothing more: columns of other units keep their digits.
  const vectors = square ? transposed(A, rows, cols) : A.slice()
  const companions = new Float64Array(rows * rows)
  for (let i = 0; i < rows; i++) companions[i * rows + i] = 1
  const lengths = orthogonalize(vectors, companions, rows, cols)
  const order = Array.from(lengths.keys()).sort((a, b) => lengths[b]! - lengths[a]!)
  const turned = new Float64Array(rows * cols)
  const along = new Float64Array(rows * rows)
  order.forEach((from, to) => {
    const length = lengths[from]!
    if (length > cols * Number.EPSILON * lengths[order[0]!]!) {
      for (let k = 0; k < cols; k++) turned[to * cols + k] = vectors[from * cols + k]! / length
    }
    along.set(companions.subarray(from * rows, (from + 1) * rows), to * rows)
  })
  const sigma = Float64Array.from(order, (from) => lengths[from]!)
  return square ? { sigma, left: turned, right: along } : { sigma, left: along, right: turned }
}

function transposed(A: Float64Array, rows: number, cols: number): Float64Array {
  const result = new Float64Array(A.length)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) result[j * rows + i] = A[i * cols + j]!
  }
  return result
}
