import { inPanels, panelOffset, panelRows } from '../wasm/arithmetic.ts'
import type { Heap } from '../wasm/heap.ts'
import { Layout } from '../wasm/layout.ts'
import { mostBytes } from '../wasm/wasm-module.ts'
import { real, solverBytes, word } from '../wasm/solver-state.ts'
import { KernelCache, reserveCache, type CachePlaces } from './kernel-cache.ts'
import { signOf } from './pair-problem.ts'
import { copyRows, type ScaledProblem } from './scaled-problem.ts'

/** As few rows as this stay together: passes over them cost less than choosing among them. */
const fewestToShrink = 64
/** The share of the active rows that must be at rest before those are put aside. */
const leastShareToShrink = 0.25
const doubleBytes = Float64Array.BYTES_PER_ELEMENT

/** Kernel rows between two looks at the signal. */
const checkInterval = 64

interface Places {
  readonly state: number
  readonly panels: number
  readonly squares: number
  readonly diagonal: number
  readonly pulls: number
  readonly statuses: number
  readonly row: number
  readonly order: number
  readonly coefficients: number
  readonly costs: number
  /** Rows on their way into a panel. */
  readonly incoming: number
  readonly centre: number
  /** Numbers of rows, while others are put aside. */
  readonly kept: number
  readonly cache: CachePlaces
}

/**
 * The rows of a problem that the solver still works on, in a heap: the rows, a pull, a status and a
 * coefficient each, and a cache of kernel rows over them. Rows at rest at a bound can be put aside
 * (`shrink`), by which every pass and every kernel row becomes shorter, and taken up again
 * (`restore`). Active rows are numbered from 0.
 */
export class ActiveRows {
  /** Signed, one a row of the problem. */
  readonly coefficients: Float64Array
  readonly #problem: ScaledProblem
  readonly #heap: Heap
  readonly #cache: KernelCache
  readonly #places: Places
  readonly #words: Int32Array
  readonly #reals: Float64Array
  /** Which rows of the problem the active ones are; those behind count only while all are active. */
  readonly #order: Int32Array
  readonly #panels: Float64Array
  readonly #squares: Float64Array
  readonly #diagonal: Float64Array
  readonly #pulls: Float64Array
  readonly #statuses: Float32Array
  readonly #incoming: Float64Array

  /**
   * @param start coefficients to start from, by default all 0
   * @param heapFor a heap of at least so many bytes, with anything in it
   */
  constructor(
    problem: ScaledProblem,
    start: Float64Array | undefined,
    { cacheSize, tolerance }: { cacheSize: number; tolerance: number },
    heapFor: (bytes: number) => Heap,
  ) {
    const size = problem.rows.length
    const { cols } = problem.X
    const padded = inPanels(size)
    const layout = new Layout()
    const places = placesFor(layout, size, cols, cacheSize)
    const heap = heapFor(layout.bytes)
    this.#problem = problem
    this.#heap = heap
    this.#places = places
    this.#words = heap.integers(places.state, Object.keys(word).length)
    this.#reals = heap.doubles(places.state, solverBytes / doubleBytes)
    this.#panels = heap.doubles(places.panels, padded * cols)
    this.#squares = heap.doubles(places.squares, padded)
    this.#diagonal = heap.doubles(places.diagonal, padded)
    this.#pulls = heap.doubles(places.pulls, padded)
    this.#statuses = heap.singles(places.statuses, padded)
    this.#incoming = heap.doubles(places.incoming, panelRows * cols)
    this.#order = heap.integers(places.order, size)
    this.coefficients = heap.doubles(places.coefficients, size)
    heap.doubles(places.centre, cols).set(problem.centre)
    heap.doubles(places.costs, size).set(problem.costs)
    this.#cache = new KernelCache(heap, this.#words, places.cache, size)
    this.#writeState(tolerance)
    for (let t = 0; t < size; t++) this.#order[t] = t
    if (start) this.coefficients.set(start)
    else this.coefficients.fill(0)
    this.#writeRows()
    this.#writePulls(0)
    this.#begin()
  }

  /** How many there are. */
  get count(): number {
    return this.#words[word.count]!
  }

  get isWhole(): boolean {
    return this.count === this.#order.length
  }

  /** How far the highest pull of those that may rise is above the lowest of those that may fall. */
  get gap(): number {
    return this.#reals[real.highest]! - this.#reals[real.lowest]!
  }

  /** Takes steps, at most so many, until the gap is less than the tolerance; answers how many. */
  advance(most: number): number {
    return this.#heap.arithmetic.takeSteps(this.#places.state, most)
  }

  /**
   * Puts rows aside that are at a bound and pulled further against it than any row they could move
   * with, when these are many. Then active rows are numbered anew.
   */
  shrink(): void {
    if (this.count < fewestToShrink) return
    const { state, kept } = this.#places
    const { arithmetic } = this.#heap
    const size = arithmetic.rowsToKeep(state, kept)
    if (size > (1 - leastShareToShrink) * this.count) return
    arithmetic.keepRows(state, kept, size)
    this.#words[word.count] = size
    this.#blankBeyond(size)
    this.#cache.keep(kept, size)
    this.#begin()
  }

