/**
 * ADWIN's exponential histogram: rows of buckets, those of row i standing for 2^i values each, at
 * most `maxBuckets` a row. A bucket is two cells of one flat array: the sum of its values and of
 * their squared deviations. Each row has its place there, the oldest bucket first, with room for
 * the one more that is there before a merge: what happens in one row moves nothing in the others.
 */
export class Buckets {
  /** Bucket k of row i at i · `stride` + 2 · k: its total, then its variance. */
  cells: Float64Array
  /** The buckets of each row in use; the last row's first is the oldest. */
  readonly counts: number[] = []
  /** Cells a row. */
  readonly stride: number

  constructor(maxBuckets: number) {
    this.stride = 2 * (maxBuckets + 1)
    this.cells = new Float64Array(Math.max(1, Math.floor(firstCells / this.stride)) * this.stride)
  }

  /** Where the oldest bucket is. */
  get oldest(): number {
    return (this.counts.length - 1) * this.stride
  }

  /** Adds a value as the newest bucket and merges the two oldest of a row that is over its number. */
  append(value: number): void {
    const { counts, stride } = this
    this.#addTo(0)
    const newest = 2 * counts[0]! - 2
    this.cells[newest] = value
    this.cells[newest + 1] = 0
    for (let row = 0; 2 * counts[row]! === stride; row++) this.#mergeOldest(row)
  }

  dropOldest(): void {
    const { counts } = this
    this.#drop(counts.length - 1, 1)
    if (counts.at(-1) === 0) counts.pop()
  }

  clear(): void {
    this.counts.length = 0
  }

  toJSON(): BucketsState {
    const { cells, counts, stride } = this
    const oldestFirst = (offset: number) =>
      counts
        .map((count, row) =>
          Array.from({ length: count }, (_, k) => cells[row * stride + 2 * k + offset]!),
        )
        .reverse()
        .flat()
    return { counts: [...counts], totals: oldestFirst(0), variances: oldestFirst(1) }
  }

  /** Fills empty buckets with what `toJSON` gave. */
  fill({ counts, totals, variances }: BucketsState): void {
    let k = 0
    for (let row = counts.length - 1; row >= 0; row--) {
      for (const last = k + counts[row]!; k < last; k++) {
        this.#addTo(row)
        const newest = row * this.stride + 2 * this.counts[row]! - 2
        this.cells[newest] = totals[k]!
        this.cells[newest + 1] = variances[k]!
      }
    }
  }

  /** Makes room for one more bucket in a row; row by row, as a window's rows are few. */
  #addTo(row: number): void {
    const { counts, cells, stride } = this
    while (counts.length <= row) counts.push(0)
    counts[row]!++
    if ((row + 1) * stride <= cells.length) return
    this.cells = new Float64Array((row + 1) * stride)
    this.cells.set(cells)
  }

  #mergeOldest(row: number): void {
    const { counts, stride } = this
    this.#addTo(row + 1)
    const cells = this.cells
    const oldest = row * stride
    const merged = oldest + stride + 2 * counts[row + 1]! - 2
    const size = rowSize(row)
    // The size is a power of two: the product is the quotient to the bit.
    const inverse = 1 / size
    const left = cells[oldest]!
    const right = cells[oldest + 2]!
    const difference = left * inverse - right * inverse
    cells[merged] = left + right
    cells[merged + 1] =
      cells[oldest + 1]! + cells[oldest + 3]! + size * 0.5 * difference * difference
    this.#drop(row, 2)
  }

  /** Takes the `dropped` oldest buckets from a row. */
  #drop(row: number, dropped: number): void {
    const { cells, counts, stride } = this
    const count = counts[row]! - dropped
    const first = row * stride
    const distance = 2 * dropped
    for (let cell = first; cell < first + 2 * count; cell++) cells[cell] = cells[cell + distance]!
    counts[row] = count
  }
}

/**
 * Buckets as plain JSON: `counts[i]` buckets of 2^i values, and of every bucket, the oldest first,
 * the sum of its values and of their squared deviations.
 */
export interface BucketsState {
  readonly counts: readonly number[]
  readonly totals: readonly number[]
  readonly variances: readonly number[]
}

/** A window's width is a safe integer, below 2^53; one more row for a merge of the last. */
export const rowLimit = 54

const sizes = Float64Array.from({ length: rowLimit }, (_, row) => 2 ** row)

/** The values that a bucket of a row stands for: 2^row, without the cost of a power. */
export function rowSize(row: number): number {
  return sizes[row]!
}

/** With 5 buckets a row, what about 300 values need. */
const firstCells = 72
