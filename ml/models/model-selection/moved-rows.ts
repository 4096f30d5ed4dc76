import { ModelError } from '../errors.ts'
import type { FoldSource, Rows } from './fold-rows.ts'
import type { Fold } from './splits.ts'

/**
 * The rows of folds moved to the front of their own memory, those to learn from first, then those to
 * judge by; `end` moves all back to where they were. What steps make of the former goes to the same
 * memory for every fold, which is gone with the end.
 */
export class MovedRows implements FoldSource {
  readonly fitOptions = { copyTo: (values: number) => this.#memoryFor(values) }
  readonly #all: Rows
  /** The row that stands at each place, and the place of each row. */
  readonly #rowAt: Int32Array
  readonly #placeOf: Int32Array
  readonly #mostRows: number
  #memory: Float64Array<ArrayBuffer> | undefined

  constructor(all: Rows, folds: readonly Fold[]) {
    const { rows } = all.X
    this.#all = all
    this.#rowAt = Int32Array.from({ length: rows }, (_, i) => i)
    this.#placeOf = this.#rowAt.slice()
    this.#mostRows = folds.reduce((most, { train }) => Math.max(most, train.length), 0)
  }

  /** Throws OptionInvalid for a row that a side has twice. */
  of({ train, test }: Fold): { train: Rows; test: Rows } {
    this.#bring(train, 0)
    this.#bring(test, train.length)
    return {
      train: this.#between(0, train.length),
      test: this.#between(train.length, train.length + test.length),
    }
  }

  end(): void {
    for (let row = 0; row < this.#rowAt.length; row++) this.#swap(row, this.#placeOf[row]!)
    this.#release()
  }

  #bring(rows: Int32Array, first: number): void {
    rows.forEach((row, k) => {
      const place = this.#placeOf[row]!
      if (place < first + k) {
        throw new ModelError(
          'OptionInvalid',
          `option movesRows: a fold has row ${row} twice, and a row cannot be moved to two places`,
        )
      }
      this.#swap(first + k, place)
    })
  }

  #swap(a: number, b: number): void {
    if (a === b) return
    const { X, y, weights } = this.#all
    const { data, cols } = X
    for (let j = 0, from = a * cols, to = b * cols; j < cols; j++, from++, to++) {
      const value = data[from]!
      data[from] = data[to]!
      data[to] = value
    }
    swap(y, a, b)
    if (weights) swap(weights, a, b)
    swap(this.#rowAt, a, b)
    this.#placeOf[this.#rowAt[a]!] = a
    this.#placeOf[this.#rowAt[b]!] = b
  }

  #between(from: number, to: number): Rows {
    const { X, y, weights } = this.#all
    const { cols } = X
    return {
      X: { data: X.data.subarray(from * cols, to * cols), rows: to - from, cols },
      y: y.subarray(from, to),
      weights: weights?.subarray(from, to),
    }
  }

  #memoryFor(values: number): Float64Array {
    if (this.#memory === undefined || this.#memory.length < values) {
      this.#release()
      this.#memory = new Float64Array(Math.max(values, this.#mostRows * this.#all.X.cols))
    }
    return this.#memory
  }

  /** At once: the garbage collector would leave it for long. */
  #release(): void {
    this.#memory?.buffer.transfer(0)
    this.#memory = undefined
  }
}

function swap(values: Float64Array | Int32Array, a: number, b: number): void {
  const value = values[a]!
  values[a] = values[b]!
  values[b] = value
}
