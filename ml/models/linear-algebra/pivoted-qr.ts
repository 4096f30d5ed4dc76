import { ModelError } from '../errors.ts'
import type { Pace } from '../pace.ts'
import { paddedLength, VectorBlock } from './vector-block.ts'

/** A square this small has lost digits, or will: the columns are to be of lengths about 1. */
const leastSquare = 1e-280

/** A length is taken anew once as much of its square went that the rest is not sure to half its digits. */
const leastShare = 1e-8

/**
 * Householder's QR decomposition with column pivoting, the longest of what is left first (Golub and
 * Van Loan, "Matrix Computations", 5.4): A with its columns in the order `pivots` is QR. Columns are
 * vectors; after them there can be others, to which Q is applied.
 */
export class PivotedQR {
  readonly count: number
  readonly length: number
  readonly pivots: Int32Array
  rank = 0
  readonly #block: VectorBlock
  /** Of each reflection the first element of its vector, whose others stay in the column, and 2 / v². */
  readonly #heads: Float64Array
  readonly #factors: Float64Array
  readonly #diagonal: Float64Array

  /** @param others vectors besides the `count` columns, of the same length */
  constructor(count: number, length: number, others = 0) {
    const steps = Math.min(count, length)
    this.count = count
    this.length = length
    this.pivots = Int32Array.from({ length: count }, (_, j) => j)
    this.#block = new VectorBlock(count + others, length)
    this.#heads = new Float64Array(steps)
    this.#factors = new Float64Array(steps)
    this.#diagonal = new Float64Array(steps)
  }

  /** Column j, to be written before `factor`; the other vectors come after the columns. */
  vector(j: number): Float64Array {
    return this.#block.vector(j)
  }

  /**
   * Decomposes until no column is left that is longer than `tolerance` times the first. With
   * `carried` Qᵀ is applied to the other vectors at once. Answers the rank. Throws FitAborted,
   * and NotConverged for what is not finite.
   */
  factor(tolerance: number, pace: Pace, carried = false): number {
    const block = this.#block
    const squares = Float64Array.from({ length: this.count }, (_, j) => block.squareOf(j))
    if (!squares.every(Number.isFinite)) {
      throw new ModelError(
        'NotConverged',
        'what is to be decomposed has values that are not finite',
      )
    }
    const sure = squares.slice()
    const last = carried ? block.count : this.count
    let least = leastSquare
    const steps = Math.min(this.count, this.length)
    for (let k = 0; k < steps; k++) {
      this.#bringLongest(k, squares, sure)
      const length = this.#lengthFrom(k)
      if (k === 0) least = Math.max(least, (tolerance * length) ** 2)
      if (!(length * length > least)) break
      this.#addReflection(k, length)
      this.#reflect(k, k + 1, last)
      this.rank = k + 1
      pace.advance(2 * (this.length - k) * (last - k))
      for (let j = k + 1; j < this.count; j++) {
        squares[j]! -= block.at(j, k) ** 2
        if (squares[j]! > leastShare * sure[j]!) continue
        squares[j] = this.#lengthFrom(k + 1, j) ** 2
        sure[j] = squares[j]!
      }
    }
    return this.rank
  }

  /** R's element in row i < rank and the column that stands k-th. */
  at(i: number, k: number): number {
    return i === k ? this.#diagonal[k]! : i < k ? this.#block.at(k, i) : 0
  }

  /** Applies Q to the other vectors. Throws FitAborted. */
  applyQ(pace: Pace): void {
    const others = this.#block.count - this.count
    for (let k = this.rank - 1; k >= 0; k--) {
      this.#reflect(k, this.count, this.#block.count)
      pace.advance(2 * (this.length - k) * others)
    }
  }

  /** Ends its use. */
  release(): void {
    this.#block.release()
  }

  #bringLongest(k: number, squares: Float64Array, sure: Float64Array): void {
    let longest = k
    for (let j = k + 1; j < this.count; j++) if (squares[j]! > squares[longest]!) longest = j
    this.#block.swap(k, longest)
    for (const values of [squares, sure, this.pivots]) {
      const kept = values[k]!
      values[k] = values[longest]!
      values[longest] = kept
    }
  }

  /** The length of column j from row k on. */
  #lengthFrom(k: number, j = k): number {
    const { scratch, scratchPlace, arithmetic } = this.#block
    const from = k & ~7
    scratch.set(this.vector(j).subarray(from), from)
    scratch.fill(0, from, k)
    const place = scratchPlace + from * Float64Array.BYTES_PER_ELEMENT
    return Math.sqrt(arithmetic.dot(place, place, scratch.length - from))
  }

  #addReflection(k: number, length: number): void {
    const element = this.#block.at(k, k)
    const reflected = element > 0 ? -length : length
    this.#diagonal[k] = reflected
    this.#heads[k] = element - reflected
    this.#factors[k] = 1 / (length * (length + Math.abs(element)))
  }

  /** Applies the k-th reflection to vectors `from` up to `to`. */
  #reflect(k: number, from: number, to: number): void {
    const { scratch, scratchPlace, numbersPlace, stride, arithmetic } = this.#block
    const first = k & ~7
    scratch.set(this.vector(k).subarray(first), first)
    scratch.fill(0, first, k)
    scratch[k] = this.#heads[k]!
    const offset = first * Float64Array.BYTES_PER_ELEMENT
    arithmetic.reflect(
      scratchPlace + offset,
      0,
      numbersPlace,
      this.#block.placeOf(from) + offset,
      stride,
      to - from,
      paddedLength(this.length) - first,
      this.#factors[k]!,
    )
  }
}
