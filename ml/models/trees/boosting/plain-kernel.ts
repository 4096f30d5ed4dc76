import { leastCurvature } from './curvature.ts'
import type { BoostingKernel, Scan } from './kernel.ts'
import { columnGroups, columnPlaces, columnSize } from './memory.ts'
import type { BoostingMemory, BoostingSize, ColumnGroup } from './memory.ts'

/** The kernel in TypeScript, for where there is no WebAssembly. */
export function plainKernel(size: BoostingSize): BoostingKernel {
  const { rows, columns, slots } = size
  const slotSize = columns * columnSize
  const memory: BoostingMemory = {
    bins: new Uint8Array(rows * columns),
    gradients: new Float64Array(2 * rows),
    rows: new Int32Array(rows),
    goesLeft: new Uint8Array(256),
    histograms: new Float64Array(slots * slotSize),
  }
  // The rows that go right, while a node is parted.
  const spare = new Int32Array(rows)
  const groups = columnGroups(rows, columns)
  const { starts, strides } = columnPlaces(rows, columns)
  return {
    memory,
    sum(slot, from, to) {
      memory.histograms.fill(0, slot * slotSize, (slot + 1) * slotSize)
      for (const group of groups) sumGroup(memory, group, slot * slotSize, from, to)
    },
    subtract(slot, other) {
      const { histograms } = memory
      const [at, from] = [slot * slotSize, other * slotSize]
      for (let k = 0; k < slotSize; k++) histograms[at + k]! -= histograms[from + k]!
    },
    scan: (at, step, bins, scan) => scanBins(memory.histograms, at, step, bins, scan),
    part: (column, from, to) =>
      partRows(memory, spare, starts[column]!, strides[column]!, from, to),
  }
}

function sumGroup(
  { bins, gradients, rows, histograms }: BoostingMemory,
  { first, width, start }: ColumnGroup,
  slot: number,
  from: number,
  to: number,
): void {
  const column = slot + first * columnSize
  for (let k = from; k < to; k++) {
    const row = rows[k]!
    const gradient = gradients[2 * row]!
    const curvature = gradients[2 * row + 1]!
    const at = start + row * width
    for (let c = 0, place = column; c < width; c++, place += columnSize) {
      const entry = place + 2 * bins[at + c]!
      histograms[entry]! += gradient
      histograms[entry + 1]! += curvature
    }
  }
}

function scanBins(
  histograms: Float64Array,
  at: number,
  step: number,
  bins: number,
  scan: Scan,
): number {
  const { gradient, rows, curvature, own, base, unit, minSamplesLeaf, l2Regularization } = scan
  const inverse = base === 0 ? 0 : 1 / base
  let gradientSum = 0
  let encodedSum = 0
  let best = scan.gain
  let found = -1
  for (let k = 0; k < bins; k++, at += 2 * step) {
    const encoded = histograms[at + 1]!
    // An empty bin parts the rows as the one before it does.
    if (encoded === 0) continue
    gradientSum += histograms[at]!
    encodedSum += encoded
    let rowsSum = encodedSum
    let curvatureSum = encodedSum
    if (base !== 0) {
      const units = Math.floor(encodedSum * inverse)
      rowsSum = encodedSum - units * base
      curvatureSum = units * unit
    }
    const curvatureRest = curvature - curvatureSum
    if (rowsSum < minSamplesLeaf || curvatureSum < leastCurvature) continue
    if (rows - rowsSum < minSamplesLeaf || curvatureRest < leastCurvature) break
    const gradientRest = gradient - gradientSum
    const weightSum = curvatureSum + l2Regularization
    const weightRest = curvatureRest + l2Regularization
    const gain =
      (gradientSum * gradientSum * weightRest + gradientRest * gradientRest * weightSum) /
        (weightSum * weightRest) -
      own
    if (gain > best) {
      best = gain
      found = k
      scan.gain = gain
      scan.gradientSum = gradientSum
      scan.encodedSum = encodedSum
    }
  }
  return found
}

function partRows(
  { rows, bins, goesLeft }: BoostingMemory,
  spare: Int32Array,
  start: number,
  stride: number,
  from: number,
  to: number,
): number {
  let left = from
  let right = 0
  // Each row is written to both sides and one of them counted, since which is hard to foretell.
  for (let k = from; k < to; k++) {
    const row = rows[k]!
    const isLeft = goesLeft[bins[start + row * stride]!]!
    rows[left] = row
    spare[right] = row
    left += isLeft
    right += 1 - isLeft
  }
  for (let k = 0; k < right; k++) rows[left + k] = spare[k]!
  return left
}
