import type { BoostingKernel } from './kernel.ts'
import type { BoostingSize } from './memory.ts'
import { plainKernel } from './plain-kernel.ts'
import { wasmKernel } from './wasm/wasm-kernel.ts'

/** The kernel in WebAssembly where the platform has it and the fit has room in it. */
export function fastestKernel(size: BoostingSize): BoostingKernel {
  return wasmKernel(size) ?? plainKernel(size)
}
