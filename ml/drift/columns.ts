import { mean, quantileSorted, standardDeviation } from 'simple-statistics'
import type { Matrix } from '../data/matrix.ts'
import { sortDoubles } from './sort-doubles.ts'

/**
 * Whether a value takes part in statistics: finite, and not so large that its square overflows.
 * What does not take part is counted as missing.
 */
export function isUsable(value: number): boolean {
  return Math.abs(value) <= largestValue
}

/** The columns of `rows × cols`, each contiguous, their rows in `order` (as they are without it). */
export function columnsOf(m: Matrix, order?: Int32Array): Float64Array[] {
  const { rows, cols } = m
  const data = new Float64Array(rows * cols)
  // Row by row: reading down one column of a wide matrix would miss the cache at every value.
  for (let i = 0; i < rows; i++) {
    const start = (order === undefined ? i : order[i]!) * cols
    for (let j = 0; j < cols; j++) data[j * rows + i] = m.data[start + j]!
  }
  return Array.from({ length: cols }, (_, j) => data.subarray(j * rows, (j + 1) * rows))
}

/** Columns that are copied at once: half a cache line of each row, as a copy is memory too. */
const columnsAtOnce = 4

/**
 * Copies of the columns one after the other, of which a few are held at a time: each is valid until the
 * next is asked for.
 */
export function* eachColumn({ data, rows, cols }: Matrix): Iterable<Float64Array> {
  const block = new Float64Array(rows * Math.min(columnsAtOnce, cols))
  for (let first = 0; first < cols; first += columnsAtOnce) {
    const count = Math.min(columnsAtOnce, cols - first)
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < count; j++) block[j * rows + i] = data[i * cols + first + j]!
    }
    for (let j = 0; j < count; j++) yield block.subarray(j * rows, (j + 1) * rows)
  }
  // Freed at once: the garbage collector would leave it for long.
  block.buffer.transfer(0)
}

/** The usable values of a column in ascending order. The column's own memory is reused. */
export function sortedUsable(column: Float64Array): Float64Array {
  let count = 0
  for (let i = 0; i < column.length; i++) {
    if (isUsable(column[i]!)) column[count++] = column[i]!
  }
  return sortDoubles(column.subarray(0, count))
}

/** How many values each category has; the last count is that of all others. */
export function countCategories(column: Float64Array, categories: number): number[] {
  const counts = new Array<number>(categories + 1).fill(0)
  for (const value of column) {
    if (!Number.isFinite(value)) continue
    const isKnown = Number.isInteger(value) && value >= 0 && value < categories
    counts[isKnown ? value : categories]!++
  }
  return counts
}

/** How many of the ascending values are at most `limit`. */
export function countUpTo(sorted: Float64Array, limit: number): number {
  return partition(sorted, (value) => value <= limit)
}

/** How many of the ascending values are below `limit`. */
export function countBelow(sorted: Float64Array, limit: number): number {
  return partition(sorted, (value) => value < limit)
}

export function meanOf(values: Float64Array): number {
  return mean(asNumbers(values))
}

/** The population standard deviation; exactly 0 where all the ascending values are equal. */
export function deviationOf(sorted: Float64Array): number {
  return sorted[0] === sorted.at(-1) ? 0 : standardDeviation(asNumbers(sorted))
}

/** The quantile at `probability`, linear between neighbours (NumPy's and R's type 7). */
export function quantileOf(sorted: Float64Array, probability: number): number {
  return quantileSorted(asNumbers(sorted), probability)
}

/** simple-statistics only indexes its samples; its types ask for an array, which would be a copy. */
function asNumbers(values: Float64Array): readonly number[] {
  return values as unknown as readonly number[]
}

function partition(sorted: Float64Array, isLeft: (value: number) => boolean): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isLeft(sorted[middle]!)) low = middle + 1
    else high = middle
  }
  return low
}

const largestValue = 1e140
