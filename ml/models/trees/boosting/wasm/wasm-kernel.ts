import { Layout } from '../../../wasm/layout.ts'
import { bufferOf, mostBytes, WasmModule } from '../../../wasm/wasm-module.ts'
import { leastCurvature } from '../curvature.ts'
import type { BoostingKernel, Scan } from '../kernel.ts'
import { columnGroups, columnPlaces, columnSize } from '../memory.ts'
import type { BoostingMemory, BoostingSize } from '../memory.ts'
import { boostingModule } from './kernels.generated.ts'

type SumGroup = (bins: number, gradients: number, from: number, to: number, out: number) => void

/** What `kernels.as` exports. */
interface Kernels {
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

const boosting = new WasmModule<Kernels>(boostingModule)

/** The kernel in WebAssembly, or nothing where there is none or the fit is too large for it. */
export function wasmKernel(size: BoostingSize): BoostingKernel | undefined {
  const { rows, columns, slots } = size
  const slotBytes = columns * columnSize * 8
  const layout = new Layout()
  const found = layout.doubles(3)
  const goesLeft = layout.reserve(256)
  const histograms = layout.reserve(slots * slotBytes)
  const gradients = layout.doubles(2 * rows)
  const rowsAt = layout.integers(rows)
  const spare = layout.integers(rows)
  const bins = layout.reserve(rows * columns)
  if (layout.bytes > mostBytes) return undefined
  const kernels = boosting.instantiate()
  if (!kernels) return undefined

  const buffer = bufferOf(kernels, layout.bytes)
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
