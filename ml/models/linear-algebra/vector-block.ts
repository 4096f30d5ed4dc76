import { KernelMemory, KernelSource } from '../wasm/kernel-memory.ts'
import type { VectorArithmetic } from './wasm/vector-arithmetic.ts'
import { plainArithmetic } from './wasm/vectors-plain.ts'
import { vectorsModule } from './wasm/vectors.generated.ts'

const kernels = new KernelSource<VectorArithmetic>(vectorsModule, plainArithmetic)

const doubleBytes = Float64Array.BYTES_PER_ELEMENT

/** A length as the arithmetic takes it. */
export function paddedLength(length: number): number {
  return Math.ceil(length / 8) * 8
}

/** Vectors of one length behind each other where the arithmetic reaches them, all 0 at first. */
export class VectorBlock {
  readonly count: number
  readonly length: number
  readonly arithmetic: VectorArithmetic
  /** From one vector to the next, in bytes. */
  readonly stride: number
  /** Room for one more vector. */
  readonly scratch: Float64Array
  readonly scratchPlace: number
  /** Room for a number a vector. */
  readonly numbers: Float64Array
  readonly numbersPlace: number
  /** Room for `extra` numbers. */
  readonly extra: Float64Array
  readonly extraPlace: number
  readonly #memory = new KernelMemory(kernels)
  readonly #place: number
  readonly #vectors: Float64Array

  constructor(count: number, length: number, extra = 0, kind: 'wasm' | 'plain' = 'wasm') {
    const width = paddedLength(length)
    const memory = this.#memory
    this.count = count
    this.length = length
    this.stride = width * doubleBytes
    this.#place = memory.reserve(count * this.stride)
    this.scratchPlace = memory.reserve(this.stride)
    this.numbersPlace = memory.reserve(count * doubleBytes)
    this.extraPlace = memory.reserve(extra * doubleBytes)
    this.arithmetic = memory.open(kind)
    this.#vectors = memory.doubles(this.#place, count * width).fill(0)
    this.scratch = memory.doubles(this.scratchPlace, width).fill(0)
    this.numbers = memory.doubles(this.numbersPlace, count).fill(0)
    this.extra = memory.doubles(this.extraPlace, extra).fill(0)
  }

  /** The k-th vector's place in bytes. */
  placeOf(k: number): number {
    return this.#place + k * this.stride
  }

  /** The k-th vector. */
  vector(k: number): Float64Array {
    const from = (k * this.stride) / doubleBytes
    return this.#vectors.subarray(from, from + this.length)
  }

  /** Element i of the k-th vector. */
  at(k: number, i: number): number {
    return this.#vectors[(k * this.stride) / doubleBytes + i]!
  }

  set(k: number, i: number, value: number): void {
    this.#vectors[(k * this.stride) / doubleBytes + i] = value
  }

  /** The square of the k-th vector's length. */
  squareOf(k: number): number {
    const place = this.placeOf(k)
    return this.arithmetic.dot(place, place, paddedLength(this.length))
  }

  swap(a: number, b: number): void {
    if (a === b) return
    const kept = this.vector(a).slice()
    this.vector(a).set(this.vector(b))
    this.vector(b).set(kept)
  }

  /** Leaves the memory to the next: no view of it is used again. */
  release(): void {
    this.#memory.release()
  }
}
