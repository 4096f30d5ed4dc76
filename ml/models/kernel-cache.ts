import type { KernelRows } from './kernels.ts'

const none = -1

/**
 * The rows of a kernel matrix that were asked for last, as many as fit in `megabytes` (at least the
 * two that one step of the solver holds). A row is single precision, as in libsvm, and stays valid
 * until another row takes its place: never within the next call.
 */
export class KernelCache {
  readonly size: number
  readonly diagonal: Float64Array
  readonly #source: KernelRows
  readonly #slots: Float32Array[] = []
  readonly #capacity: number
  /** Row in a slot, and slot of a row. */
  readonly #rowIn: Int32Array
  readonly #slotOf: Int32Array
  /** The slots as a list from the one used longest ago to the one used last. */
  readonly #older: Int32Array
  readonly #newer: Int32Array
  #newest = none
  #oldest = none

  constructor(source: KernelRows, megabytes: number) {
    this.#source = source
    this.size = source.size
    this.diagonal = source.diagonal
    const fitting = Math.floor(
      (megabytes * 2 ** 20) / (source.size * Float32Array.BYTES_PER_ELEMENT),
    )
    this.#capacity = Math.min(source.size, Math.max(2, fitting))
    this.#rowIn = new Int32Array(this.#capacity)
    this.#older = new Int32Array(this.#capacity)
    this.#newer = new Int32Array(this.#capacity)
    this.#slotOf = new Int32Array(source.size).fill(none)
  }

  row(i: number): Float32Array {
    let slot = this.#slotOf[i]!
    if (slot === this.#newest && slot !== none) return this.#slots[slot]!
    if (slot !== none) {
      this.#unlink(slot)
    } else {
      slot = this.#freeSlot()
      this.#rowIn[slot] = i
      this.#slotOf[i] = slot
      this.#source.fill(i, this.#slots[slot]!)
    }
    this.#linkAsNewest(slot)
    return this.#slots[slot]!
  }

  /** A slot out of the list: a new one while there is room, else the one used longest ago. */
  #freeSlot(): number {
    if (this.#slots.length < this.#capacity) {
      return this.#slots.push(new Float32Array(this.size)) - 1
    }
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
