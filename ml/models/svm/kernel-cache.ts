import { inPanels } from '../wasm/arithmetic.ts'
import type { Heap } from '../wasm/heap.ts'

const none = -1

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

/**
 * The rows of a kernel matrix that were asked for last, as many as fit in `bytes` of the heap from
 * `start` on (at least the two that one step of the solver holds). A row is single precision, as in
 * libsvm, and stays valid until another row takes its place: never within the next call.
 */
export class KernelCache {
  readonly #heap: Heap
  readonly #start: number
  readonly #bytes: number
  readonly #fill: (i: number, place: number) => void
  #stride: number
  #capacity: number
  #used = 0
  /** Row in a slot, and slot of a row; at most all rows have a slot. */
  readonly #rowIn: Int32Array
  readonly #slotOf: Int32Array
  /** The slots as a list from the one used longest ago to the one used last. */
  readonly #older: Int32Array
  readonly #newer: Int32Array
  #newest = none
  #oldest = none

  /** @param fill writes row i to a place of the heap */
  constructor(
    heap: Heap,
    { start, bytes, size }: { start: number; bytes: number; size: number },
    fill: (i: number, place: number) => void,
  ) {
    this.#heap = heap
    this.#start = start
    this.#bytes = bytes
    this.#fill = fill
    this.#stride = rowBytes(size)
    this.#capacity = this.#capacityFor(size)
    this.#rowIn = new Int32Array(size)
    this.#older = new Int32Array(size)
    this.#newer = new Int32Array(size)
    this.#slotOf = new Int32Array(size).fill(none)
  }

  /** The place of row i. */
  row(i: number): number {
    let slot = this.#slotOf[i]!
    if (slot === this.#newest && slot !== none) return this.#start + slot * this.#stride
    if (slot !== none) {
      this.#unlink(slot)
    } else {
      slot = this.#freeSlot()
      this.#rowIn[slot] = i
      this.#slotOf[i] = slot
      this.#fill(i, this.#start + slot * this.#stride)
    }
    this.#linkAsNewest(slot)
    return this.#start + slot * this.#stride
  }

  /** Forgets all; the matrix has `size` rows from now on. */
  clear(size: number): void {
    this.#stride = rowBytes(size)
    this.#capacity = this.#capacityFor(size)
    this.#used = 0
    this.#newest = none
    this.#oldest = none
    this.#slotOf.fill(none)
  }

  /**
   * The matrix loses all rows and columns but those at `kept` (ascending), which are numbered anew;
   * what was computed of them stays. Slots move towards the start, where no row that is yet to be
   * moved stands, as rows become shorter.
   */
  keep(kept: Int32Array): void {
    const before = this.#stride
    const slots: number[] = []
    for (let slot = this.#oldest; slot !== none; slot = this.#newer[slot]!) slots.push(slot)
    const rows = Int32Array.from(slots, (slot) => this.#rowIn[slot]!)
    const numberOf = new Int32Array(this.#slotOf.length).fill(none)
    kept.forEach((row, t) => (numberOf[row] = t))
    const surviving = slots.filter((_, k) => numberOf[rows[k]!] !== none)
    const moved = new Map(surviving.toSorted((a, b) => a - b).map((slot, k) => [slot, k]))
    this.clear(kept.length)
    for (const [slot, target] of moved) {
      const from = this.#heap.singles(this.#start + slot * before, before / 4)
      const to = this.#heap.singles(this.#start + target * this.#stride, this.#stride / 4)
      for (let t = 0; t < kept.length; t++) to[t] = from[kept[t]!]!
      to.fill(0, kept.length)
    }
    slots.forEach((slot, k) => {
      const target = moved.get(slot)
      if (target === undefined) return
      this.#rowIn[target] = numberOf[rows[k]!]!
      this.#slotOf[numberOf[rows[k]!]!] = target
      this.#linkAsNewest(target)
      this.#used++
    })
  }

  #capacityFor(size: number): number {
    return Math.min(size, Math.floor(this.#bytes / this.#stride))
  }

  /** A slot out of the list: a new one while there is room, else the one used longest ago. */
  #freeSlot(): number {
    if (this.#used < this.#capacity) return this.#used++
    const slot = this.#oldest
    this.#unlink(slot)
    this.#slotOf[this.#rowIn[slot]!] = none
    return slot
  }

  #unlink(slot: number): void {
    const older = this.#older[slot]!
    const newer = this.#newer[slot]!
    if (older === none) this.#oldest = newer
    else this.#newer[older] = newer
    if (newer === none) this.#newest = older
    else this.#older[newer] = older
  }

  #linkAsNewest(slot: number): void {
    this.#older[slot] = this.#newest
    this.#newer[slot] = none
    if (this.#newest === none) this.#oldest = slot
    else this.#newer[this.#newest] = slot
    this.#newest = slot
  }
}
