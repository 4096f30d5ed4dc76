import { inPanels, panelOffset, panelRows } from '../wasm/arithmetic.ts'
import type { Heap } from '../wasm/heap.ts'
import { Layout } from '../wasm/layout.ts'

const doubleBytes = Float64Array.BYTES_PER_ELEMENT

/** Vectors of a machine and what its sums over them need. */
export interface Expansion {
  readonly gamma: number
  /** Rows of `cols`, row-major. */
  readonly vectors: Float64Array
  /** Which of these rows count; by default all. */
  readonly chosen?: Int32Array
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
  readonly #count: number
  readonly #padded: number
  readonly #cols: number
  readonly #mean: Float64Array
  readonly #rows: Float64Array
  /** Gamma, the squared lengths of two rows, and the last sum. */
  readonly #numbers: Float64Array
  readonly #places: Record<
    'panels' | 'squares' | 'rows' | 'values' | 'coefficients' | 'numbers',
    number
  >

  /** @param heapFor a heap of at least so many bytes, with anything in it */
  constructor(
    { gamma, vectors, chosen, count, cols, coefficients }: Expansion,
    heapFor: (bytes: number) => Heap,
  ) {
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
      numbers: layout.doubles(4),
    }
    this.#heap = heapFor(layout.bytes)
    this.#rows = this.#heap.doubles(this.#places.rows, 2 * cols)
    this.#numbers = this.#heap.doubles(this.#places.numbers, 4)
    this.#numbers[0] = gamma
    this.#heap.doubles(this.#places.coefficients, coefficients.length).set(coefficients)
    this.#mean = new Float64Array(cols)
    for (let t = 0; t < count; t++) {
      const from = (chosen ? chosen[t]! : t) * cols
      for (let c = 0; c < cols; c++) this.#mean[c]! += vectors[from + c]!
    }
    for (let c = 0; c < cols; c++) this.#mean[c]! /= Math.max(count, 1)
    const panels = this.#heap.doubles(this.#places.panels, this.#padded * cols).fill(0)
    const squares = this.#heap.doubles(this.#places.squares, this.#padded).fill(0)
    for (let t = 0; t < count; t++) {
      const from = (chosen ? chosen[t]! : t) * cols
      const at = panelOffset(t, cols)
      let square = 0
      for (let c = 0; c < cols; c++) {
        const value = vectors[from + c]! - this.#mean[c]!
        panels[at + c * panelRows] = value
        square += value * value
      }
      squares[t] = square
    }
  }

  /** Evaluates the kernel at the row of `data` from `at` on: `sum` is of it from now on. */
  setRow(data: Float64Array, at: number): void {
    this.#copy(data, at, 0)
    const { rows, numbers, panels, squares, values } = this.#places
    const { arithmetic } = this.#heap
    arithmetic.rbfValues(rows, numbers, panels, squares, this.#padded, this.#cols, values)
  }

  /** The same at the row from `at` on and the one after it. */
  setTwoRows(data: Float64Array, at: number): void {
    this.#copy(data, at, 0)
    this.#copy(data, at + this.#cols, 1)
    const { rows, numbers, panels, squares, values } = this.#places
    const { arithmetic } = this.#heap
    arithmetic.rbfValuesOfTwo(rows, numbers, panels, squares, this.#padded, this.#cols, values)
  }

  /** The sum over vectors `from` to `to`, with a row of coefficients, at the first or second row. */
  sum(coefficientRow: number, from: number, to: number, second = false): number {
    const { coefficients, values, numbers } = this.#places
    const start = coefficients + doubleBytes * (coefficientRow * this.#count + from)
    const value = values + doubleBytes * ((second ? this.#padded : 0) + from)
    this.#heap.arithmetic.dotProduct(start, value, to - from, numbers + 3 * doubleBytes)
    return this.#numbers[3]!
  }

  /** A row less the mean, and its squared length, to where the first or second row stands. */
  #copy(data: Float64Array, from: number, place: 0 | 1): void {
    const to = place * this.#cols
    let square = 0
    for (let c = 0; c < this.#cols; c++) {
      const value = data[from + c]! - this.#mean[c]!
      this.#rows[to + c] = value
      square += value * value
    }
    this.#numbers[1 + place] = square
  }
}
