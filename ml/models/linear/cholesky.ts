/** A pivot this small against the greatest is rounding: its unknown is left at 0. */
const leastPivot = 1e-15

/**
 * Turns the upper triangle of a symmetric matrix A of no negative direction (the first n rows and
 * columns of rows of `stride` doubles) into R with RᵀR = A. Where a direction has no weight beyond
 * rounding, the diagonal of R becomes infinite, so that solutions have a 0 there.
 */
export function factorCholesky(A: Float64Array, stride: number, n: number): void {
  for (let i = 0; i < n; i++) {
    const row = i * stride
    const scale = A[row + i]!
    for (let k = 0; k < i; k++) {
      const factor = A[k * stride + i]!
      if (factor === 0) continue
      for (let j = i; j < n; j++) A[row + j]! -= factor * A[k * stride + j]!
    }
    const pivot = A[row + i]!
    if (!(pivot > leastPivot * scale)) {
      A.fill(0, row + i, row + n)
      A[row + i] = Infinity
      continue
    }
    const root = Math.sqrt(pivot)
    A[row + i] = root
    for (let j = i + 1; j < n; j++) A[row + j]! /= root
  }
}

/** x with RᵀR x = b, R as `factorCholesky` leaves it. */
export function solveCholesky(
  R: Float64Array,
  stride: number,
  n: number,
  b: Float64Array,
  x: Float64Array,
): void {
  for (let i = 0; i < n; i++) x[i] = b[i]!
  for (let i = 0; i < n; i++) {
    const value = x[i]! / R[i * stride + i]!
    x[i] = value
    for (let j = i + 1; j < n; j++) x[j]! -= R[i * stride + j]! * value
  }
  for (let i = n - 1; i >= 0; i--) {
    let sum = x[i]!
    for (let j = i + 1; j < n; j++) sum -= R[i * stride + j]! * x[j]!
    x[i] = sum / R[i * stride + i]!
  }
}
