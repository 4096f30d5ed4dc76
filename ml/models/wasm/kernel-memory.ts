/** The module's own first kilobyte stays untouched. */
const firstPlace = 1024
const pageBytes = 65_536
/** What 32 bits can address, less a margin. */
const mostBytes = 2 ** 32 - 2 ** 24

type Instance<Arithmetic> = Arithmetic & {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
}

/** The part of the platform's WebAssembly that is used, for which TypeScript has types only in a DOM. */
interface WebAssemblyPlatform {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

/** The same arithmetic twice: as a WebAssembly module, and in plain TypeScript with the same bits. */
export class KernelSource<Arithmetic extends object> {
  readonly plain: (buffer: ArrayBuffer) => Arithmetic
  readonly #module: string
  #compiled: object | undefined
  #idle: WeakRef<Instance<Arithmetic>> | undefined

  /** @param module in base64; it is compiled at the first use */
  constructor(module: string, plain: (buffer: ArrayBuffer) => Arithmetic) {
    this.#module = module
    this.plain = plain
  }

  /** An instance that no one uses, or a new one; none where the platform has no WebAssembly. */
  take(): Instance<Arithmetic> | undefined {
    const before = this.#idle?.deref()
    this.#idle = undefined
    if (before) return before
    const platform = (globalThis as { WebAssembly?: WebAssemblyPlatform }).WebAssembly
    if (!platform) return undefined
    this.#compiled ??= new platform.Module(Buffer.from(this.#module, 'base64'))
    return new platform.Instance(this.#compiled, {}).exports as Instance<Arithmetic>
  }

  /** Keeps one for the next taker: the system need not find and clear its memory again. */
  leave(instance: Instance<Arithmetic>): void {
    this.#idle = new WeakRef(instance)
  }
}

/** One block of memory, reserved piece by piece, then made, and the arithmetic over it. */
export class KernelMemory<Arithmetic extends object> {
  readonly #source: KernelSource<Arithmetic>
  #bytes = firstPlace
  #buffer = new ArrayBuffer(0)
  #instance: Instance<Arithmetic> | undefined

  constructor(source: KernelSource<Arithmetic>) {
    this.#source = source
  }

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
  open(kind: 'wasm' | 'plain'): Arithmetic {
    const instance = kind === 'wasm' && this.#bytes <= mostBytes ? this.#source.take() : undefined
    this.#instance = instance
    if (instance) {
      const { memory } = instance
      const missing = this.#bytes - memory.buffer.byteLength
      if (missing > 0) memory.grow(Math.ceil(missing / pageBytes))
      this.#buffer = memory.buffer
      return instance
    }
    this.#buffer = new ArrayBuffer(this.#bytes)
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
