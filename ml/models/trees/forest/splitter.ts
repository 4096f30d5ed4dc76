import type { Random } from '../../../data/random.ts'

/** Where a node is parted: rows of at most `threshold` in a column go left. */
export interface NodeSplit {
  column: number
  threshold: number
}

/**
 * Looks for the split of a node and parts its rows, which are `rows[from … to)`. One is made for a
 * fit; `begin` takes up a tree.
 */
export interface Splitter {
  readonly rows: Int32Array
  /** Takes up the rows whose weight is above 0; answers how many they are. */
  begin(): number
  /** The node's best split, good until the next call, or nothing where no column can part it. */
  find(from: number, to: number): NodeSplit | undefined
  /**
   * Parts the node by the split found last. Answers where its right side begins.
   * @param isLast whether no child will be looked at
   */
  part(from: number, to: number, isLast: boolean): number
  /** Ends its use. */
  release(): void
}

/** Columns in a random order, drawn one at a time; all columns come in their own order. */
export class ColumnDraw {
  readonly count: number
  readonly #columns: Int32Array
  readonly #random: Random

  constructor(columns: number, count: number, random: Random) {
    this.count = count
    this.#columns = Int32Array.from({ length: columns }, (_, column) => column)
    this.#random = random
  }

  /** Begins anew: what was drawn before does not count. */
  reset(): void {
    for (let column = 0; column < this.#columns.length; column++) this.#columns[column] = column
  }

  /** The k-th column of this draw, 0 ≤ k < columns; asked for in ascending k. */
  draw(k: number): number {
    const columns = this.#columns
    if (this.count >= columns.length) return k
    const other = k + Math.floor(this.#random() * (columns.length - k))
    const drawn = columns[other]!
    columns[other] = columns[k]!
    columns[k] = drawn
    return drawn
  }
}
