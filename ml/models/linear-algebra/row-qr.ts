/** Rows that are folded in at once: with 100 columns 50 kB, which the processor's cache holds. */
const blockRows = 64

/**
 * The triangular factor of a matrix whose rows come one after the other: RᵀR = AᵀA, by Householder
 * reflections of R over a block of rows, so that no copy of A is needed and nothing is squared
 * (Golub and Van Loan, "Matrix Computations", 5.2 and 6.5). Time 2 · rows · width².
 *
 * The columns are to be of a size whose squares neither overflow nor vanish.
 */
export class RowQR {
  readonly width: number
  /** Upper triangular, width × width, row-major. */
  readonly #R: Float64Array
  readonly #block: Float64Array
  /** Products of one column of the block with each column after it. */
  readonly #products: Float64Array
  #filled = 0

  constructor(width: number) {
    this.width = width
    this.#R = new Float64Array(width * width)
    this.#block = new Float64Array(blockRows * width)
    this.#products = new Float64Array(width)
  }

  /** Room for the next row, to be written at once. */
  nextRow(): Float64Array {
    if (this.#filled === blockRows) this.#fold()
    const at = this.#filled * this.width
    this.#filled++
    return this.#block.subarray(at, at + this.width)
  }

  /** The factor of all rows so far, width × width, row-major. */
  finish(): Float64Array {
    this.#fold()
    return this.#R
  }

  #fold(): void {
    const rows = this.#filled
    for (let j = 0; j < this.width; j++) reflect(this.#R, this.#block, this.#products, rows, j)
    this.#filled = 0
  }
}

/** Makes column j of the block 0 by a reflection of row j of R with all rows of the block. */
function reflect(
  R: Float64Array,
  block: Float64Array,
  products: Float64Array,
  rows: number,
  j: number,
): void {
  const width = products.length
  const end = rows * width
  products.fill(0, j)
  for (let row = 0; row < end; row += width) {
    const value = block[row + j]!
    if (value === 0) continue
    for (let k = j; k < width; k++) products[k]! += value * block[row + k]!
  }
  const below = products[j]!
  if (below === 0) return
  const diagonal = R[j * width + j]!
  const norm = Math.sqrt(diagonal * diagonal + below)
  const reflected = diagonal > 0 ? -norm : norm
  const head = diagonal - reflected
  const twice = 2 / (head * head + below)
  R[j * width + j] = reflected
  for (let k = j + 1; k < width; k++) {
    const share = twice * (head * R[j * width + k]! + products[k]!)
    products[k] = share
    R[j * width + k]! -= share * head
  }
  for (let row = 0; row < end; row += width) {
    const value = block[row + j]!
    if (value === 0) continue
    for (let k = j + 1; k < width; k++) block[row + k]! -= products[k]! * value
  }
}
