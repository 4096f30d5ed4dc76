import type { Matrix } from '../../data/matrix.ts'
import type { Heap } from '../wasm/heap.ts'
import type { Layout } from '../wasm/layout.ts'

/** What is learned from: `labels` count classes from 0, `weights` what each row counts. */
export interface LogisticProblem {
  readonly X: Matrix
  readonly labels: Int32Array
  readonly classCount: number
  readonly weights: Float64Array
  readonly C: number
}

/**
 * The rows of a problem in a heap, each less a centre and with a 1 behind, for the intercept, and a 0
 * where that makes their length even. They stand in an order in which the first ones of any number
 * are spread evenly over all; rows that weigh nothing make their number a multiple of 4.
 */
export interface LogisticRows {
  readonly heap: Heap
  /** Of the rows, and of a weight for each. */
  readonly places: RowPlaces
  /** Doubles in a row. */
  readonly width: number
  /** In the order of the rows in the heap. */
  readonly labels: Int32Array
  /** What was taken off each column: near its mean. */
  readonly centre: Float64Array
  /** The mean squared distance of each column from that. */
  readonly variance: Float64Array
}

interface RowPlaces {
  readonly rows: number
  readonly weights: number
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
 * Puts the rows of a problem into a heap.
 *
 * @param layout of all else that is to be in the heap
 * @param heapFor a heap of at least so many bytes, with anything in it
 */
export function takeRows(
  { X, labels, weights }: LogisticProblem,
  layout: Layout,
  heapFor: (bytes: number) => Heap,
): LogisticRows {
  const { data, rows: count, cols } = X
  const width = widthOf(cols)
  const padded = inFours(count)
  const places = { rows: layout.doubles(padded * width), weights: layout.doubles(padded) }
  const work = {
    part: layout.doubles(together * cols),
    centre: layout.doubles(cols),
    squares: layout.doubles(cols),
  }
  const heap = heapFor(layout.bytes)
  const part = heap.doubles(work.part, together * cols)
  const centre = heap.doubles(work.centre, cols)
  const squares = heap.doubles(work.squares, cols).fill(0)
  centre.set(roughMean(X))
  const newLabels = new Int32Array(count)
  const newWeights = heap.doubles(places.weights, padded)
  let next = 0
  for (const group of spreadGroups(Math.ceil(count / together))) {
    const first = group * together
    const end = Math.min(count, first + together)
    const to = places.rows + next * width * 8
    part.set(data.subarray(first * cols, end * cols))
    heap.arithmetic.centreRows(work.part, end - first, cols, work.centre, to, work.squares)
    newLabels.set(labels.subarray(first, end), next)
    newWeights.set(weights.subarray(first, end), next)
    next += end - first
  }
  newWeights.fill(0, count)
  heap.doubles(places.rows + count * width * 8, (padded - count) * width).fill(0)
  const variance = squares.map((sum) => sum / count)
  return { heap, places, width, labels: newLabels, centre: centre.slice(), variance }
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
