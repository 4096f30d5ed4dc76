import type { Heap } from '../wasm/heap.ts'
import { inFours, type RowBlock } from './logistic-rows.ts'

/**
 * The log loss of rows by their scores, a block of rows at a time. The scores of a block are outputs ×
 * count doubles, and so is what takes their place.
 */
export interface RowLosses {
  /** The weighted sum of the losses; puts their derivatives in the place of the scores. */
  evaluate(block: RowBlock, scores: number): number
  /** Puts the second derivatives, at what was last evaluated, times the values in their place. */
  timesCurvature(block: RowBlock, values: number): void
  /** Where the second derivatives by outputs a and b are, one a row. */
  curvatures(block: RowBlock, a: number, b: number): number
}

/** Where a value a row stands. */
export interface LossPlaces {
  readonly weights: number
  /** Rows × outputs doubles for what is kept of an evaluation. */
  readonly kept: number
  /** A double for each row: of two classes for all, of more for those of a block. */
  readonly each: number
}

/** Of two classes: one output, whose log odds are those of class 1. Keeps the second derivatives. */
export class BinaryLosses implements RowLosses {
  readonly #heap: Heap
  readonly #places: LossPlaces

  constructor(heap: Heap, places: LossPlaces, labels: Int32Array) {
    this.#heap = heap
    this.#places = places
    const targets = heap.doubles(places.each, inFours(labels.length))
    targets.set(labels)
    targets.fill(0, labels.length)
  }

  evaluate({ first, count }: RowBlock, scores: number): number {
    const { each, weights, kept } = this.#places
    const at = first * 8
    const { arithmetic } = this.#heap
    return arithmetic.logisticPass(scores, each + at, weights + at, count, scores, kept + at)
  }

  timesCurvature({ first, count }: RowBlock, values: number): void {
    const changed = this.#heap.doubles(values, count)
    const curvatures = this.#heap.doubles(this.#places.kept + first * 8, count)
    for (let i = 0; i < count; i++) changed[i]! *= curvatures[i]!
  }

  curvatures({ first }: RowBlock): number {
    return this.#places.kept + first * 8
  }
}

/** Of more classes: an output each, of which only the differences count. Keeps the probabilities. */
export class MultinomialLosses implements RowLosses {
  readonly #heap: Heap
  readonly #places: LossPlaces
  readonly #labels: Int32Array
  readonly #outputs: number

  constructor(heap: Heap, places: LossPlaces, labels: Int32Array, outputs: number) {
    this.#heap = heap
    this.#places = places
    this.#labels = labels
    this.#outputs = outputs
  }

  evaluate(block: RowBlock, place: number): number {
    const { first, count } = block
    const weights = this.#weightsOf(block)
    const labels = this.#labels.subarray(first, first + count)
    const end = this.#outputs * count
    const scores = this.#heap.doubles(place, end)
    const probabilities = this.#probabilitiesOf(block)
    let loss = 0
    for (let i = 0; i < count; i++) {
      let greatest = -Infinity
      for (let at = i; at < end; at += count) greatest = Math.max(greatest, scores[at]!)
      for (let at = i; at < end; at += count) probabilities[at] = scores[at]! - greatest
      if (i < labels.length) loss -= weights[i]! * probabilities[labels[i]! * count + i]!
    }
    this.#heap.arithmetic.exponentials(this.#keptOf(block), end)
    for (let i = 0; i < count; i++) {
      let sum = 0
      for (let at = i; at < end; at += count) sum += probabilities[at]!
      loss += weights[i]! * Math.log(sum)
      for (let at = i; at < end; at += count) {
        const probability = probabilities[at]! / sum
        probabilities[at] = probability
        scores[at] = weights[i]! * probability
      }
      if (i < labels.length) scores[labels[i]! * count + i]! -= weights[i]!
    }
    return loss
  }

  /** diag(p) - p pᵀ, times each row's values and weight. */
  timesCurvature(block: RowBlock, place: number): void {
    const { count } = block
    const weights = this.#weightsOf(block)
    const end = this.#outputs * count
    const values = this.#heap.doubles(place, end)
    const probabilities = this.#probabilitiesOf(block)
    for (let i = 0; i < count; i++) {
      let mean = 0
      for (let at = i; at < end; at += count) mean += probabilities[at]! * values[at]!
      const weight = weights[i]!
      for (let at = i; at < end; at += count) {
        values[at] = weight * probabilities[at]! * (values[at]! - mean)
      }
    }
  }

  curvatures(block: RowBlock, a: number, b: number): number {
    const { count } = block
    const weights = this.#weightsOf(block)
    const probabilities = this.#probabilitiesOf(block)
    const out = this.#heap.doubles(this.#places.each, count)
    const [first, second] = [a * count, b * count]
    for (let i = 0; i < count; i++) {
      const other = (a === b ? 1 : 0) - probabilities[second + i]!
      out[i] = weights[i]! * probabilities[first + i]! * other
    }
    return this.#places.each
  }

  #weightsOf({ first, count }: RowBlock): Float64Array {
    return this.#heap.doubles(this.#places.weights + first * 8, count)
  }

  #keptOf({ first }: RowBlock): number {
    return this.#places.kept + first * this.#outputs * 8
  }

  /** Outputs × count. */
  #probabilitiesOf(block: RowBlock): Float64Array {
    return this.#heap.doubles(this.#keptOf(block), this.#outputs * block.count)
  }
}
