import { takeValues, type Matrix } from '../../../data/matrix.ts'
import { fillBins, missingBin, type Binning } from './binning.ts'
import type { GrownNode } from './grow.ts'
import type { BoostingLoss } from './loss.ts'
import { columnPlaces, type ColumnPlaces } from './memory.ts'
import { isInSet, type Split } from './split.ts'

/** Which rows a fit learns from, and which it judges by when it does no more good. */
export interface PartedRows {
  readonly fit: Int32Array
  readonly held: Int32Array
}

/** Rows that are held out of a fit: their loss, before the first iteration and after each. */
export class HeldRows {
  readonly #count: number
  readonly #loss: BoostingLoss
  readonly #targets: Float64Array
  readonly #bins: Uint8Array
  readonly #places: ColumnPlaces
  readonly #raw: Float64Array
  readonly #losses: number[] = []

  constructor(
    X: Matrix,
    rows: Int32Array,
    targets: Float64Array,
    binning: Binning,
    baseline: Float64Array,
    loss: BoostingLoss,
  ) {
    this.#count = rows.length
    this.#loss = loss
    this.#targets = takeValues(targets, rows)
    this.#bins = new Uint8Array(rows.length * X.cols)
    this.#places = columnPlaces(rows.length, X.cols)
    fillBins(X, rows, binning, this.#bins)
    this.#raw = new Float64Array(baseline.length * rows.length)
    baseline.forEach((value, k) => {
      this.#raw.fill(value, k * rows.length, (k + 1) * rows.length)
    })
    this.record()
  }

  /** Adds a tree's values to the raw predictions of one output. */
  add(root: GrownNode, output: number): void {
    for (let i = 0; i < this.#count; i++) {
      let node = root
      while (node.children) node = node.children[this.#goesLeft(node.split!, i) ? 0 : 1]
      this.#raw[output * this.#count + i]! += node.value
    }
  }

  /** Notes the loss at this point. */
  record(): void {
    this.#losses.push(this.#loss.mean(this.#targets, this.#raw))
  }

  /** Whether none of the last so many losses is below the one before them by more than `tol`. */
  hasSettled(iterations: number, tol: number): boolean {
    const losses = this.#losses
    if (losses.length <= iterations) return false
    const reference = losses.at(-1 - iterations)! - tol
    return losses.slice(-iterations).every((loss) => loss >= reference)
  }

  #goesLeft({ column, categories, bin, missingLeft }: Split, row: number): boolean {
    const { starts, strides } = this.#places
    const own = this.#bins[starts[column]! + row * strides[column]!]!
    if (own === missingBin) return missingLeft
    return categories ? isInSet(categories, 0, own) : own <= bin
  }
}
