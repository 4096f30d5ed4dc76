import { inPanels, panelOffset, panelRows } from '../wasm/arithmetic.ts'
import { Layout, mostHeapBytes, type Heap } from '../wasm/heap.ts'
import { cacheBytes, KernelCache } from './kernel-cache.ts'
import { signOf, type ScaledProblem } from './pair-problem.ts'

/** Statuses of a coefficient as the arithmetic knows them. */
export const mayRiseOnly = 1
export const mayMove = 0
export const mayFallOnly = -1

/** As few rows as this stay together: passes over them cost less than choosing among them. */
const fewestToShrink = 64
/** The share of the active rows that must be at rest before those are put aside. */
const leastShareToShrink = 0.25
const singleBytes = Float32Array.BYTES_PER_ELEMENT
const doubleBytes = Float64Array.BYTES_PER_ELEMENT

/** Kernel rows between two looks at the signal. */
const checkInterval = 64

/** How far the pulls of the rows that may move are apart, and the one to raise next. */
export interface Extremes {
  /** The active row of the highest pull among those that may rise. */
  rising: number
  highest: number
  /** The lowest pull among those that may fall. */
  lowest: number
}

/**
 * The rows of a problem that the solver still works on, in a heap: the rows, a pull and a status
 * each, and a cache of kernel rows over them. Rows at rest at a bound can be put aside (`shrink`), by
 * which every pass and every kernel row becomes shorter, and taken up again (`restore`). Active rows
 * are numbered from 0; `rowAt` says which rows of the problem they are.
 */
export class ActiveRows {
  count: number
  readonly #problem: ScaledProblem
  readonly #heap: Heap
  readonly #cache: KernelCache
  readonly #cacheStart: number
  readonly #places: Record<'panels' | 'squares' | 'diagonal' | 'pull' | 'status' | 'row', number>
  readonly #ends: number
  /** The active rows first; those behind count only while all are active. */
  readonly #order: Int32Array
  readonly #panels: Float64Array
  readonly #squares: Float64Array
  readonly #diagonal: Float64Array
  readonly #pulls: Float64Array
  readonly #statuses: Float32Array
  readonly #row: Float64Array
  readonly #endValues: Float64Array

