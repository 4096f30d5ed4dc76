import type { LloydArithmetic } from './lloyd-arithmetic.ts'
import { plainArithmetic } from './lloyd-plain.ts'
import { lloydModule } from './lloyd.generated.ts'

/** The module's own first kilobyte stays untouched. */
const firstPlace = 1024
const pageBytes = 65_536
/** What 32 bits can address, less a margin. */
const mostBytes = 2 ** 32 - 2 ** 24

/** One block of memory, reserved piece by piece, then made, and the arithmetic over it. */
export class LloydMemory {
  #bytes = firstPlace
  #buffer = new ArrayBuffer(0)
  #instance: Instance | undefined

  /** The place of an array of so many bytes. */
  reserve(bytes: number): number {
    const place = this.#bytes
    this.#bytes += Math.ceil(bytes / 64) * 64
    return place
  }

  /**
   * Makes the memory, which may hold what another left in it. Plain TypeScript also where WebAssembly
   * is not there or too small.
   */
  open(kind: 'wasm' | 'plain'): LloydArithmetic {
    const instance = kind === 'wasm' && this.#bytes <= mostBytes ? takeInstance() : undefined
    this.#instance = instance
    if (instance) {
      const { memory } = instance
      const missing = this.#bytes - memory.buffer.byteLength
      if (missing > 0) memory.grow(Math.ceil(missing / pageBytes))
      this.#buffer = memory.buffer
      return instance
    }
    this.#buffer = new ArrayBuffer(this.#bytes)
    return plainArithmetic(this.#buffer)
  }

  /** Leaves the memory to the next, unless it is collected first; no view of it is used again. */
  release(): void {
    if (this.#instance) idle = new WeakRef(this.#instance)
    this.#instance = undefined
  }

  doubles(place: number, count: number): Float64Array {
    return new Float64Array(this.#buffer, place, count)
  }

  integers(place: number, count: number): Int32Array {
    return new Int32Array(this.#buffer, place, count)
  }
}

type Instance = LloydArithmetic & {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
}

/** The part of the platform's WebAssembly that is used, for which TypeScript has types only in a DOM. */
interface WebAssemblyPlatform {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

let compiled: object | undefined

/** One that was used before: the system need not find and clear its memory again. */
let idle: WeakRef<Instance> | undefined

/** An instance that no one uses, or a new one of the module, which is compiled at the first call. */
function takeInstance(): Instance | undefined {
  const before = idle?.deref()
  idle = undefined
  if (before) return before
  const platform = (globalThis as { WebAssembly?: WebAssemblyPlatform }).WebAssembly
  if (!platform) return undefined
  compiled ??= new platform.Module(Buffer.from(lloydModule, 'base64'))
  return new platform.Instance(compiled, {}).exports as Instance
}
