/** The modules have data of their own below: `kernels.as` the sums of a panel. */
const firstPlace = 2048

/** Places are on cache lines. */
export const alignment = 64

/** What a memory will hold: reserve every array first, then make it, as its size never changes. */
export class Layout {
  #bytes = firstPlace

  /** The place of an array, in bytes from the memory's beginning. */
  reserve(bytes: number): number {
    const place = this.#bytes
    this.#bytes += Math.ceil(bytes / alignment) * alignment
    return place
  }

  doubles(count: number): number {
    return this.reserve(count * Float64Array.BYTES_PER_ELEMENT)
  }

  singles(count: number): number {
    return this.reserve(count * Float32Array.BYTES_PER_ELEMENT)
  }

  integers(count: number): number {
    return this.reserve(count * Int32Array.BYTES_PER_ELEMENT)
  }

  get bytes(): number {
    return this.#bytes
  }
}
