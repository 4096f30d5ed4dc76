import type { Cuts } from './cuts.ts'

/**
 * What a split should make small, for the rows of one node at a time: `begin` takes up the node,
 * then `scan` and `cut` try ways to part it. A gain is the weight of the node times its impurity,
 * less the same of both sides.
 */
export interface Criterion {
  /** Numbers that a leaf predicts. */
  readonly outputs: number
  /** Of targets that are classes; else 0. */
  readonly classes: number
  /** How often each row counts; whole numbers. Rows of 0 are never asked about. */
  readonly weights: Float64Array
  /** Whether all targets of the node are the same. */
  readonly isPure: boolean
  /** The greatest gain since `begin`. */
  readonly gain: number

  /** Has `begin` write to `cuts` what `cut` needs. */
  useCuts(cuts: Cuts): void
  /** Writes the rows of a weight above 0 in the order in which nodes are to have them; how many. */
  takeRows(out: Int32Array): number
  /** Takes up the node of `rows[from … to)`, whose order is that of `takeRows`. */
  begin(rows: Int32Array, from: number, to: number): void
  /**
   * Tries every cut of `order[from … to)`, the node's rows by ascending rank, between rows of
   * different ranks (row i's is `ranks[base + i]`) that leaves `minLeaf` rows on each side. Answers
   * the last place on the left of a cut that gains more than all before it, or -1.
   */
  scan(
    order: Int32Array,
    from: number,
    to: number,
    ranks: Int32Array,
    base: number,
    minLeaf: number,
  ): number
  /**
   * Whether to part the node's `count` rows, whose values in a column are in a slot of the cuts, at a
   * threshold gains more than all before.
   */
  cut(slot: number, count: number, threshold: number, minLeaf: number): boolean
  /** Writes what a leaf of the node predicts. */
  writeLeaf(values: Float64Array, at: number): void
}

/** Variance: the gain is Σ²/w of both sides less the node's own. */
export class SquaredError implements Criterion {
  readonly outputs = 1
  readonly classes = 0
  readonly weights: Float64Array
  isPure = false
  gain = 0
  readonly #targets: Float64Array
  /** Targets are taken less their mean, for the precision of squares. */
  readonly #mean: number
  #weight = 0
  #sum = 0
  #cuts: Cuts | undefined

  constructor(targets: Float64Array) {
    this.#targets = targets
    this.weights = new Float64Array(targets.length).fill(1)
    let sum = 0
    for (const target of targets) sum += target
    this.#mean = sum / targets.length
  }

  useCuts(cuts: Cuts): void {
    this.#cuts = cuts
  }

  takeRows(out: Int32Array): number {
    let count = 0
    for (let row = 0; row < this.weights.length; row++) {
      out[count] = row
      if (this.weights[row]! > 0) count++
    }
    return count
  }

  begin(rows: Int32Array, from: number, to: number): void {
    const targets = this.#targets
    const weights = this.weights
    const mean = this.#mean
    const first = targets[rows[from]!]!
    let isPure = true
    let weight = 0
    let sum = 0
    for (let p = from; p < to; p++) {
      const row = rows[p]!
      const target = targets[row]!
      const own = weights[row]!
      weight += own
      sum += own * (target - mean)
      if (target !== first) isPure = false
    }
    this.isPure = isPure
    this.gain = -Infinity
    this.#weight = weight
    this.#sum = sum
    if (this.#cuts && !isPure) this.#fillCuts(this.#cuts, rows, from, to)
  }

  scan(
    order: Int32Array,
    from: number,
    to: number,
    ranks: Int32Array,
    base: number,
    minLeaf: number,
  ): number {
    const targets = this.#targets
    const weights = this.weights
    const mean = this.#mean
    const weight = this.#weight
    const sum = this.#sum
    const own = (sum * sum) / weight
    const last = to - minLeaf - 1
    let best = this.gain
    let found = -1
    let weightLeft = 0
    let sumLeft = 0
    let row = order[from]!
    let rank = ranks[base + row]!
    for (let p = from; p <= last; p++) {
      weightLeft += weights[row]!
      sumLeft += weights[row]! * (targets[row]! - mean)
      row = order[p + 1]!
      const next = ranks[base + row]!
      if (next === rank) continue
      rank = next
      if (p - from + 1 < minLeaf) continue
      const weightRight = weight - weightLeft
      const sumRight = sum - sumLeft
      const gain =
        (sumLeft * sumLeft * weightRight + sumRight * sumRight * weightLeft) /
          (weightLeft * weightRight) -
        own
      if (gain > best) {
        best = gain
        found = p
      }
    }
    this.gain = best
    return found
  }

  cut(slot: number, count: number, threshold: number, minLeaf: number): boolean {
    const cuts = this.#cuts!
    const rowsLeft = cuts.cutSums(slot, count, threshold)
    const weightLeft = cuts.left[0]!
    const sumLeft = cuts.left[1]!
    if (rowsLeft < minLeaf || count - rowsLeft < minLeaf) return false
    const weightRight = this.#weight - weightLeft
    const sumRight = this.#sum - sumLeft
    const gain =
      (sumLeft * sumLeft) / weightLeft +
      (sumRight * sumRight) / weightRight -
      (this.#sum * this.#sum) / this.#weight
    if (!(gain > this.gain)) return false
    this.gain = gain
    return true
  }

  writeLeaf(values: Float64Array, at: number): void {
    values[at] = this.#mean + this.#sum / this.#weight
  }
  #fillCuts({ weights, sums }: Cuts, rows: Int32Array, from: number, to: number): void {
    const targets = this.#targets
    const rowWeights = this.weights
    const mean = this.#mean
    for (let p = from; p < to; p++) {
      const row = rows[p]!
      const own = rowWeights[row]!
      weights[p - from] = own
      sums[p - from] = own * (targets[row]! - mean)
    }
  }
}
