import { ModelError } from '../errors.ts'
import type { Pace } from '../pace.ts'
import { columnLengths, type LeastSquares } from './solve.ts'

/**
 * The x ≥ 0 of least ‖Rx - c‖, with R of d × d, row-major: the active set method of
 * Lawson and Hanson ("Solving Least Squares Problems", 1974, chapter 23). The free columns are kept
 * triangular, by a reflection when one is freed and rotations when one is bound to 0 again, so that
 * a step costs d². Throws FitAborted, and NotConverged, which rounding alone can
 * bring about.
 */
export function nonnegativeLeastSquares(
  R: Float64Array,
  c: Float64Array,
  pace: Pace,
): LeastSquares {
  const lengths = columnLengths(R, c.length)
  const set = new ActiveSet(
    R.map((value, at) => value / lengths[at % c.length]!),
    c,
  )
  const mostSteps = 30 * c.length + 100
  for (let step = 0; set.free(); step++) {
    pace.advance(4 * c.length * c.length)
    if (step === mostSteps) {
      throw new ModelError(
        'NotConverged',
        `positive least squares found no solution in ${mostSteps} steps: are columns dependent?`,
      )
    }
  }
  return { solution: set.x.map((value, j) => value / lengths[j]!), rank: set.freeCount }
}

class ActiveSet {
  readonly x: Float64Array
  freeCount = 0
  readonly #d: number
  /** QᵀA and Qᵀc for the Q that makes the free columns, in their order, upper triangular. */
  readonly #A: Float64Array
  readonly #c: Float64Array
  /** The free columns in their order, then what does not matter. */
  readonly #order: Int32Array
  readonly #isFree: Uint8Array
  /** The solution over the free columns, unbounded. */
  readonly #z: Float64Array
  /** Gradients below this are 0 but for rounding. */
  readonly #least: number

  constructor(A: Float64Array, c: Float64Array) {
    this.#d = c.length
    this.#A = A
    this.#c = c.slice()
    this.x = new Float64Array(c.length)
    this.#order = new Int32Array(c.length)
    this.#isFree = new Uint8Array(c.length)
    this.#z = new Float64Array(c.length)
    this.#least = 10 * c.length * Number.EPSILON * Math.hypot(...c)
  }

  /** Frees the column that helps most, and solves anew. False when none helps: x is the solution. */
  free(): boolean {
    const gradients = this.#gradients()
    for (;;) {
      const column = indexOfGreatest(gradients)
      if (!(gradients[column]! > this.#least)) return false
      if (this.#reflect(column)) {
        this.#order[this.freeCount++] = column
        this.#isFree[column] = 1
        this.#settle()
        return true
      }
      gradients[column] = 0
    }
  }

  /** How much the squared error falls for a little of each bound column; 0 for the free ones. */
  #gradients(): Float64Array {
    const d = this.#d
    const gradients = new Float64Array(d)
    for (let i = this.freeCount; i < d; i++) {
      for (let j = 0; j < d; j++) gradients[j]! += this.#A[i * d + j]! * this.#c[i]!
    }
    return gradients.map((value, j) => (this.#isFree[j] === 1 ? 0 : value))
  }

  /**
   * Makes `column` the next of the triangle. False when it depends on the free ones, or would not
   * become positive: then only rounding made it seem to help.
   */
  #reflect(column: number): boolean {
    const d = this.#d
    const row = this.freeCount
    let square = 0
    for (let i = row; i < d; i++) square += this.#A[i * d + column]! ** 2
    const length = Math.sqrt(square)
    if (length <= 10 * d * Number.EPSILON) return false
    const diagonal = this.#A[row * d + column]!
    const reflected = diagonal > 0 ? -length : length
    const half = length * (length + Math.abs(diagonal))
    const vector = new Float64Array(d)
    for (let i = row; i < d; i++) vector[i] = this.#A[i * d + column]!
    vector[row] = diagonal - reflected
    for (let j = 0; j < d; j++) {
      let product = 0
      for (let i = row; i < d; i++) product += vector[i]! * this.#A[i * d + j]!
      for (let i = row; i < d; i++) this.#A[i * d + j]! -= (product / half) * vector[i]!
    }
    let product = 0
    for (let i = row; i < d; i++) product += vector[i]! * this.#c[i]!
    for (let i = row; i < d; i++) this.#c[i]! -= (product / half) * vector[i]!
    return this.#c[row]! / this.#A[row * d + column]! > 0
  }

  /** Goes towards the unbounded solution of the free columns, binding those that reach 0 first. */
  #settle(): void {
    for (;;) {
      this.#solve()
      let way = 1
      for (let k = 0; k < this.freeCount; k++) {
        const [from, to] = [this.x[this.#order[k]!]!, this.#z[k]!]
        if (to <= 0) way = Math.min(way, shareToZero(from, to))
      }
      const blocked = this.#z.subarray(0, this.freeCount).some((value) => value <= 0)
      for (let k = this.freeCount - 1; k >= 0; k--) {
        const column = this.#order[k]!
        const [from, to] = [this.x[column]!, this.#z[k]!]
        const moved = blocked ? from + way * (to - from) : to
        const bound = blocked && to <= 0 && shareToZero(from, to) <= way
        this.x[column] = bound ? 0 : moved
        if (bound) this.#bind(k)
      }
      if (!blocked) return
    }
  }

  #solve(): void {
    const d = this.#d
    for (let i = this.freeCount - 1; i >= 0; i--) {
      let sum = this.#c[i]!
      for (let k = i + 1; k < this.freeCount; k++) {
        sum -= this.#A[i * d + this.#order[k]!]! * this.#z[k]!
      }
      this.#z[i] = sum / this.#A[i * d + this.#order[i]!]!
    }
  }

  /** Takes the k-th free column out and makes the others triangular again. */
  #bind(k: number): void {
    this.#isFree[this.#order[k]!] = 0
    this.#order.copyWithin(k, k + 1, this.freeCount)
    // Where the values of z are still to be read, they are before k.
    this.freeCount--
    for (let row = k; row < this.freeCount; row++) this.#rotate(row, this.#order[row]!)
  }

  /** Turns rows `row` and `row` + 1 such that `column` is 0 in the lower one. */
  #rotate(row: number, column: number): void {
    const d = this.#d
    const [upper, lower] = [row * d, (row + 1) * d]
    const length = Math.hypot(this.#A[upper + column]!, this.#A[lower + column]!)
    if (length === 0) return
    const cosine = this.#A[upper + column]! / length
    const sine = this.#A[lower + column]! / length
    for (let j = 0; j < d; j++) {
      const [a, b] = [this.#A[upper + j]!, this.#A[lower + j]!]
      this.#A[upper + j] = cosine * a + sine * b
      this.#A[lower + j] = cosine * b - sine * a
    }
    const [a, b] = [this.#c[row]!, this.#c[row + 1]!]
    this.#c[row] = cosine * a + sine * b
    this.#c[row + 1] = cosine * b - sine * a
  }
}

/** The share of the way from `from` ≥ 0 to `to` ≤ 0 at which 0 is reached. */
function shareToZero(from: number, to: number): number {
  return from === 0 ? 0 : from / (from - to)
}

function indexOfGreatest(values: Float64Array): number {
  let greatest = 0
  for (let j = 1; j < values.length; j++) if (values[j]! > values[greatest]!) greatest = j
  return greatest
}