  /** Takes up all rows again, with the pulls that follow from the coefficients. */
  restore(onCheckpoint: () => void): void {
    const active = this.count
    const isActive = new Uint8Array(this.#order.length)
    for (let t = 0; t < active; t++) isActive[this.#order[t]!] = 1
    for (let row = 0, t = active; row < isActive.length; row++) {
      if (isActive[row] === 0) this.#order[t++] = row
    }
    this.#words[word.count] = this.#order.length
    this.#writeRows()
    this.#cache.clear(this.count)
    this.#writePulls(active, onCheckpoint)
    this.#begin()
  }

  /** Σ coefficients_t x_t of the rows as they count, all of which are active. */
  combine(): Float64Array {
    const { cols } = this.#problem.X
    const sum = new Float64Array(cols)
    for (let t = 0; t < this.count; t++) {
      const coefficient = this.coefficients[this.#order[t]!]!
      if (coefficient === 0) continue
      const at = panelOffset(t, cols)
      for (let c = 0; c < cols; c++) sum[c]! += coefficient * this.#panels[at + c * panelRows]!
    }
    return sum
  }

  /** The mean pull of the free coefficients; without any, the middle of what the bounds allow. */
  intercept(): number {
    let free = 0
    let sum = 0
    let highest = -Infinity
    let lowest = Infinity
    for (let t = 0; t < this.count; t++) {
      const status = this.#statuses[t]!
      const pull = this.#pulls[t]!
      if (status === 0) {
        free++
        sum += pull
      } else if (status > 0) highest = Math.max(highest, pull)
      else lowest = Math.min(lowest, pull)
    }
    return free > 0 ? sum / free : (highest + lowest) / 2
  }

  #writeState(tolerance: number): void {
    const { kernel, X, positives } = this.#problem
    const { panels, squares, diagonal, pulls, statuses, row, order, coefficients, costs } =
      this.#places
    const places = { panels, squares, diagonal, pulls, statuses, row, order, coefficients, costs }
    for (const [name, place] of Object.entries(places)) {
      this.#words[word[name as keyof typeof places]] = place
    }
    this.#words[word.count] = this.#order.length
    this.#words[word.cols] = X.cols
    this.#words[word.positives] = positives
    this.#words[word.isLinear] = kernel.kind === 'linear' ? 1 : 0
    this.#reals[real.gamma] = kernel.kind === 'rbf' ? kernel.gamma : 0
    this.#reals[real.tolerance] = tolerance
  }

  #begin(): void {
    this.#heap.arithmetic.beginSteps(this.#places.state)
  }

  /** All rows in their order, as they count, into the panels; places beyond them become 0. */
  #writeRows(): void {
    const { X, rows, centre, length, kernel } = this.#problem
    const { incoming, panels, squares, centre: centrePlace } = this.#places
    const size = rows.length
    const part = new Int32Array(panelRows)
    for (let t = 0; t < size; t += panelRows) {
      const count = Math.min(panelRows, size - t)
      for (let k = 0; k < count; k++) part[k] = rows[this.#order[t + k]!]!
      copyRows(X, part.subarray(0, count), this.#incoming)
      for (let k = count; k < panelRows; k++) this.#incoming.set(centre, k * X.cols)
      this.#heap.arithmetic.packPanel(
        incoming,
        X.cols,
        centrePlace,
        length,
        panels + doubleBytes * panelOffset(t, X.cols),
        squares + doubleBytes * t,
      )
    }
    if (kernel.kind === 'rbf') this.#diagonal.fill(1)
    else this.#diagonal.set(this.#squares)
    this.#blankBeyond(size)
  }

  /** Makes the places of the last panel that hold no row harmless: they can neither rise nor fall. */
  #blankBeyond(size: number): void {
    const end = inPanels(size)
    this.#squares.fill(0, size, end)
    this.#diagonal.fill(0, size, end)
    this.#pulls.fill(0, size, end)
    this.#statuses.fill(NaN, size, end)
  }

  /** The pulls of the rows from `from` on: their sign less the decision that the coefficients give. */
  #writePulls(from: number, onCheckpoint?: () => void): void {
    for (let t = from; t < this.count; t++) {
      this.#pulls[t] = signOf(this.#problem, this.#order[t]!)
    }
    if (this.#problem.kernel.kind === 'linear') {
      this.#subtractProducts(this.combine(), from)
      return
    }
    const start = from - (from % panelRows)
    const before = this.#pulls.slice(start, from)
    const { pulls, state, cache } = this.#places
    const { arithmetic } = this.#heap
    const rest = inPanels(this.count) - start
    let filled = 0
    for (let s = 0; s < this.count; s++) {
      const coefficient = this.coefficients[this.#order[s]!]!
      if (coefficient === 0) continue
      if (++filled % checkInterval === 0) onCheckpoint?.()
      arithmetic.fillKernelRow(state, s, start, cache.slots)
      arithmetic.addRow(pulls + doubleBytes * start, cache.slots, rest, -coefficient)
    }
    this.#pulls.set(before, start)
  }

  #subtractProducts(weights: Float64Array, from: number): void {
    if (weights.every((weight) => weight === 0)) return
    const { cols } = this.#problem.X
    for (let t = from; t < this.count; t++) {
      const at = panelOffset(t, cols)
      let sum = 0
      for (let c = 0; c < cols; c++) sum += weights[c]! * this.#panels[at + c * panelRows]!
      this.#pulls[t]! -= sum
    }
  }
}

function placesFor(layout: Layout, size: number, cols: number, cacheSize: number): Places {
  const padded = inPanels(size)
  return {
    state: layout.reserve(solverBytes),
    panels: layout.doubles(padded * cols),
    squares: layout.doubles(padded),
    diagonal: layout.doubles(padded),
    pulls: layout.doubles(padded),
    statuses: layout.singles(padded),
    row: layout.doubles(cols),
    order: layout.integers(size),
    coefficients: layout.doubles(size),
    costs: layout.doubles(size),
    incoming: layout.doubles(panelRows * cols),
    centre: layout.doubles(cols),
    kept: layout.integers(size),
    cache: reserveCache(layout, size, cacheSize, mostBytes),
  }
}
