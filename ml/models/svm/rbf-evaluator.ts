import { inPanels, panelOffset, panelRows } from '../wasm/arithmetic.ts'
import { Layout, type Heap } from '../wasm/heap.ts'

const doubleBytes = Float64Array.BYTES_PER_ELEMENT

/** Vectors of a machine and what its sums over them need. */
export interface Expansion {
  readonly gamma: number
  /** count × cols, row-major. */
  readonly vectors: Float64Array
  readonly count: number
  readonly cols: number
  /** Some rows of `count` coefficients. */
  readonly coefficients: Float64Array
}

/**
 * Sums Σ coefficients_t exp(-gamma ‖x - v_t‖²) over parts of the vectors v, for one row or two at a
 * time, without an allocation. The vectors are kept less their mean, so that distances from products,
 * ‖x‖² + ‖v‖² - 2 x · v, cancel no more than the spread of the vectors makes them. A heap in
 * WebAssembly and a plain one give the same bits.
 */
export class RbfEvaluator {
  readonly #heap: Heap
  readonly #gamma: number
  readonly #count: number
  readonly #padded: number
  readonly #cols: number
  readonly #mean: Float64Array
  readonly #rows: Float64Array
  readonly #places: Record<'panels' | 'squares' | 'rows' | 'values' | 'coefficients', number>

  /** @param heapFor a heap of at least so many bytes, with anything in it */
  constructor(
    { gamma, vectors, count, cols, coefficients }: Expansion,
    heapFor: (bytes: number) => Heap,
  ) {
    this.#gamma = gamma
    this.#count = count
    this.#padded = inPanels(count)
    this.#cols = cols
    const layout = new Layout()
    this.#places = {
      panels: layout.doubles(this.#padded * cols),
      squares: layout.doubles(this.#padded),
      rows: layout.doubles(2 * cols),
      values: layout.doubles(2 * this.#padded),
      coefficients: layout.doubles(coefficients.length),
    }
    this.#heap = heapFor(layout.bytes)
    this.#rows = this.#heap.doubles(this.#places.rows, 2 * cols)
    this.#heap.doubles(this.#places.coefficients, coefficients.length).set(coefficients)
    this.#mean = meanOf(vectors, count, cols)
    const panels = this.#heap.doubles(this.#places.panels, this.#padded * cols).fill(0)
    const squares = this.#heap.doubles(this.#places.squares, this.#padded).fill(0)
    for (let t = 0; t < count; t++) {
      const at = panelOffset(t, cols)
      let square = 0
      for (let c = 0; c < cols; c++) {
        const value = vectors[t * cols + c]! - this.#mean[c]!
        panels[at + c * panelRows] = value
        square += value * value
      }
      squares[t] = square
    }
  }

  /** Evaluates the kernel at the row of `data` from `at` on: `sum` is of it from now on. */
  setRow(data: Float64Array, at: number): void {
    const square = this.#copy(data, at, 0)
    const { rows, panels, squares, values } = this.#places
    const { arithmetic } = this.#heap
    const [padded, cols, gamma] = [this.#padded, this.#cols, this.#gamma]
    arithmetic.rbfValues(rows, square, panels, squares, padded, cols, gamma, values)
  }

  /** The same at the row from `at` on and the one after it. */
  setTwoRows(data: Float64Array, at: number): void {
    const first = this.#copy(data, at, 0)
    const second = this.#copy(data, at + this.#cols, this.#cols)
    const { rows, panels, squares, values } = this.#places
    const { arithmetic } = this.#heap
    const [padded, cols, gamma] = [this.#padded, this.#cols, this.#gamma]
    arithmetic.rbfValuesOfTwo(rows, first, second, panels, squares, padded, cols, gamma, values)
  }

  /** The sum over vectors `from` to `to`, with a row of coefficients, at the first or second row. */
  sum(coefficientRow: number, from: number, to: number, second = false): number {
    const { coefficients, values } = this.#places
    const start = coefficients + doubleBytes * (coefficientRow * this.#count + from)
    const value = values + doubleBytes * ((second ? this.#padded : 0) + from)
    return this.#heap.arithmetic.dotProduct(start, value, to - from)
  }

  /** A row less the mean into its place; answers its squared length. */
  #copy(data: Float64Array, from: number, to: number): number {
    let square = 0
    for (let c = 0; c < this.#cols; c++) {
      const value = data[from + c]! - this.#mean[c]!
      this.#rows[to + c] = value
      square += value * value
    }
    return square
  }
}

function meanOf(vectors: Float64Array, count: number, cols: number): Float64Array {
  const mean = new Float64Array(cols)
  for (let at = 0; at < vectors.length; at++) mean[at % cols]! += vectors[at]!
  return mean.map((sum) => (count > 0 ? sum / count : 0))
}
