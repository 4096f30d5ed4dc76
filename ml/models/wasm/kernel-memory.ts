import { Layout } from './layout.ts'
import { bufferOf, mostBytes, WasmModule, type Instance } from './wasm-module.ts'

/** The same arithmetic twice: as a WebAssembly module, and in plain TypeScript with the same bits. */
export class KernelSource<Arithmetic extends object> {
  readonly plain: (buffer: ArrayBuffer) => Arithmetic
  readonly #module: WasmModule<Arithmetic>
  #idle: WeakRef<Instance<Arithmetic>> | undefined

  /** @param module in base64; it is compiled at the first use */
  constructor(module: string, plain: (buffer: ArrayBuffer) => Arithmetic) {
    this.#module = new WasmModule(module)
    this.plain = plain
  }

  /** An instance that no one uses, or a new one; none where the platform has no WebAssembly. */
  take(): Instance<Arithmetic> | undefined {
    const before = this.#idle?.deref()
    this.#idle = undefined
    return before ?? this.#module.instantiate()
  }

  /** Keeps one for the next taker: the system need not find and clear its memory again. */
  leave(instance: Instance<Arithmetic>): void {
    this.#idle = new WeakRef(instance)
  }
}

/** One block of memory, reserved piece by piece, then made, and the arithmetic over it. */
export class KernelMemory<Arithmetic extends object> {
  readonly #source: KernelSource<Arithmetic>
  readonly #layout = new Layout()
  #buffer = new ArrayBuffer(0)
  #instance: Instance<Arithmetic> | undefined

  constructor(source: KernelSource<Arithmetic>) {
    this.#source = source
  }

  /** The place of an array of so many bytes. */
  reserve(bytes: number): number {
    return this.#layout.reserve(bytes)
  }

  /**
   * Makes the memory, which may hold what another left in it. Plain TypeScript also where WebAssembly
   * is not there or too small.
   */
  open(kind: 'wasm' | 'plain'): Arithmetic {
    const { bytes } = this.#layout
    const instance = kind === 'wasm' && bytes <= mostBytes ? this.#source.take() : undefined
    this.#instance = instance
    if (instance) {
      this.#buffer = bufferOf(instance, bytes)
      return instance
    }
    this.#buffer = new ArrayBuffer(bytes)
    return this.#source.plain(this.#buffer)
  }

  /** Leaves the memory to the next, unless it is collected first; no view of it is used again. */
  release(): void {
    if (this.#instance) this.#source.leave(this.#instance)
    this.#instance = undefined
  }

  doubles(place: number, count: number): Float64Array {
    return new Float64Array(this.#buffer, place, count)
  }

  integers(place: number, count: number): Int32Array {
    return new Int32Array(this.#buffer, place, count)
  }
}
