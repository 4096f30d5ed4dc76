import type { Random } from '../../../data/random.ts'
import type { Matrix } from '../../../data/matrix.ts'
import type { Criterion } from './criterion.ts'
import { rowsInUse, type ColumnDraw, type NodeSplit, type Splitter } from './splitter.ts'

/**
 * Tries one cut of each drawn column, at random between the node's least and greatest value there
 * (Geurts, Ernst and Wehenkel, "Extremely randomized trees", 2006). The values are
 * read where they are: a row's lie side by side, which counts for the many small nodes.
 */
export class RandomSplitter implements Splitter {
  readonly rows: Int32Array
  readonly #X: Matrix
  readonly #criterion: Criterion
  readonly #minLeaf: number
  readonly #draw: ColumnDraw
  readonly #random: Random
  readonly #spare: Int32Array
  /** A column's values in the node at hand, in the order of its rows. */
  readonly #values: Float64Array
  readonly #split: NodeSplit = { column: 0, threshold: 0 }

  constructor(X: Matrix, criterion: Criterion, minLeaf: number, draw: ColumnDraw, random: Random) {
    this.#X = X
    this.#criterion = criterion
    this.#minLeaf = minLeaf
    this.#draw = draw
    this.#random = random
    this.rows = new Int32Array(X.rows)
    this.#spare = new Int32Array(X.rows)
    this.#values = new Float64Array(X.rows)
  }

  begin(): number {
    return rowsInUse(this.#criterion.weights, this.rows)
  }

  find(from: number, to: number): NodeSplit | undefined {
    const { data, cols } = this.#X
    const { rows } = this
    const values = this.#values
    const split = this.#split
    let isFound = false
    let isParted = false
    for (let k = 0; k < cols && (k < this.#draw.count || !isParted); k++) {
      const column = this.#draw.draw(k)
      let least = Infinity
      let greatest = -Infinity
      for (let p = from; p < to; p++) {
        const value = data[rows[p]! * cols + column]!
        values[p - from] = value
        if (value < least) least = value
        if (value > greatest) greatest = value
      }
      if (least === greatest) continue
      isParted = true
      const drawn = least + this.#random() * (greatest - least)
      const threshold = drawn < greatest ? drawn : least
      if (!this.#criterion.cut(values, to - from, threshold, this.#minLeaf)) continue
      isFound = true
      split.column = column
      split.threshold = threshold
    }
    return isFound ? split : undefined
  }

  part(from: number, to: number): number {
    const { column, threshold } = this.#split
    const { data, cols } = this.#X
    const { rows } = this
    const spare = this.#spare
    let left = from
    let right = 0
    for (let p = from; p < to; p++) {
      const row = rows[p]!
      // As a number at once: a branch here would be foretold wrongly half of the time.
      const isLeft = Number(data[row * cols + column]! <= threshold)
      rows[left] = row
      spare[right] = row
      left += isLeft
      right += 1 - isLeft
    }
    for (let k = 0; k < right; k++) rows[left + k] = spare[k]!
    return left
  }
}
