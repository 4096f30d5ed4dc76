import { KernelMemory, KernelSource } from '../../wasm/kernel-memory.ts'
import type { CutArithmetic } from './wasm/cut-arithmetic.ts'
import { plainCuts } from './wasm/cuts-plain.ts'
import { cutsModule } from './wasm/cuts.generated.ts'

const kernels = new KernelSource<CutArithmetic>(cutsModule, plainCuts)

/**
 * What random cuts of one node at a time are tried on: the values of two columns, each in a slot of
 * its own, and what the node's rows weigh, all in the order of the node's rows.
 */
export class Cuts {
  /** 2 slots × n. */
  readonly values: Float64Array
  readonly weights: Float64Array
  /** Weights times targets. */
  readonly sums: Float64Array
  /** Where the rows of each class end, for rows that stand class by class. */
  readonly ends: Int32Array
  /** After `cutClasses` the weight on the left by class; after `cutSums` weight and sum. */
  readonly left: Float64Array
  readonly #slotBytes: number
  readonly #classes: number
  readonly #memory = new KernelMemory(kernels)
  readonly #arithmetic: CutArithmetic
  readonly #places: Record<'values' | 'weights' | 'sums' | 'ends' | 'left' | 'range', number>
  readonly #range: Float64Array

  /** @param classes 0 of a quantity, which alone has sums */
  constructor(rows: number, classes: number, kind: 'wasm' | 'plain' = 'wasm') {
    const memory = this.#memory
    const doubles = (count: number) => memory.reserve(count * Float64Array.BYTES_PER_ELEMENT)
    const sums = classes === 0 ? rows : 0
    const left = Math.max(2, classes)
    this.#slotBytes = rows * Float64Array.BYTES_PER_ELEMENT
    this.#classes = classes
    this.#places = {
      values: doubles(2 * rows),
      weights: doubles(rows),
      sums: doubles(sums),
      ends: memory.reserve(classes * Int32Array.BYTES_PER_ELEMENT),
      left: doubles(left),
      range: doubles(2),
    }
    this.#arithmetic = memory.open(kind)
    this.values = memory.doubles(this.#places.values, 2 * rows)
    this.weights = memory.doubles(this.#places.weights, rows)
    this.sums = memory.doubles(this.#places.sums, sums)
    this.ends = memory.integers(this.#places.ends, classes)
    this.left = memory.doubles(this.#places.left, left)
    this.#range = memory.doubles(this.#places.range, 2)
  }

  /** By the last `findRange`. */
  get least(): number {
    return this.#range[0]!
  }

  get greatest(): number {
    return this.#range[1]!
  }

  /** Looks for the least and the greatest of the first `count` values of a slot. */
  findRange(slot: number, count: number): void {
    const { values, range } = this.#places
    this.#arithmetic.range(values + slot * this.#slotBytes, count, range)
  }

  /** How many rows have at most `threshold` in a slot; their weights by class are in `left`. */
  cutClasses(slot: number, threshold: number): number {
    const { values, ends, weights, left } = this.#places
    const place = values + slot * this.#slotBytes
    return this.#arithmetic.cutClasses(place, ends, this.#classes, threshold, weights, left)
  }

  /** How many of `count` rows have at most `threshold` in a slot; their sums are in `left`. */
  cutSums(slot: number, count: number, threshold: number): number {
    const { values, weights, sums, left } = this.#places
    const place = values + slot * this.#slotBytes
    return this.#arithmetic.cutSums(place, count, threshold, weights, sums, left)
  }

  /** Ends its use. */
  release(): void {
    this.#memory.release()
  }
}
