import type { Arithmetic } from './arithmetic.ts'
import { kernelsModule } from './kernels.generated.ts'
import { plainArithmetic } from './plain.ts'

/** `kernels.as` keeps the sums of a panel below. */
const firstPlace = 2048
const pageBytes = 65_536
/** The most that WebAssembly can address, less a margin. */
export const mostHeapBytes = 2 ** 32 - 2 ** 24

/** Places are on cache lines. */
const alignment = 64

/** What a heap will hold: reserve every array first, then make the heap, whose size never changes. */
export class Layout {
  #bytes = firstPlace

  /** The place of an array, in bytes from the heap's beginning. */
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

/** One block of memory and the arithmetic over it. A new one is all 0. */
export class Heap {
  readonly bytes: number
  readonly arithmetic: Arithmetic
  readonly #buffer: ArrayBuffer
  readonly #instance: Instance | undefined

  /**
   * @param kind WebAssembly, where the platform has it and it can address so much, or plain
   * TypeScript: the bits are the same
   * @param before a heap that is not used any more, whose memory this one may take over and enlarge
   */
  constructor(bytes: number, kind: 'wasm' | 'plain' = 'wasm', before?: Heap) {
    const isWasm = kind === 'wasm' && bytes <= mostHeapBytes
    const taken = before === undefined ? undefined : before.#instance
    const instance = isWasm ? (taken ?? instantiate()) : undefined
    this.#instance = instance
    if (instance) {
      const { memory } = instance
      const missing = bytes - memory.buffer.byteLength
      if (missing > 0) memory.grow(Math.ceil(missing / pageBytes))
      this.#buffer = memory.buffer
      this.arithmetic = instance
    } else {
      this.#buffer = new ArrayBuffer(Math.ceil(bytes / alignment) * alignment)
      this.arithmetic = plainArithmetic(this.#buffer)
    }
    this.bytes = this.#buffer.byteLength
  }

  /** `count` doubles at a place, as a view. */
  doubles(place: number, count: number): Float64Array {
    return new Float64Array(this.#buffer, place, count)
  }

  singles(place: number, count: number): Float32Array {
    return new Float32Array(this.#buffer, place, count)
  }

  integers(place: number, count: number): Int32Array {
    return new Int32Array(this.#buffer, place, count)
  }
}

/**
 * Heaps for one computation after another: each may overwrite the last one's, which is reused where it
 * is great enough. What was in a heap before is still there.
 *
 * New memory is dear, as the system hands it out page by page; so the heap that was lent last is kept
 * for the next loan, until the garbage collector takes it.
 */
export class HeapLoan {
  #heap: Heap | undefined

  readonly heapFor = (bytes: number): Heap => {
    this.#heap ??= takeIdle()
    if (this.#heap === undefined || this.#heap.bytes < bytes) {
      this.#heap = new Heap(bytes, 'wasm', this.#heap)
    }
    return this.#heap
  }

  /** Ends the loan: none of its heaps may be used from now on. */
  release(): void {
    if (this.#heap) idle = new WeakRef(this.#heap)
    this.#heap = undefined
  }
}

let idle: WeakRef<Heap> | undefined

function takeIdle(): Heap | undefined {
  const heap = idle?.deref()
  idle = undefined
  return heap
}

interface Memory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

type Instance = Arithmetic & { readonly memory: Memory }

/** The part of the platform's WebAssembly that is used, for which TypeScript has types only in a DOM. */
interface WebAssemblyPlatform {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

let compiled: object | undefined

/** A new instance of the module, which is compiled at the first call. */
function instantiate(): Instance | undefined {
  const platform = (globalThis as { WebAssembly?: WebAssemblyPlatform }).WebAssembly
  if (!platform) return undefined
  compiled ??= new platform.Module(Buffer.from(kernelsModule, 'base64'))
  return new platform.Instance(compiled, {}).exports as Instance
}
