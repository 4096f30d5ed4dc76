import type { Random } from '../../../data/random.ts'
import type { Matrix } from '../../../data/matrix.ts'
import type { Criterion } from './criterion.ts'
import { Cuts } from './cuts.ts'
import type { ColumnDraw, NodeSplit, Splitter } from './splitter.ts'

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
  readonly #cuts: Cuts
  readonly #split: NodeSplit = { column: 0, threshold: 0 }
  /** Which of two slots has the values of the split's column; the other is free for the next. */
  #splitSlot = 0

  constructor(X: Matrix, criterion: Criterion, minLeaf: number, draw: ColumnDraw, random: Random) {
    this.#X = X
    this.#criterion = criterion
    this.#minLeaf = minLeaf
    this.#draw = draw
    this.#random = random
    this.rows = new Int32Array(X.rows)
    this.#spare = new Int32Array(X.rows)
    this.#cuts = new Cuts(X.rows, criterion.classes)
    criterion.useCuts(this.#cuts)
  }

  begin(): number {
    return this.#criterion.takeRows(this.rows)
  }

  find(from: number, to: number): NodeSplit | undefined {
    const { cols } = this.#X
    let isFound = false
    let isParted = false
    this.#splitSlot = 0
    for (let k = 0; k < cols && (k < this.#draw.count || !isParted); k++) {
      const column = this.#draw.draw(k)
      const slot = 1 - this.#splitSlot
      this.#read(slot, column, from, to)
      this.#cuts.findRange(slot, to - from)
      const { least, greatest } = this.#cuts
      if (least === greatest) continue
      isParted = true
      const drawn = least + this.#random() * (greatest - least)
      const threshold = drawn < greatest ? drawn : least
      if (!this.#criterion.cut(slot, to - from, threshold, this.#minLeaf)) continue
      isFound = true
      this.#splitSlot = slot
      this.#split.column = column
      this.#split.threshold = threshold
    }
    return isFound ? this.#split : undefined
  }

  part(from: number, to: number): number {
    const { threshold } = this.#split
    const { values } = this.#cuts
    const { rows } = this
    const spare = this.#spare
    const offset = this.#splitSlot * rows.length - from
    let left = from
    let right = 0
    for (let p = from; p < to; p++) {
      const row = rows[p]!
      // As a number at once: a branch here would be foretold wrongly half of the time.
      const isLeft = Number(values[offset + p]! <= threshold)
      rows[left] = row
      spare[right] = row
      left += isLeft
      right += 1 - isLeft
    }
    for (let k = 0; k < right; k++) rows[left + k] = spare[k]!
    return left
  }

  release(): void {
    this.#cuts.release()
  }

  /** Fills a slot with a column's values for the node's rows. */
  #read(slot: number, column: number, from: number, to: number): void {
    const { data, cols } = this.#X
    const { values } = this.#cuts
    const { rows } = this
    const offset = slot * rows.length - from
    for (let p = from; p < to; p++) values[offset + p] = data[rows[p]! * cols + column]!
  }
}
