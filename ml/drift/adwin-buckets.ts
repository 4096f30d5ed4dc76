/**
 * ADWIN's exponential histogram: buckets of 1, 2, 4 … values, at most `maxBuckets` of a size, the
 * oldest and largest first. A bucket is three cells of one flat array: how many values it stands
 * for, their sum, and the sum of their squared deviations. In this order a merge replaces two
 * neighbours by one, and looking for a cut is one pass over the array.
 */
export class Buckets {
  cells: Float64Array
  /** The number of buckets of 2^i values, at i. */
  readonly #countOf = new Int32Array(sizeCount)
  readonly #maxBuckets: number
  #length = 0

  constructor(maxBuckets: number) {
    this.#maxBuckets = maxBuckets
    this.cells = new Float64Array(firstBuckets * cellsPerBucket)
  }

  /** How many of `cells` are in use. */
  get length(): number {
    return this.#length
  }

  /** Adds a value as the newest bucket and merges the two oldest of a size that is over its number. */
  append(value: number): void {
    this.#push(0, value, 0)
    let end = this.#length
    for (let i = 0; this.#countOf[i]! > this.#maxBuckets; i++) {
      const oldest = end - this.#countOf[i]! * cellsPerBucket
      this.#mergeWithNext(oldest)
      this.#countOf[i]! -= 2
      this.#countOf[i + 1]! += 1
      end = oldest + cellsPerBucket
    }
  }

  dropOldest(): void {
    this.#countOf[this.#sizes() - 1]! -= 1
    this.#remove(0)
  }

  clear(): void {
    this.#countOf.fill(0)
    this.#length = 0
  }

  toJSON(): BucketsState {
    const cellsAt = (offset: number) =>
      Array.from(
        { length: this.#length / cellsPerBucket },
        (_, k) => this.cells[k * cellsPerBucket + offset]!,
      )
    return {
      counts: [...this.#countOf.subarray(0, this.#sizes())],
      totals: cellsAt(1),
      variances: cellsAt(2),
    }
  }

  /** Fills empty buckets with what `toJSON` gave. */
  fill({ counts, totals, variances }: BucketsState): void {
    let k = 0
    for (let i = counts.length - 1; i >= 0; i--) {
      for (const last = k + counts[i]!; k < last; k++) this.#push(i, totals[k]!, variances[k]!)
    }
  }

  /** One more than the exponent of the largest size. */
  #sizes(): number {
    return this.#countOf.findLastIndex((count) => count > 0) + 1
  }

  #push(exponent: number, total: number, variance: number): void {
    if (this.#length === this.cells.length) {
      const larger = new Float64Array(this.cells.length * 2)
      larger.set(this.cells)
      this.cells = larger
    }
    this.cells[this.#length] = 2 ** exponent
    this.cells[this.#length + 1] = total
    this.cells[this.#length + 2] = variance
    this.#length += cellsPerBucket
    this.#countOf[exponent]! += 1
  }

  #mergeWithNext(at: number): void {
    const cells = this.cells
    const size = cells[at]!
    const total = cells[at + 1]!
    const nextTotal = cells[at + cellsPerBucket + 1]!
    const difference = total / size - nextTotal / size
    cells[at] = 2 * size
    cells[at + 1] = total + nextTotal
    cells[at + 2] =
      cells[at + 2]! + cells[at + cellsPerBucket + 2]! + size * 0.5 * difference * difference
    this.#remove(at + cellsPerBucket)
  }

  #remove(at: number): void {
    const cells = this.cells
    const length = this.#length - cellsPerBucket
    for (let cell = at; cell < length; cell++) cells[cell] = cells[cell + cellsPerBucket]!
    this.#length = length
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

/** Cells a bucket. */
export const cellsPerBucket = 3

/** A window's width is a safe integer, below 2^53. */
const sizeCount = 54

/** With 5 buckets a size, what about 300 values need. */
const firstBuckets = 32
