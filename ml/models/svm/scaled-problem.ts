import { panelRows } from '../wasm/arithmetic.ts'
import type { Heap } from '../wasm/heap.ts'
import { Layout } from '../wasm/layout.ts'
import type { Kernel, PairProblem } from './pair-problem.ts'

/**
 * A problem whose rows count as (x - centre) / length. Both kernels' machines stay the same when all
 * rows move by one vector, and the linear one when all rows shrink by s and every cost grows by s²:
 * then neither far-off nor huge columns cost precision in the kernel rows.
 */
export interface ScaledProblem extends PairProblem {
  readonly kernel: Kernel
  readonly centre: Float64Array
  readonly length: number
}

/**
 * The problem with its rows centred and, for the linear kernel, shrunk to length 1 at most. Its
 * costs are those for the rows as they count then.
 *
 * @param heapFor a heap of at least so many bytes, with anything in it
 */
export function scaleProblem(
  problem: PairProblem,
  kernel: Kernel,
  heapFor: (bytes: number) => Heap,
): ScaledProblem {
  const panel = new PanelOfRows(problem.X.cols, heapFor)
  const centre = meanRow(problem, panel)
  if (kernel.kind === 'rbf') return { ...problem, kernel, centre, length: 1 }
  const longest = greatestDistance(problem, centre, panel)
  const length = longest > 0 ? longest : 1
  const costs = problem.costs.map((cost) => cost * length * length)
  return { ...problem, costs, kernel, centre, length }
}

/** Room for rows on their way into a panel. */
class PanelOfRows {
  readonly heap: Heap
  readonly places: Record<'rows' | 'centre' | 'panel' | 'squares', number>
  readonly rows: Float64Array
  readonly centre: Float64Array
  readonly squares: Float64Array

  constructor(cols: number, heapFor: (bytes: number) => Heap) {
    const layout = new Layout()
    this.places = {
      rows: layout.doubles(panelRows * cols),
      centre: layout.doubles(cols),
      panel: layout.doubles(panelRows * cols),
      squares: layout.doubles(panelRows),
    }
    this.heap = heapFor(layout.bytes)
    this.rows = this.heap.doubles(this.places.rows, panelRows * cols)
    this.centre = this.heap.doubles(this.places.centre, cols).fill(0)
    this.squares = this.heap.doubles(this.places.squares, panelRows)
  }
}

function meanRow({ X, rows }: PairProblem, panel: PanelOfRows): Float64Array {
  const { places, heap, centre: sums } = panel
  for (let t = 0; t < rows.length; t += panelRows) {
    const part = rows.subarray(t, t + panelRows)
    copyRows(X, part, panel.rows)
    heap.arithmetic.sumRows(places.rows, part.length, X.cols, places.centre)
  }
  return sums.map((sum) => sum / rows.length)
}

function greatestDistance(
  { X, rows }: PairProblem,
  centre: Float64Array,
  panel: PanelOfRows,
): number {
  const { places, heap } = panel
  panel.centre.set(centre)
  let greatest = 0
  for (let t = 0; t < rows.length; t += panelRows) {
    const part = rows.subarray(t, t + panelRows)
    copyRows(X, part, panel.rows)
    heap.arithmetic.packPanel(
      ...([places.rows, X.cols, places.centre, 1, places.panel, places.squares] as const),
    )
    greatest = Math.max(greatest, ...panel.squares.subarray(0, part.length))
  }
  return Math.sqrt(greatest)
}

/** Rows of X, one behind the other. */
export function copyRows(
  { data, cols }: PairProblem['X'],
  rows: Int32Array,
  out: Float64Array,
): void {
  for (let k = 0; k < rows.length; k++) {
    const from = rows[k]! * cols
    out.set(data.subarray(from, from + cols), k * cols)
  }
}
