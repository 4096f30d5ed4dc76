import type { Matrix } from '../../data/matrix.ts'
import type { Heap } from '../wasm/heap.ts'
import type { Layout } from '../wasm/layout.ts'

/** What is learned from: `labels` count classes from 0, `weights` what each row counts, default 1. */
export interface LogisticProblem {
  readonly X: Matrix
  readonly labels: Int32Array
  readonly classCount: number
  readonly weights: Float64Array | undefined
  readonly C: number
}

/** Rows from `first` on, a multiple of 4 of them. */
export interface RowBlock {
  readonly first: number
  readonly count: number
}

/** What rows take in a heap, and of how many a copy is held. */
export interface RowRoom {
  readonly layout: Layout
  /** A heap of at least so many bytes, with anything in it. */
  readonly heapFor: (bytes: number) => Heap
  /** The most rows of a block. */
  readonly rowsOfBlock: number
  /** Of more bytes no copy is held: each block is made anew where it is used. */
  readonly mostHeldBytes: number
}

/** Rows that stay together: they are copied and centred while they are in the nearest cache. */
const together = 32

/** The centre is the mean of so many rows. */
const rowsOfCentre = 64

export function widthOf(cols: number): number {
  return cols + 2 - (cols % 2)
}

export function inFours(count: number): number {
  return Math.ceil(count / 4) * 4
}

/**
 * The rows of a problem in a heap, each less a centre and with a 1 behind, for the intercept, and a 0
 * where that makes their length even. They stand in an order in which the first ones of any number
 * are spread evenly over all; rows that weigh nothing make their number a multiple of 4.
 */
export class LogisticRows {
  readonly heap: Heap
  /** Where the heap has a weight for each row. */
  readonly weights: number
  /** In the order of the rows in the heap. */
  readonly labels: Int32Array
  /** What was taken off each column: near its mean. */
  readonly centre: Float64Array
  /** The mean squared distance of each column from that. */
  readonly variance: Float64Array
  readonly #X: Matrix
  /** Doubles in a row. */
  readonly #width: number
  readonly #isHeld: boolean
  readonly #groups: Int32Array
  /** The place among the groups of that which has fewer rows, and how many it lacks. */
  readonly #short: { readonly at: number; readonly missing: number }
  readonly #places: Record<'rows' | 'part' | 'centre' | 'squares', number>
  readonly #part: Float64Array

  constructor({ X, labels, weights }: LogisticProblem, room: RowRoom) {
    const { layout, heapFor, rowsOfBlock, mostHeldBytes } = room
    const { rows: count, cols } = X
    const width = widthOf(cols)
    const padded = inFours(count)
    this.#X = X
    this.#width = width
    this.#isHeld = padded * width * 8 <= mostHeldBytes
    this.weights = layout.doubles(padded)
    this.#places = {
      rows: layout.doubles((this.#isHeld ? padded : Math.max(rowsOfBlock, together)) * width),
      part: layout.doubles(together * cols),
      centre: layout.doubles(cols),
      squares: layout.doubles(cols),
    }
    const heap = heapFor(layout.bytes)
    this.heap = heap
    this.#part = heap.doubles(this.#places.part, together * cols)
    this.centre = roughMean(X)
    heap.doubles(this.#places.centre, cols).set(this.centre)
    const squares = heap.doubles(this.#places.squares, cols).fill(0)
    this.labels = new Int32Array(count)
    const newWeights = heap.doubles(this.weights, padded)
    this.#groups = spreadGroups(Math.ceil(count / together))
    const last = this.#groups.length - 1
    this.#short = { at: this.#groups.indexOf(last), missing: (last + 1) * together - count }
    let next = 0
    for (const group of this.#groups) {
      const first = group * together
      const end = Math.min(count, first + together)
      this.#centre(first, end, this.#isHeld ? next : 0)
      this.labels.set(labels.subarray(first, end), next)
      if (weights) newWeights.set(weights.subarray(first, end), next)
      else newWeights.fill(1, next, next + end - first)
      next += end - first
    }
    newWeights.fill(0, count)
    if (this.#isHeld) this.#clear(count, padded)
    this.variance = squares.map((sum) => sum / count)
  }

  /** Where the heap has the rows of a block; another block may take their place. */
  placeOf({ first, count }: RowBlock): number {
    if (this.#isHeld) return this.#places.rows + first * this.#width * 8
    const end = Math.min(first + count, this.#X.rows)
    for (let at = first; at < end;) {
      const { from, to } = this.#runAt(at)
      const length = Math.min(to - from, end - at)
      this.#centre(from, from + length, at - first)
      at += length
    }
    this.#clear(end - first, count)
    return this.#places.rows
  }

  /** The rows of the problem that stand together from a place in the order on. */
  #runAt(at: number): { from: number; to: number } {
    const { at: short, missing } = this.#short
    const isAfter = at >= (short + 1) * together - missing
    const place = isAfter ? at + missing : at
    const first = this.#groups[Math.floor(place / together)]! * together
    return {
      from: first + (place % together),
      to: Math.min(first + together, this.#X.rows),
    }
  }

  /** Copies rows of the problem, at most as many as stay together, to the `at`-th place on. */
  #centre(from: number, to: number, at: number): void {
    const { data, cols } = this.#X
    const { rows, part, centre, squares } = this.#places
    this.#part.set(data.subarray(from * cols, to * cols))
    const out = rows + at * this.#width * 8
    this.heap.arithmetic.centreRows(part, to - from, cols, centre, out, squares)
  }

  #clear(from: number, to: number): void {
    const width = this.#width
    this.heap.doubles(this.#places.rows + from * width * 8, (to - from) * width).fill(0)
  }
}

/** The mean of some rows that stand evenly apart; of a constant column just its value. */
function roughMean({ data, rows, cols }: Matrix): Float64Array {
  const count = Math.min(rows, rowsOfCentre)
  const above = new Float64Array(cols)
  for (let k = 0; k < count; k++) {
    const at = Math.floor((k * rows) / count) * cols
    for (let j = 0; j < cols; j++) above[j]! += data[at + j]! - data[j]!
  }
  return above.map((sum, j) => data[j]! + sum / count)
}

/**
 * 0 … n-1 in steps of the golden section of n, which leave no two of the first ones near each other;
 * the step has no divisor in common with n, so that all come.
 */
function spreadGroups(n: number): Int32Array {
  let step = Math.max(1, Math.round(n * 0.6180339887498949))
  while (greatestCommonDivisor(step, n) !== 1) step++
  const order = new Int32Array(n)
  for (let k = 1; k < n; k++) order[k] = (order[k - 1]! + step) % n
  return order
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
