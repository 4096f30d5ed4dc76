/** A dense matrix of `rows × cols` doubles, row-major: element (i, j) is `data[i * cols + j]`. */
export interface Matrix {
  readonly data: Float64Array
  readonly rows: number
  readonly cols: number
}

/** Wraps `data` as a `rows × cols` matrix. Throws RangeError when the lengths do not fit. */
export function matrix(data: Float64Array, rows: number, cols: number): Matrix {
  if (data.length !== rows * cols) {
    throw new RangeError(
      `a ${rows} × ${cols} matrix holds ${rows * cols} values, got ${data.length}`,
    )
  }
  return { data, rows, cols }
}

/** A matrix from rows of equal length, for tests and small inputs. */
export function matrixFromRows(rows: readonly (readonly number[])[]): Matrix {
  const cols = rows[0]?.length ?? 0
  const data = new Float64Array(rows.length * cols)
  rows.forEach((row, i) => {
    if (row.length !== cols) {
      throw new RangeError(`row ${i} has ${row.length} values, row 0 has ${cols}`)
    }
    data.set(row, i * cols)
  })
  return { data, rows: rows.length, cols }
}

/** Row `i` as a view (not a copy) of the matrix. */
export function rowOf(m: Matrix, i: number): Float64Array {
  return m.data.subarray(i * m.cols, (i + 1) * m.cols)
}

/**
 * The rows at `indices`, in that order, as a new matrix.
 *
 * @throws RangeError for an index of no row
 */
export function takeRows(m: Matrix, indices: ArrayLike<number>): Matrix {
  checkIndices(indices, m.rows)
  const data = new Float64Array(indices.length * m.cols)
  for (let k = 0; k < indices.length; k++) data.set(rowOf(m, indices[k]!), k * m.cols)
  return { data, rows: indices.length, cols: m.cols }
}

/**
 * The rows at `indices`, ascending, moved to the front of the matrix's own memory: what it held before
 * is gone.
 *
 * @throws RangeError for an index of no row, or one that is not beyond that before it
 */
export function keepRows({ data, rows, cols }: Matrix, indices: ArrayLike<number>): Matrix {
  checkIndices(indices, rows)
  for (let k = 0; k < indices.length; k++) {
    const i = indices[k]!
    if (k > 0 && i <= indices[k - 1]!) {
      throw new RangeError(`row ${i} follows row ${indices[k - 1]!}: the order is to ascend`)
    }
    if (i !== k) data.copyWithin(k * cols, i * cols, (i + 1) * cols)
  }
  return { data: data.subarray(0, indices.length * cols), rows: indices.length, cols }
}

/**
 * The elements of `values` at `indices`, in that order.
 *
 * @throws RangeError for an index of no element
 */
export function takeValues(values: Float64Array, indices: ArrayLike<number>): Float64Array {
  checkIndices(indices, values.length)
  const taken = new Float64Array(indices.length)
  for (let k = 0; k < indices.length; k++) taken[k] = values[indices[k]!]!
  return taken
}

function checkIndices(indices: ArrayLike<number>, count: number): void {
  for (let k = 0; k < indices.length; k++) {
    const index = indices[k]!
    if (Number.isInteger(index) && index >= 0 && index < count) continue
    throw new RangeError(`there is no row ${index} of ${count}`)
  }
}
