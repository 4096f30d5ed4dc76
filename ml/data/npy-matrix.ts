import { DataError } from './errors.ts'
import type { Matrix } from './matrix.ts'
import type { NpyArray, NpyData } from './npy-types.ts'

/**
 * A 2-D array of any number type as a dense row-major matrix of doubles. A C-ordered float64 array
 * is not copied: the matrix shares its memory.
 *
 * @throws DataError ShapeInvalid unless the array has two axes; IntegerInexact, with row and column,
 *   on a 64-bit integer that a double cannot hold
 */
export function npyToMatrix({ shape, fortranOrder, data }: NpyArray): Matrix {
  const [rows, cols] = shape
  if (shape.length !== 2 || rows === undefined || cols === undefined) {
    throw new DataError(
      'ShapeInvalid',
      `A matrix has two axes, rows and columns; the array has shape (${shape.join(', ')}).`,
      { found: `(${shape.join(', ')})` },
    )
  }
  const numbers = npyNumbers(data, npyPosition(rows, cols, fortranOrder))
  if (fortranOrder) return { data: transposed(numbers, rows, cols), rows, cols }
  return { data: numbers instanceof Float64Array ? numbers : new Float64Array(numbers), rows, cols }
}

/** Where in a 2-D array the value is that is so many values from its beginning. */
export function npyPosition(
  rows: number,
  cols: number,
  fortranOrder: boolean,
): (index: number) => { row: number; column: number } {
  return fortranOrder
    ? (index) => ({ row: index % rows, column: Math.floor(index / rows) })
    : (index) => ({ row: Math.floor(index / cols), column: index % cols })
}

/** Values as they are, 64-bit integers as doubles. @throws DataError IntegerInexact */
export function npyNumbers(
  data: NpyData,
  position: (index: number) => { row: number; column: number },
): NumberData {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return exactDoubles(data, position)
  }
  return data
}

function exactDoubles(
  integers: BigInt64Array | BigUint64Array,
  position: (index: number) => { row: number; column: number },
): Float64Array {
  const doubles = new Float64Array(integers.length)
  for (let i = 0; i < integers.length; i++) {
    const integer = integers[i]!
    const double = Number(integer)
    if (!Number.isSafeInteger(double) && BigInt(double) !== integer) {
      const { row, column } = position(i)
      throw new DataError(
        'IntegerInexact',
        `The integer ${integer} in row ${row}, column ${column} is beyond 2^53 and a double cannot ` +
          'hold it exactly; scale it, or leave it out if it is an identifier.',
        { row, column, found: String(integer) },
      )
    }
    doubles[i] = double
  }
  return doubles
}

type NumberData = Exclude<NpyData, BigInt64Array | BigUint64Array>

/**
 * Rows a block. A block's rows of the answer stay in the cache while one column after the other is
 * read along its run of memory.
 */
const blockRows = 64

/** Column-major values as row-major ones. */
function transposed(columns: NumberData, rows: number, cols: number): Float64Array {
  const out = new Float64Array(rows * cols)
  for (let first = 0; first < rows; first += blockRows) {
    const end = Math.min(first + blockRows, rows)
    for (let j = 0; j < cols; j++) {
      const column = j * rows
      for (let i = first; i < end; i++) out[i * cols + j] = columns[column + i]!
    }
  }
  return out
}
