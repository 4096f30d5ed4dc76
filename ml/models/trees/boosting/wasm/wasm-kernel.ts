import { leastCurvature } from '../curvature.ts'
import type { BoostingKernel, Scan } from '../kernel.ts'
import { columnGroups, columnPlaces, columnSize } from '../memory.ts'
import type { BoostingMemory, BoostingSize } from '../memory.ts'
import { boostingModule } from './kernels.generated.ts'

/** Below this the module has data of its own. */
const firstPlace = 2048
const pageBytes = 65_536
/** What 32 bits can address, less a margin. */
const mostBytes = 2 ** 32 - 2 ** 24

type SumGroup = (bins: number, gradients: number, from: number, to: number, out: number) => void

/** What `kernels.as` exports. */
interface Kernels {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  readonly sum8: SumGroup
  readonly sum4: SumGroup
  readonly sum2: SumGroup
  readonly sum1: SumGroup
  subtract(at: number, other: number, bytes: number): void
  scan(
    histogram: number,
    step: number,
    bins: number,
    gradient: number,
    rows: number,
    curvature: number,
    base: number,
    unit: number,
    minSamplesLeaf: number,
    l2Regularization: number,
    leastCurvature: number,
    own: number,
    best: number,
    out: number,
  ): number
  part(
    bins: number,
    step: number,
    goesLeft: number,
    from: number,
    to: number,
    spare: number,
  ): number
}

/** The kernel in WebAssembly, or nothing where there is none or the fit is too large for it. */
export function wasmKernel(size: BoostingSize): BoostingKernel | undefined {
  const { rows, columns, slots } = size
  const slotBytes = columns * columnSize * 8
  let bytes = firstPlace
  const reserve = (count: number) => {
    const place = bytes
    bytes += Math.ceil(count / 64) * 64
    return place
  }
  const found = reserve(24)
  const goesLeft = reserve(256)
  const histograms = reserve(slots * slotBytes)
  const gradients = reserve(16 * rows)
  const rowsAt = reserve(4 * rows)
  const spare = reserve(4 * rows)
  const bins = reserve(rows * columns)
  if (bytes > mostBytes) return undefined
  const kernels = instantiate(bytes)
  if (!kernels) return undefined

  const { buffer } = kernels.memory
  const memory: BoostingMemory = {
    bins: new Uint8Array(buffer, bins, rows * columns),
    gradients: new Float64Array(buffer, gradients, 2 * rows),
    rows: new Int32Array(buffer, rowsAt, rows),
    goesLeft: new Uint8Array(buffer, goesLeft, 256),
    histograms: new Float64Array(buffer, histograms, (slots * slotBytes) / 8),
  }
  const results = new Float64Array(buffer, found, 3)
  const { starts, strides } = columnPlaces(rows, columns)
  const groups = columnGroups(rows, columns).map(({ first, width, start }) => ({
    sum: sumOf(kernels, width),
    bins: bins + start,
    offset: first * columnSize * 8,
  }))
  return {
    memory,
    sum(slot, from, to) {
      const out = histograms + slot * slotBytes
      memory.histograms.fill(0, (slot * slotBytes) / 8, ((slot + 1) * slotBytes) / 8)
      for (const group of groups) {
        group.sum(group.bins, gradients, rowsAt + 4 * from, rowsAt + 4 * to, out + group.offset)
      }
    },
    subtract(slot, other) {
      kernels.subtract(histograms + slot * slotBytes, histograms + other * slotBytes, slotBytes)
    },
    scan(at, step, count, scan) {
      const bin = scanBins(kernels, histograms + 8 * at, step, count, scan, found)
      if (bin >= 0) {
        scan.gain = results[0]!
        scan.gradientSum = results[1]!
        scan.encodedSum = results[2]!
      }
      return bin
    },
    part: (column, from, to) =>
      from +
      kernels.part(
        bins + starts[column]!,
        strides[column]!,
        goesLeft,
        rowsAt + 4 * from,
        rowsAt + 4 * to,
        spare,
      ),
  }
}

function sumOf(kernels: Kernels, width: number): SumGroup {
  if (width === 8) return kernels.sum8
  if (width === 4) return kernels.sum4
  return width === 2 ? kernels.sum2 : kernels.sum1
}

function scanBins(
  kernels: Kernels,
  at: number,
  step: number,
  bins: number,
  scan: Scan,
  out: number,
): number {
  return kernels.scan(
    at,
    16 * step,
    bins,
    scan.gradient,
    scan.rows,
    scan.curvature,
    scan.base,
    scan.unit,
    scan.minSamplesLeaf,
    scan.l2Regularization,
    leastCurvature,
    scan.own,
    scan.gain,
    out,
  )
}

/** The part of the platform's WebAssembly that is used, for which TypeScript has types only in a DOM. */
interface WebAssemblyPlatform {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

let compiled: object | undefined

/** A new instance with so much memory; the module is compiled at the first call. */
function instantiate(bytes: number): Kernels | undefined {
  const platform = (globalThis as { WebAssembly?: WebAssemblyPlatform }).WebAssembly
  if (!platform) return undefined
  compiled ??= new platform.Module(Buffer.from(boostingModule, 'base64'))
  const kernels = new platform.Instance(compiled, {}).exports as Kernels
  kernels.memory.grow(Math.ceil(bytes / pageBytes))
  return kernels
}
