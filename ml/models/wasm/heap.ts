import type { Arithmetic } from './arithmetic.ts'
import { kernelsModule } from './kernels.generated.ts'
import { alignment } from './layout.ts'
import { plainArithmetic } from './plain.ts'
import { bufferOf, mostBytes, WasmModule, type Instance } from './wasm-module.ts'

const kernels = new WasmModule<Arithmetic>(kernelsModule)

/** One block of memory and the arithmetic over it. A new one is all 0. */
export class Heap {
  readonly bytes: number
  readonly arithmetic: Arithmetic
  readonly #buffer: ArrayBuffer
  readonly #instance: Instance<Arithmetic> | undefined

  /**
   * @param kind WebAssembly, where the platform has it and it can address so much, or plain
   * TypeScript: the bits are the same
   * @param before a heap that is not used any more, whose memory this one may take over and enlarge
   */
  constructor(bytes: number, kind: 'wasm' | 'plain' = 'wasm', before?: Heap) {
    const isWasm = kind === 'wasm' && bytes <= mostBytes
    const taken = before === undefined ? undefined : before.#instance
    const instance = isWasm ? (taken ?? kernels.instantiate()) : undefined
    this.#instance = instance
    if (instance) {
      this.#buffer = bufferOf(instance, bytes)
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
