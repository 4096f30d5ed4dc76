/** The kernel matrix of a training problem, a row at a time. */
export interface KernelRows {
  readonly size: number
  /** k(x_i, x_i) for every i. */
  readonly diagonal: Float64Array
  /** Writes k(x_i, x_t) for every t into `out`, which has `size` places. */
  fill(i: number, out: Float32Array): void
}

/** exp(-gamma ‖x_i - x_t‖²) over the `size × cols` rows of `X`. */
export function rbfRows(X: Float64Array, size: number, cols: number, gamma: number): KernelRows {
  const squares = squaredNorms(X, size, cols)
  const products = new Float64Array(size)
  return {
    size,
    diagonal: new Float64Array(size).fill(1),
    fill(i, out) {
      dotProducts(X, size, cols, i, products)
      const square = squares[i]!
      for (let t = 0; t < size; t++) {
        const distance = square + squares[t]! - 2 * products[t]!
        out[t] = distance > 0 ? Math.exp(-gamma * distance) : 1
      }
    },
  }
}

/** x_i · x_t over the `size × cols` rows of `X`. */
export function linearRows(X: Float64Array, size: number, cols: number): KernelRows {
  const products = new Float64Array(size)
  return {
    size,
    diagonal: squaredNorms(X, size, cols),
    fill(i, out) {
      dotProducts(X, size, cols, i, products)
      out.set(products)
    },
  }
}

/** k(row, each of `count` vectors) of the rbf kernel, by differences, which cannot cancel. */
export function rbfAgainst(
  row: Float64Array,
  vectors: Float64Array,
  count: number,
  gamma: number,
  out: Float64Array,
): void {
  squaredDistances(row, vectors, count, out)
  for (let t = 0; t < count; t++) out[t] = Math.exp(-gamma * out[t]!)
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let c = 0; c < a.length; c++) sum += a[c]! * b[c]!
  return sum
}

function squaredNorms(X: Float64Array, size: number, cols: number): Float64Array {
  const squares = new Float64Array(size)
  for (let t = 0, at = 0; t < size; t++) {
    let sum = 0
    for (let c = 0; c < cols; c++, at++) sum += X[at]! * X[at]!
    squares[t] = sum
  }
  return squares
}

/** Four vectors at a time, so that four sums are under way at once and a value is loaded once. */
function squaredDistances(
  row: Float64Array,
  vectors: Float64Array,
  count: number,
  out: Float64Array,
): void {
  const cols = row.length
  let t = 0
  for (; t + 4 <= count; t += 4) {
    const a = t * cols
    const b = a + cols
    const c = b + cols
    const d = c + cols
    let sumA = 0
    let sumB = 0
    let sumC = 0
    let sumD = 0
    for (let j = 0; j < cols; j++) {
      const x = row[j]!
      const toA = x - vectors[a + j]!
      const toB = x - vectors[b + j]!
      const toC = x - vectors[c + j]!
      const toD = x - vectors[d + j]!
      sumA += toA * toA
      sumB += toB * toB
      sumC += toC * toC
      sumD += toD * toD
    }
    out[t] = sumA
    out[t + 1] = sumB
    out[t + 2] = sumC
    out[t + 3] = sumD
  }
  for (; t < count; t++) {
    let sum = 0
    for (let j = 0, at = t * cols; j < cols; j++, at++) sum += (row[j]! - vectors[at]!) ** 2
    out[t] = sum
  }
}

/** x_i · x_t for every t, four at a time as above. */
function dotProducts(
  X: Float64Array,
  size: number,
  cols: number,
  i: number,
  out: Float64Array,
): void {
  const start = i * cols
  let t = 0
  for (; t + 4 <= size; t += 4) {
    let a = t * cols
    let b = a + cols
    let c = b + cols
    let d = c + cols
    let sumA = 0
    let sumB = 0
    let sumC = 0
    let sumD = 0
    for (let at = start; at < start + cols; at++) {
      const x = X[at]!
      sumA += x * X[a++]!
      sumB += x * X[b++]!
      sumC += x * X[c++]!
      sumD += x * X[d++]!
    }
    out[t] = sumA
    out[t + 1] = sumB
    out[t + 2] = sumC
    out[t + 3] = sumD
  }
  for (; t < size; t++) {
    let sum = 0
    for (let at = start, a = t * cols; at < start + cols; at++, a++) sum += X[at]! * X[a]!
    out[t] = sum
  }
}
