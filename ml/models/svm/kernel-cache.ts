import { inPanels } from '../wasm/arithmetic.ts'
import type { Heap } from '../wasm/heap.ts'
import type { Layout } from '../wasm/layout.ts'
import { none, word } from '../wasm/solver-state.ts'

/** Bytes of one row of singles, which is padded to whole panels. */
export function rowBytes(size: number): number {
  return inPanels(size) * Float32Array.BYTES_PER_ELEMENT
}

/**
 * Bytes for the cache of a `size × size` kernel: the megabytes given, or what room there is, but at
 * least two rows and at most all.
 */
export function cacheBytes(size: number, megabytes: number, room = Infinity): number {
  const row = rowBytes(size)
  const rows = Math.floor(Math.min(megabytes * 2 ** 20, room) / row)
  return row * Math.max(2, Math.min(size, rows))
}

/** Where a cache stands in a heap. */
export interface CachePlaces {
  readonly slotOf: number
  readonly rowIn: number
  readonly older: number
  readonly newer: number
  readonly slots: number
  /** Of the slots. */
  readonly bytes: number
}

/** Reserves a cache, which takes all that is left of a heap where `megabytes` are more. */
export function reserveCache(
  layout: Layout,
  size: number,
  megabytes: number,
  mostBytes: number,
): CachePlaces {
  const [slotOf, rowIn] = [layout.integers(size), layout.integers(size)]
  const [older, newer] = [layout.integers(size), layout.integers(size)]
  const bytes = cacheBytes(size, megabytes, mostBytes - layout.bytes)
  return { slotOf, rowIn, older, newer, slots: layout.reserve(bytes), bytes }
}

/**
 * The rows of a kernel matrix that were asked for last, as many as fit (at least the two that one step
 * of the solver holds). A row is single precision, as in libsvm. The arithmetic finds and fills rows
 * (`kernelRow`); here they are forgotten, wholly or in part.
 */
export class KernelCache {
  readonly #heap: Heap
  readonly #places: CachePlaces
  readonly #words: Int32Array
  readonly #rowIn: Int32Array
  readonly #slotOf: Int32Array
  readonly #newer: Int32Array

  /** @param words those of the solver's state, into which it writes where the cache stands */
  constructor(heap: Heap, words: Int32Array, places: CachePlaces, size: number) {
    this.#heap = heap
    this.#places = places
    this.#words = words
    this.#rowIn = heap.integers(places.rowIn, size)
    this.#slotOf = heap.integers(places.slotOf, size)
    this.#newer = heap.integers(places.newer, size)
    for (const name of ['slotOf', 'rowIn', 'older', 'newer', 'slots'] as const) {
      words[word[name]] = places[name]
    }
    this.clear(size)
  }

  /** Forgets all; the matrix has `size` rows from now on. */
  clear(size: number): void {
    const stride = rowBytes(size)
    this.#words[word.stride] = stride
    this.#words[word.capacity] = Math.min(size, Math.floor(this.#places.bytes / stride))
    this.#words[word.used] = 0
    this.#words[word.newest] = none
    this.#words[word.oldest] = none
    this.#slotOf.fill(none)
  }

  /**
   * The matrix loses all rows and columns but `size` ascending ones, whose numbers stand at the place
   * `kept` of the heap, and which are numbered anew; what was computed of them stays. Slots move
   * towards the start, where no row that is yet to be moved stands, as rows become shorter.
   */
  keep(kept: number, size: number): void {
    const { slots: start } = this.#places
    const before = this.#words[word.stride]!
    const slots = this.#oldestFirst()
    const rows = Int32Array.from(slots, (slot) => this.#rowIn[slot]!)
    const numberOf = new Int32Array(this.#slotOf.length).fill(none)
    this.#heap.integers(kept, size).forEach((row, t) => (numberOf[row] = t))
    const surviving = slots.filter((_, k) => numberOf[rows[k]!] !== none)
    const moved = new Map(surviving.toSorted((a, b) => a - b).map((slot, k) => [slot, k]))
    this.clear(size)
    const after = this.#words[word.stride]!
    for (const [slot, target] of moved) {
      const place = start + target * after
      this.#heap.arithmetic.keepSingles(start + slot * before, kept, size, place)
      this.#heap.singles(place, after / 4).fill(0, size)
    }
    const older = this.#heap.integers(this.#places.older, this.#newer.length)
    let last: number = none
    slots.forEach((slot, k) => {
      const target = moved.get(slot)
      if (target === undefined) return
      const row = numberOf[rows[k]!]!
      this.#rowIn[target] = row
      this.#slotOf[row] = target
      older[target] = last
      this.#newer[target] = none
      if (last === none) this.#words[word.oldest] = target
      else this.#newer[last] = target
      last = target
    })
    this.#words[word.newest] = last
    this.#words[word.used] = surviving.length
  }

  /** The slots in use, from the one used longest ago on. */
  #oldestFirst(): number[] {
    const slots: number[] = []
    let slot = this.#words[word.oldest]!
    for (; slot !== none; slot = this.#newer[slot]!) slots.push(slot)
    return slots
  }
}
