import { hostIsLittleEndian } from './npy-types.ts'

/** 64 bits in two halves, each a uniform 32-bit integer from 0. */
export interface RowHash {
  readonly first: number
  readonly second: number
}

const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)
const [lowWord, highWord] = hostIsLittleEndian ? [0, 1] : [1, 0]

/**
 * A stable 64-bit hash of rows of doubles, fed value by value. It depends on the bits of the values
 * and their order only, with -0 taken as 0 and every NaN as one; it is the same on every machine,
 * and never changes, since splits of growing datasets rest on it.
 *
 * Two lanes of MurmurHash3_x86_32 (Austin Appleby, public domain) with different multipliers over
 * the low and the high word of each value, each lane mixed into the other as in its 128-bit form,
 * and closed by the 32-bit finaliser. Not for use against someone who looks for collisions.
 */
export class RowHasher {
  #a = 0x243f6a88
  #b = 0x85a308d3
  #count = 0

  add(value: number): void {
    double[0] = value === 0 ? 0 : value
    const isNaN = value !== value
    const low = isNaN ? 0 : words[lowWord]!
    const high = isNaN ? 0x7ff80000 : words[highWord]!
    this.#mix(low)
    this.#mix(high)
    this.#count++
  }

  /** The hash of the values added since the last call; then begins anew. */
  finish(): RowHash {
    let a = this.#a ^ this.#count
    let b = this.#b ^ this.#count
    a = (a + b) | 0
    b = (b + a) | 0
    a = finalised(a)
    b = finalised(b)
    a = (a + b) | 0
    b = (b + a) | 0
    this.#a = 0x243f6a88
    this.#b = 0x85a308d3
    this.#count = 0
    return { first: a >>> 0, second: b >>> 0 }
  }

  #mix(word: number): void {
    let k = Math.imul(word, 0xcc9e2d51)
    k = (k << 15) | (k >>> 17)
    let a = this.#a ^ Math.imul(k, 0x1b873593)
    a = (a << 13) | (a >>> 19)
    a = (a + this.#b) | 0
    this.#a = (Math.imul(a, 5) + 0xe6546b64) | 0

    k = Math.imul(word, 0x239b961b)
    k = (k << 16) | (k >>> 16)
    let b = this.#b ^ Math.imul(k, 0xab0e9789)
    b = (b << 17) | (b >>> 15)
    b = (b + this.#a) | 0
    this.#b = (Math.imul(b, 5) + 0x0bcaa747) | 0
  }
}

/** MurmurHash3's fmix32: every bit of `h` changes every bit of the answer with probability 1/2. */
function finalised(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
