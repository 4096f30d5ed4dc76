import type { Matrix } from '../../data/matrix.ts'
import type { FitOptions } from '../classifier.ts'
import { Pace } from '../pace.ts'

/** Ranges of rows this small are searched row by row. */
const leafRows = 16

/** Rows looked at for each one of a range before the search for its middle is given up for a sort. */
const mostLooks = 16

/** In more columns than this a tree rules out too little to be worth its branches. */
const mostTreeColumns = 24

export type Metric = 'euclidean' | 'manhattan'

/**
 * Finds the rows nearest to a point, of equally near ones those of the lowest numbers: a k-d tree
 * without pointers (Bentley, "Multidimensional binary search trees", 1975). The rows stand in the
 * order of the tree, the middle of each range being its node; in many columns there is but one range,
 * searched row by row. What is found is the same either way.
 *
 * Holds one copy of the rows and 8 bytes a row. A search allocates nothing.
 */
export class NeighborIndex {
  readonly rows: number
  readonly cols: number
  /** How many a search finds. */
  readonly count: number
  /** After a search: row numbers, the nearest first. */
  readonly found: Int32Array
  /** After a search: their distances. */
  readonly distances: Float64Array
  readonly #points: Float64Array
  /** The number of the row at each place of the tree. */
  readonly #numbers: Int32Array
  /** The column by which the range with its middle here is split. */
  readonly #axes: Int32Array
  readonly #isEuclidean: boolean
  readonly #leafRows: number
  #size = 0

  /** Throws FitAborted. */
  constructor(X: Matrix, count: number, metric: Metric, options: FitOptions = {}) {
    this.rows = X.rows
    this.cols = X.cols
    this.count = Math.min(count, X.rows)
    this.found = new Int32Array(this.count)
    this.distances = new Float64Array(this.count)
    this.#isEuclidean = metric === 'euclidean'
    this.#leafRows = X.cols > mostTreeColumns ? X.rows : leafRows
    this.#numbers = Int32Array.from({ length: X.rows }, (_, i) => i)
    this.#axes = new Int32Array(X.rows)
    const levels = Math.max(0, Math.ceil(Math.log2(X.rows / this.#leafRows)))
    this.#split(X, 0, X.rows, new Pace(options, levels * X.rows * (X.cols + mostLooks)))
    this.#points = new Float64Array(X.data.length)
    for (let place = 0; place < X.rows; place++) {
      const from = this.#numbers[place]! * X.cols
      this.#points.set(X.data.subarray(from, from + X.cols), place * X.cols)
    }
  }

  /** The rows in their own order, rows × cols. */
  toRows(): Float64Array {
    const data = new Float64Array(this.#points.length)
    for (let place = 0; place < this.rows; place++) {
      const row = this.#points.subarray(place * this.cols, (place + 1) * this.cols)
      data.set(row, this.#numbers[place]! * this.cols)
    }
    return data
  }

  /** Fills `found` and `distances`. */
  search(point: Float64Array): void {
    this.#size = 0
    this.#searchRange(point, 0, this.rows)
    if (!this.#isEuclidean) return
    for (let k = 0; k < this.count; k++) this.distances[k] = Math.sqrt(this.distances[k]!)
  }

  #searchRange(point: Float64Array, start: number, end: number): void {
    if (end - start <= this.#leafRows) {
      for (let place = start; place < end; place++) this.#offer(point, place)
      return
    }
    const middle = (start + end) >>> 1
    this.#offer(point, middle)
    const axis = this.#axes[middle]!
    const difference = point[axis]! - this.#points[middle * this.cols + axis]!
    if (difference < 0) this.#searchRange(point, start, middle)
    else this.#searchRange(point, middle + 1, end)
    const least = this.#isEuclidean ? difference * difference : Math.abs(difference)
    if (this.#size === this.count && least > this.distances[this.count - 1]!) return
    if (difference < 0) this.#searchRange(point, middle + 1, end)
    else this.#searchRange(point, start, middle)
  }

  /** Takes the row at `place` among the found, if it is nearer than the last of them. */
  #offer(point: Float64Array, place: number): void {
    const at = place * this.cols
    let distance = 0
    if (this.#isEuclidean) {
      for (let j = 0; j < this.cols; j++) {
        const difference = point[j]! - this.#points[at + j]!
        distance += difference * difference
      }
    } else {
      for (let j = 0; j < this.cols; j++) distance += Math.abs(point[j]! - this.#points[at + j]!)
    }
    const { distances, found } = this
    const number = this.#numbers[place]!
    // A comparison in a method of its own would take the distance as an object: memory a row.
    if (this.#size === this.count) {
      const last = this.count - 1
      if (distance > distances[last]!) return
      if (distance === distances[last]! && number > found[last]!) return
    }
    let k = this.#size < this.count ? this.#size++ : this.count - 1
    for (; k > 0 && distance <= distances[k - 1]!; k--) {
      if (distance === distances[k - 1]! && number > found[k - 1]!) break
      distances[k] = distances[k - 1]!
      found[k] = found[k - 1]!
    }
    distances[k] = distance
    found[k] = number
  }

  /** Puts the middle row by the widest column in the middle, those before it before, and so on. */
  #split(X: Matrix, start: number, end: number, pace: Pace): void {
    if (end - start <= this.#leafRows) return
    pace.advance((end - start) * (X.cols + mostLooks))
    const middle = (start + end) >>> 1
    const axis = widestColumn(X, this.#numbers, start, end)
    this.#axes[middle] = axis
    select(X, this.#numbers, axis, start, end - 1, middle)
    this.#split(X, start, middle, pace)
    this.#split(X, middle + 1, end, pace)
  }
}

function widestColumn({ data, cols }: Matrix, numbers: Int32Array, start: number, end: number) {
  let widest = 0
  let most = -1
  for (let j = 0; j < cols; j++) {
    let [low, high] = [Infinity, -Infinity]
    for (let place = start; place < end; place++) {
      const value = data[numbers[place]! * cols + j]!
      if (value < low) low = value
      if (value > high) high = value
    }
    if (high - low > most) {
      most = high - low
      widest = j
    }
  }
  return widest
}

/**
 * Hoare's selection: the row that belongs at `target` by this column, smaller ones before it. Rows in
 * an order made for it, as a file can hold, would take it their number squared; what is then left is
 * sorted.
 */
function select(
  { data, cols }: Matrix,
  numbers: Int32Array,
  axis: number,
  first: number,
  last: number,
  target: number,
): void {
  const valueAt = (place: number) => data[numbers[place]! * cols + axis]!
  const swap = (a: number, b: number) => {
    const kept = numbers[a]!
    numbers[a] = numbers[b]!
    numbers[b] = kept
  }
  let [low, high] = [first, last]
  let looks = mostLooks * (last - first + 1)
  while (low < high) {
    looks -= high - low + 1
    if (looks < 0) {
      const byValue = (a: number, b: number) => data[a * cols + axis]! - data[b * cols + axis]!
      numbers.subarray(low, high + 1).sort(byValue)
      return
    }
    const pivot = valueAt((low + high) >>> 1)
    let [i, j] = [low, high]
    while (i <= j) {
      while (valueAt(i) < pivot) i++
      while (valueAt(j) > pivot) j--
      if (i <= j) swap(i++, j--)
    }
    if (target <= j) high = j
    else if (target >= i) low = i
    else return
  }
}
