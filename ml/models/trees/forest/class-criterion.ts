import type { Criterion } from './criterion.ts'
import type { Cuts } from './cuts.ts'

/**
 * How mixed classes are, as a sum over classes of a function f of their weights: of Gini's measure
 * f(c) = c², of entropy f(c) = c log2 c. A split changes one class's weight at a time, and with it
 * one term of the sum on each side. Nodes have their rows class by class, so that a class's rows are
 * counted one after another.
 */
export class ClassCriterion implements Criterion {
  readonly outputs: number
  readonly classes: number
  readonly weights: Float64Array
  isPure = false
  gain = 0
  readonly #labels: Int32Array
  readonly #isEntropy: boolean
  /** f of every weight that there can be, where f is slow. */
  readonly #terms: Float64Array
  #weight = 0
  /** The node's weights by class, and those left of the cut at hand. */
  readonly #totals: Float64Array
  readonly #left: Float64Array
  /** Whether any row of the tree weighs more than 1. */
  #isWeighted = false
  #cuts: Cuts | undefined

  constructor(labels: Int32Array, classes: number, criterion: 'gini' | 'entropy') {
    this.outputs = classes
    this.classes = classes
    this.#labels = labels
    this.weights = new Float64Array(labels.length).fill(1)
    this.#isEntropy = criterion === 'entropy'
    // The weights of all rows together are at most their number.
    this.#terms = this.#isEntropy
      ? Float64Array.from({ length: labels.length + 1 }, (_, c) => c && c * Math.log2(c))
      : new Float64Array(0)
    this.#totals = new Float64Array(classes)
    this.#left = new Float64Array(classes)
  }

  useCuts(cuts: Cuts): void {
    this.#cuts = cuts
  }

  takeRows(out: Int32Array): number {
    const labels = this.#labels
    const weights = this.weights
    const starts = new Int32Array(this.outputs + 1)
    this.#isWeighted = false
    for (let row = 0; row < weights.length; row++) {
      if (weights[row]! > 1) this.#isWeighted = true
      if (weights[row]! > 0) starts[labels[row]! + 1]!++
    }
    for (let c = 0; c < this.outputs; c++) starts[c + 1]! += starts[c]!
    const count = starts[this.outputs]!
    for (let row = 0; row < weights.length; row++) {
      if (weights[row]! > 0) out[starts[labels[row]!]!++] = row
    }
    this.#cuts?.weights.fill(1)
    return count
  }

  begin(rows: Int32Array, from: number, to: number): void {
    const totals = this.#totals
    let weight = 0
    let isPure = false
    for (let c = 0, start = from; c < totals.length; c++) {
      const end = endOf(c, this.#labels, rows, start, to)
      if (this.#cuts) this.#cuts.ends[c] = end - from
      totals[c] = this.#isWeighted ? this.#weigh(rows, start, end, from) : end - start
      weight += totals[c]!
      if (end - start === to - from) isPure = true
      start = end
    }
    this.#weight = weight
    this.isPure = isPure
    this.gain = -Infinity
  }

  scan(
    order: Int32Array,
    from: number,
    to: number,
    ranks: Int32Array,
    base: number,
    minLeaf: number,
  ): number {
    return this.#isEntropy
      ? this.#scanEntropy(order, from, to, ranks, base, minLeaf)
      : this.#scanGini(order, from, to, ranks, base, minLeaf)
  }

  cut(slot: number, count: number, threshold: number, minLeaf: number): boolean {
    const cuts = this.#cuts!
    const rowsLeft = cuts.cutClasses(slot, threshold)
    if (rowsLeft < minLeaf || count - rowsLeft < minLeaf) return false
    const { left } = cuts
    const gain = this.#isEntropy ? this.#entropyGain(left) : this.#giniGain(left)
    if (!(gain > this.gain)) return false
    this.gain = gain
    return true
  }

  writeLeaf(values: Float64Array, at: number): void {
    for (let c = 0; c < this.outputs; c++) values[at + c] = this.#totals[c]! / this.#weight
  }

  /** The weight of `rows[from … to)`, of a node that begins at `base`. */
  #weigh(rows: Int32Array, from: number, to: number, base: number): number {
    const rowWeights = this.weights
    const weights = this.#cuts?.weights
    let sum = 0
    for (let p = from; p < to; p++) {
      const own = rowWeights[rows[p]!]!
      if (weights) weights[p - base] = own
      sum += own
    }
    return sum
  }

  #scanGini(
    order: Int32Array,
    from: number,
    to: number,
    ranks: Int32Array,
    base: number,
    minLeaf: number,
  ): number {
    const labels = this.#labels
    const weights = this.weights
    const totals = this.#totals
    const left = this.#left
    clear(left)
    let squaresRight = 0
    for (let c = 0; c < totals.length; c++) squaresRight += totals[c]! * totals[c]!
    const own = squaresRight / this.#weight
    const weight = this.#weight
    const last = to - minLeaf - 1
    let best = this.gain
    let found = -1
    let weightLeft = 0
    let squaresLeft = 0
    let row = order[from]!
    let rank = ranks[base + row]!
    for (let p = from; p <= last; p++) {
      const label = labels[row]!
      const added = weights[row]!
      const before = left[label]!
      left[label] = before + added
      weightLeft += added
      squaresLeft += added * (2 * before + added)
      squaresRight -= added * (2 * (totals[label]! - before) - added)
      row = order[p + 1]!
      const next = ranks[base + row]!
      if (next === rank) continue
      rank = next
      if (p - from + 1 < minLeaf) continue
      const weightRight = weight - weightLeft
      const gain =
        (squaresLeft * weightRight + squaresRight * weightLeft) / (weightLeft * weightRight) - own
      if (gain > best) {
        best = gain
        found = p
      }
    }
    this.gain = best
    return found
  }