  /**
   * @param coefficients one a row of the problem, from which the pulls follow
   * @param heapFor a heap of at least so many bytes, with anything in it
   */
  constructor(
    problem: ScaledProblem,
    coefficients: Float64Array,
    cacheSize: number,
    heapFor: (bytes: number) => Heap,
  ) {
    const size = problem.rows.length
    const { cols } = problem.X
    const padded = inPanels(size)
    const layout = new Layout()
    const places = {
      panels: layout.doubles(padded * cols),
      squares: layout.doubles(padded),
      diagonal: layout.doubles(padded),
      pull: layout.doubles(padded),
      status: layout.singles(padded),
      row: layout.doubles(cols),
    }
    this.#ends = layout.doubles(2)
    const bytes = cacheBytes(size, cacheSize, mostHeapBytes - layout.bytes)
    this.#cacheStart = layout.reserve(bytes)
    const heap = heapFor(layout.bytes)
    this.#problem = problem
    this.#heap = heap
    this.#places = places
    this.#panels = heap.doubles(places.panels, padded * cols)
    this.#squares = heap.doubles(places.squares, padded)
    this.#diagonal = heap.doubles(places.diagonal, padded)
    this.#pulls = heap.doubles(places.pull, padded)
    this.#statuses = heap.singles(places.status, padded)
    this.#row = heap.doubles(places.row, cols)
    this.#endValues = heap.doubles(this.#ends, 2)
    this.#cache = new KernelCache(heap, { start: this.#cacheStart, bytes, size }, (i, place) =>
      this.#fillKernelRow(i, 0, place),
    )
    this.#order = Int32Array.from({ length: size }, (_, i) => i)
    this.count = size
    this.#writeRows()
    this.#writePulls(coefficients, 0)
  }

  get isWhole(): boolean {
    return this.count === this.#order.length
  }

  rowAt(i: number): number {
    return this.#order[i]!
  }

  pullAt(i: number): number {
    return this.#pulls[i]!
  }

  setStatus(i: number, status: number): void {
    this.#statuses[i] = status
  }

  statusAt(i: number): number {
    return this.#statuses[i]!
  }

  /** The row that gains most by falling while `rising` rises; -1 when there is none. */
  partnerOf(rising: number): number {
    const { pull, status, diagonal } = this.#places
    const row = this.#cache.row(rising)
    return this.#heap.arithmetic.selectFalling(
      pull,
      status,
      diagonal,
      row,
      inPanels(this.count),
      this.#pulls[rising]!,
      this.#diagonal[rising]!,
    )
  }

  /** The squared distance of two rows in the kernel's space. */
  curvature(rising: number, falling: number): number {
    const kernel = this.#heap.single(this.#cache.row(rising) + falling * singleBytes)
    return this.#diagonal[rising]! + this.#diagonal[falling]! - 2 * kernel
  }

  /** Updates the pulls after one coefficient rose and another fell by `step`. */
  move(rising: number, falling: number, step: number, out: Extremes): void {
    const { pull, status } = this.#places
    const risen = this.#cache.row(rising)
    const fallen = this.#cache.row(falling)
    const count = inPanels(this.count)
    const { arithmetic } = this.#heap
    out.rising = arithmetic.updatePulls(pull, status, risen, fallen, count, step, this.#ends)
    out.highest = this.#endValues[0]!
    out.lowest = this.#endValues[1]!
  }

  /** Of equal pulls the last one rises. */
  findExtremes(out: Extremes): void {
    out.highest = -Infinity
    out.lowest = Infinity
    out.rising = -1
    for (let t = 0; t < this.count; t++) {
      const pull = this.#pulls[t]!
      const status = this.#statuses[t]!
      if (status >= mayMove && pull >= out.highest) {
        out.highest = pull
        out.rising = t
      }
      if (status <= mayMove && pull < out.lowest) out.lowest = pull
    }
  }

  /**
   * Puts rows aside that are at a bound and pulled further against it than any row they could move
   * with, when these are many. Then active rows are numbered anew.
   */
  shrink({ highest, lowest }: Extremes): boolean {
    if (this.count < fewestToShrink) return false
    const kept = new Int32Array(this.count)
    let size = 0
    for (let t = 0; t < this.count; t++) {
      const pull = this.#pulls[t]!
      const status = this.#statuses[t]!
      const rests =
        status === mayRiseOnly ? pull < lowest : status === mayFallOnly && pull > highest
      if (!rests) kept[size++] = t
    }
    if (size > (1 - leastShareToShrink) * this.count) return false
    this.#keep(kept.subarray(0, size))
    return true
  }

  /** Takes up all rows again, with the pulls that follow from the coefficients. */
  restore(coefficients: Float64Array, onCheckpoint: () => void): void {
    const active = this.count
    const isActive = new Uint8Array(this.#order.length)
    for (let t = 0; t < active; t++) isActive[this.#order[t]!] = 1
    for (let row = 0, t = active; row < isActive.length; row++) {
      if (isActive[row] === 0) this.#order[t++] = row
    }
    this.count = this.#order.length
    this.#writeRows()
    this.#cache.clear(this.count)
    this.#writePulls(coefficients, active, onCheckpoint)
  }

  /** Σ coefficients_t x_t of the rows as they count, all of which are active. */
  combine(coefficients: Float64Array): Float64Array {
    const { cols } = this.#problem.X
    const sum = new Float64Array(cols)
    for (let t = 0; t < this.count; t++) {
      const coefficient = coefficients[this.#order[t]!]!
      if (coefficient === 0) continue
      const at = panelOffset(t, cols)
      for (let c = 0; c < cols; c++) sum[c]! += coefficient * this.#panels[at + c * panelRows]!
    }
    return sum
  }

  /** All rows in their order, as they count, into the panels; places beyond them become 0. */
  #writeRows(): void {
    const { X, rows, centre, length, kernel } = this.#problem
    const { data, cols } = X
    this.#panels.fill(0, this.#panels.length - panelRows * cols)
    for (let t = 0; t < this.count; t++) {
      const from = rows[this.#order[t]!]! * cols
      const to = panelOffset(t, cols)
      let square = 0
      for (let c = 0; c < cols; c++) {
        const value = (data[from + c]! - centre[c]!) / length
        this.#panels[to + c * panelRows] = value
        square += value * value
      }
      this.#squares[t] = square
      this.#diagonal[t] = kernel.kind === 'rbf' ? 1 : square
    }
    this.#blankBeyond(this.count)
  }

  /** Makes the places of the last panel that hold no row harmless: they can neither rise nor fall. */
  #blankBeyond(size: number): void {
    for (let t = size; t < inPanels(size); t++) {
      this.#squares[t] = 0
      this.#diagonal[t] = 0
      this.#pulls[t] = 0
      this.#statuses[t] = NaN
    }
  }

  /** The pulls of the rows from `from` on: their sign less the decision that the coefficients give. */
  #writePulls(coefficients: Float64Array, from: number, onCheckpoint?: () => void): void {
    for (let t = from; t < this.count; t++) {
      this.#pulls[t] = signOf(this.#problem, this.#order[t]!)
    }
    if (this.#problem.kernel.kind === 'linear') {
      this.#subtractProducts(this.combine(coefficients), from)
      return
    }
    const start = from - (from % panelRows)
    const before = this.#pulls.slice(start, from)
    const { pull } = this.#places
    let filled = 0
    for (let s = 0; s < this.count; s++) {
      const coefficient = coefficients[this.#order[s]!]!
      if (coefficient === 0) continue
      if (++filled % checkInterval === 0) onCheckpoint?.()
      this.#fillKernelRow(s, start, this.#cacheStart)
      const rest = inPanels(this.count) - start
      this.#heap.arithmetic.addRow(pull + doubleBytes * start, this.#cacheStart, rest, -coefficient)
    }
    this.#pulls.set(before, start)
  }

  #subtractProducts(weights: Float64Array, from: number): void {
    const { cols } = this.#problem.X
    for (let t = from; t < this.count; t++) {
      const at = panelOffset(t, cols)
      let sum = 0
      for (let c = 0; c < cols; c++) sum += weights[c]! * this.#panels[at + c * panelRows]!
      this.#pulls[t]! -= sum
    }
  }

  /** The kernel of active row i with the active rows from `from`, a multiple of 8, on. */
  #fillKernelRow(i: number, from: number, place: number): void {
    const { kernel, X } = this.#problem
    const { cols } = X
    const { arithmetic } = this.#heap
    const at = panelOffset(i, cols)
    for (let c = 0; c < cols; c++) this.#row[c] = this.#panels[at + c * panelRows]!
    const { row } = this.#places
    const panels = this.#places.panels + doubleBytes * panelOffset(from, cols)
    const count = inPanels(this.count) - from
    if (kernel.kind === 'linear') arithmetic.linearRow(row, panels, count, cols, place)
    else {
      const squares = this.#places.squares + doubleBytes * from
      const { gamma } = kernel
      arithmetic.rbfRow(row, this.#squares[i]!, panels, squares, count, cols, gamma, place)
    }
  }

  /** Moves the rows at `kept` (ascending) to the front: none is overwritten before it has moved. */
  #keep(kept: Int32Array): void {
    const { cols } = this.#problem.X
    for (let t = 0; t < kept.length; t++) {
      const s = kept[t]!
      const from = panelOffset(s, cols)
      const to = panelOffset(t, cols)
      for (let c = 0; c < cols * panelRows; c += panelRows) {
        this.#panels[to + c] = this.#panels[from + c]!
      }
      this.#order[t] = this.#order[s]!
      this.#squares[t] = this.#squares[s]!
      this.#diagonal[t] = this.#diagonal[s]!
      this.#pulls[t] = this.#pulls[s]!
      this.#statuses[t] = this.#statuses[s]!
    }
    this.count = kept.length
    this.#blankBeyond(this.count)
    this.#cache.keep(kept)
  }
}
