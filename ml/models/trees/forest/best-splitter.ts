import type { Matrix } from '../../../data/matrix.ts'
import type { Criterion } from './criterion.ts'
import type { ColumnDraw, NodeSplit, Splitter } from './splitter.ts'

/**
 * Tries every cut of a node between two different values of a column. The rows are sorted by every
 * column once a fit, as ranks; a tree's sorted rows follow from these by counting, and are kept in
 * order as nodes are parted (Shafer, Agrawal and Mehta, "SPRINT", 1996). Memory: 8 bytes a value.
 */
export class BestSplitter implements Splitter {
  readonly rows: Int32Array
  readonly #X: Matrix
  readonly #criterion: Criterion
  readonly #minLeaf: number
  readonly #draw: ColumnDraw
  /** Columns × n: which of the column's different values a row has, from 0. */
  readonly #ranks: Int32Array
  /** Columns × n, the first `#size` of each in use: the tree's rows, by the column's ranks. */
  readonly #order: Int32Array
  #size = 0
  /** Room for the rows that go right, and for counts by rank. */
  readonly #spare: Int32Array
  /** 1 for the rows that go left. */
  readonly #goesLeft: Uint8Array
  readonly #split: NodeSplit = { column: 0, threshold: 0 }
  /** The last place on the left in the order of the split's column. */
  #cut = 0

  /** @param onColumn called before each column is sorted */
  constructor(
    X: Matrix,
    criterion: Criterion,
    minLeaf: number,
    draw: ColumnDraw,
    onColumn: () => void,
  ) {
    this.#X = X
    this.#criterion = criterion
    this.#minLeaf = minLeaf
    this.#draw = draw
    this.rows = new Int32Array(X.rows)
    this.#ranks = rankColumns(X, onColumn)
    this.#order = new Int32Array(X.data.length)
    this.#spare = new Int32Array(X.rows + 1)
    this.#goesLeft = new Uint8Array(X.rows)
  }

  begin(): number {
    const { rows, cols } = this.#X
    this.#size = this.#criterion.takeRows(this.rows)
    for (let column = 0; column < cols; column++) {
      sortByRank(
        this.rows.subarray(0, this.#size),
        this.#ranks.subarray(column * rows, (column + 1) * rows),
        this.#spare,
        this.#order.subarray(column * this.#size, (column + 1) * this.#size),
      )
    }
    return this.#size
  }

  find(from: number, to: number): NodeSplit | undefined {
    const { data, rows, cols } = this.#X
    const order = this.#order
    const split = this.#split
    let found = -1
    let isParted = false
    for (let k = 0; k < cols && (k < this.#draw.count || !isParted); k++) {
      const column = this.#draw.draw(k)
      const start = column * this.#size
      if (this.#isConstant(column, from, to)) continue
      isParted = true
      const cut = this.#criterion.scan(
        order,
        start + from,
        start + to,
        this.#ranks,
        column * rows,
        this.#minLeaf,
      )
      if (cut < 0) continue
      found = cut
      split.column = column
    }
    if (found < 0) return undefined
    this.#cut = found
    const below = data[order[found]! * cols + split.column]!
    const above = data[order[found + 1]! * cols + split.column]!
    split.threshold = between(below, above)
    return split
  }

  part(from: number, to: number, isLast: boolean): number {
    const size = this.#size
    const order = this.#order
    const goesLeft = this.#goesLeft
    const { column } = this.#split
    const start = column * size
    const cut = this.#cut
    for (let p = start + from; p <= cut; p++) goesLeft[order[p]!] = 1
    for (let p = cut + 1; p < start + to; p++) goesLeft[order[p]!] = 0
    this.#partList(this.rows, from, to)
    if (!isLast) {
      for (let other = 0; other < this.#X.cols; other++) {
        // A constant column's order is not looked at again.
        if (other === column || this.#isConstant(other, from, to)) continue
        this.#partList(order, other * size + from, other * size + to)
      }
    }
    return cut - start + 1
  }

  /** Its memory is the garbage collector's. */
  release(): void {}

  #isConstant(column: number, from: number, to: number): boolean {
    const start = column * this.#size
    const base = column * this.#X.rows
    const least = this.#ranks[base + this.#order[start + from]!]!
    return least === this.#ranks[base + this.#order[start + to - 1]!]!
  }

  #partList(list: Int32Array, from: number, to: number): void {
    const goesLeft = this.#goesLeft
    const spare = this.#spare
    let left = from
    let right = 0
    // Each row is written to both sides and one of them counted, since which is hard to foretell.
    for (let p = from; p < to; p++) {
      const row = list[p]!
      const isLeft = goesLeft[row]!
      list[left] = row
      spare[right] = row
      left += isLeft
      right += 1 - isLeft
    }
    for (let k = 0; k < right; k++) list[left + k] = spare[k]!
  }
}

function rankColumns({ data, rows, cols }: Matrix, onColumn: () => void): Int32Array {
  const ranks = new Int32Array(data.length)
  const sorted = new Float64Array(rows)
  for (let column = 0; column < cols; column++) {
    onColumn()
    for (let row = 0; row < rows; row++) sorted[row] = data[row * cols + column]!
    sorted.sort()
    let count = 0
    for (let k = 0; k < rows; k++) {
      if (count === 0 || sorted[k] !== sorted[count - 1]) sorted[count++] = sorted[k]!
    }
    const base = column * rows
    for (let row = 0; row < rows; row++) {
      ranks[base + row] = placeOf(sorted, count, data[row * cols + column]!)
    }
  }
  return ranks
}

/** Where `value` is among the first `count` values, which ascend. */
function placeOf(sorted: Float64Array, count: number, value: number): number {
  let low = 0
  let length = count
  while (length > 1) {
    const half = length >> 1
    low += sorted[low + half]! <= value ? half : 0
    length -= half
  }
  return low
}

/** Writes the rows by ascending rank, equals in their order; `counts` has room for every rank and one. */
function sortByRank(
  rows: Int32Array,
  ranks: Int32Array,
  counts: Int32Array,
  out: Int32Array,
): void {
  counts.fill(0)
  for (const row of rows) counts[ranks[row]! + 1]!++
  for (let rank = 1; rank < counts.length; rank++) counts[rank]! += counts[rank - 1]!
  for (const row of rows) out[counts[ranks[row]!]!++] = row
}

/** A threshold that `below` does not pass and `above` does. */
function between(below: number, above: number): number {
  const middle = below + (above - below) / 2
  return middle < above ? middle : below
}