  #scanEntropy(
    order: Int32Array,
    from: number,
    to: number,
    ranks: Int32Array,
    base: number,
    minLeaf: number,
  ): number {
    const terms = this.#terms
    const totals = this.#totals
    const left = this.#left
    clear(left)
    let sumRight = 0
    for (let c = 0; c < totals.length; c++) sumRight += terms[totals[c]!]!
    const own = terms[this.#weight]! - sumRight
    const last = to - minLeaf - 1
    let best = this.gain
    let found = -1
    let weightLeft = 0
    let sumLeft = 0
    let row = order[from]!
    let rank = ranks[base + row]!
    for (let p = from; p <= last; p++) {
      const label = this.#labels[row]!
      const added = this.weights[row]!
      const before = left[label]!
      const rest = totals[label]! - before
      left[label] = before + added
      weightLeft += added
      sumLeft += terms[before + added]! - terms[before]!
      sumRight += terms[rest - added]! - terms[rest]!
      row = order[p + 1]!
      const next = ranks[base + row]!
      if (next === rank) continue
      rank = next
      if (p - from + 1 < minLeaf) continue
      const mixed = terms[weightLeft]! - sumLeft + (terms[this.#weight - weightLeft]! - sumRight)
      if (own - mixed > best) {
        best = own - mixed
        found = p
      }
    }
    this.gain = best
    return found
  }

  #giniGain(left: Float64Array): number {
    let squares = 0
    let squaresLeft = 0
    let squaresRight = 0
    let weightLeft = 0
    for (let c = 0; c < this.outputs; c++) {
      const total = this.#totals[c]!
      const own = left[c]!
      squares += total * total
      squaresLeft += own * own
      squaresRight += (total - own) * (total - own)
      weightLeft += own
    }
    const weightRight = this.#weight - weightLeft
    return squaresLeft / weightLeft + squaresRight / weightRight - squares / this.#weight
  }

  #entropyGain(left: Float64Array): number {
    const terms = this.#terms
    let gain = terms[this.#weight]!
    let weightLeft = 0
    for (let c = 0; c < this.outputs; c++) {
      const total = this.#totals[c]!
      const own = left[c]!
      gain += terms[own]! + terms[total - own]! - terms[total]!
      weightLeft += own
    }
    return gain - terms[weightLeft]! - terms[this.#weight - weightLeft]!
  }
}

/** Where in `rows[from … to)`, which stand class by class, the rows of class c and those before end. */
function endOf(c: number, labels: Int32Array, rows: Int32Array, from: number, to: number): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >>> 1
    if (labels[rows[middle]!]! <= c) low = middle + 1
    else high = middle
  }
  return low
}

/** As `fill(0)`, which takes longer for the few values of most fits than it takes to look at a node. */
function clear(values: Float64Array): void {
  for (let c = 0; c < values.length; c++) values[c] = 0
}
