const pageBytes = 65_536

/** What 32 bits can address, less a margin. */
export const mostBytes = 2 ** 32 - 2 ** 24

/** What a module exports, and its memory. */
export type Instance<Exports> = Exports & {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
}

/** The part of the platform's WebAssembly that is used, for which TypeScript has types only in a DOM. */
interface WebAssemblyPlatform {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

/** A module as `build.js` writes it, compiled at the first use. */
export class WasmModule<Exports extends object> {
  readonly #base64: string
  #compiled: object | undefined

  constructor(base64: string) {
    this.#base64 = base64
  }

  /** A new instance; none where the platform has no WebAssembly. */
  instantiate(): Instance<Exports> | undefined {
    const platform = (globalThis as { WebAssembly?: WebAssemblyPlatform }).WebAssembly
    if (!platform) return undefined
    this.#compiled ??= new platform.Module(Buffer.from(this.#base64, 'base64'))
    return new platform.Instance(this.#compiled, {}).exports as Instance<Exports>
  }
}

/** The memory of an instance, enlarged where it has less than so many bytes. */
export function bufferOf({ memory }: Instance<object>, bytes: number): ArrayBuffer {
  const missing = bytes - memory.buffer.byteLength
  if (missing > 0) memory.grow(Math.ceil(missing / pageBytes))
  return memory.buffer
}
