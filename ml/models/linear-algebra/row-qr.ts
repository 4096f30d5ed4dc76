import type { Pace } from '../pace.ts'
import { paddedLength, VectorBlock } from './vector-block.ts'

/** Rows that are folded in at once: with 100 columns 50 kB, which the processor's cache holds. */
const blockRows = 64

/** What is left of a column, by this share of its squared length, is rounding of what was left before. */
const negligible = 1e-40

/**
 * The triangular factor of a matrix whose rows come one after the other: RᵀR = AᵀA, by Householder
 * reflections of R over a block of rows, so that no copy of A is needed and nothing is squared
 * (Golub and Van Loan, "Matrix Computations", 5.2 and 6.5). Time 2 · rows · width².
 *
 * The columns are to be of a size whose squares neither overflow nor vanish.
 */
export class RowQR {
  readonly width: number
  readonly #pace: Pace
  /** Rows as they come. */
  readonly #rows: Float64Array
  /** The same by column, and R besides: upper triangular, width × width, row-major. */
  readonly #block: VectorBlock
  /** The squared length of each column so far. */
  readonly #squares: Float64Array
  #filled = 0

  /** @param kind of arithmetic, of which both give the same bits */
  constructor(width: number, pace: Pace, kind: 'wasm' | 'plain' = 'wasm') {
    this.width = width
    this.#pace = pace
    this.#rows = new Float64Array(blockRows * width)
    this.#block = new VectorBlock(width, blockRows, width * width, kind)
    this.#squares = new Float64Array(width)
  }

  /** Room for the next row, to be written at once. */
  nextRow(): Float64Array {
    if (this.#filled === blockRows) this.#fold()
    const at = this.#filled * this.width
    this.#filled++
    return this.#rows.subarray(at, at + this.width)
  }

  /** The factor of all rows, width × width, row-major. Ends its use. Throws FitAborted. */
  finish(): Float64Array {
    this.#fold()
    const factor = this.#block.extra.slice()
    this.#block.release()
    return factor
  }

  #fold(): void {
    for (let j = 0; j < this.width; j++) {
      const column = this.#block.vector(j).fill(0)
      for (let row = 0; row < this.#filled; row++) column[row] = this.#rows[row * this.width + j]!
      this.#squares[j]! += this.#block.squareOf(j)
    }
    const length = paddedLength(this.#filled)
    for (let j = 0; j < this.width; j++) {
      this.#pace.advance(length * (this.width - j))
      this.#reflect(j, length)
    }
    this.#filled = 0
  }

  /** Makes column j of the block 0 by a reflection of row j of R with all rows of the block. */
  #reflect(j: number, length: number): void {
    const { width } = this
    const { arithmetic, extra: R, extraPlace, stride } = this.#block
    const column = this.#block.placeOf(j)
    const below = arithmetic.dot(column, column, length)
    // Reflections by ever smaller remains would end in numbers that lose their digits, and in NaN.
    if (below <= negligible * this.#squares[j]!) return
    const at = j * width + j
    const diagonal = R[at]!
    const norm = Math.sqrt(diagonal * diagonal + below)
    const reflected = diagonal > 0 ? -norm : norm
    const head = diagonal - reflected
    R[at] = reflected
    arithmetic.reflect(
      column,
      head,
      extraPlace + (at + 1) * Float64Array.BYTES_PER_ELEMENT,
      column + stride,
      stride,
      width - j - 1,
      length,
      2 / (head * head + below),
    )
  }
}
