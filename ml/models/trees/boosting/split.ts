import { missingBin, type Binning } from './binning.ts'
import {
  constantCurvature,
  countOf,
  curvatureOf,
  leastCurvature,
  type CurvatureCode,
} from './curvature.ts'
import type { BoostingKernel, Scan } from './kernel.ts'
import { columnSize } from './memory.ts'

/** Sums of a node's rows: of gradients, and of encoded curvatures. */
export interface NodeSums {
  readonly gradient: number
  readonly curvature: number
}

/** The best way to part a node. */
export interface Split {
  readonly gain: number
  readonly column: number
  /** Bins up to this one go left; of a categorical column those of `categories`. */
  readonly bin: number
  /** A set of bins as eight words of 32 bits. */
  readonly categories: Int32Array | undefined
  readonly missingLeft: boolean
  readonly left: NodeSums
  readonly right: NodeSums
}

export interface SplitLimits {
  readonly minSamplesLeaf: number
  readonly l2Regularization: number
}

/** scikit-learn's smoothing of the order of categories, and the least rows of one. */
const categorySupport = 10
/** Keeps 0 / 0 away. */
const tiny = 1e-15

/**
 * Looks through a node's histograms for the split of the greatest gain g²/(h + l2), left and right
 * together less the node's own (Friedman 2001; Chen and Guestrin 2016, eq. 7): first along each
 * column's bins with missing values on the right, then down them with those on the left. Categories are put in
 * order of their g/h, of which the best division is one along that order (Fisher 1958).
 */
export class SplitSearch {
  readonly #binning: Binning
  readonly #kernel: BoostingKernel
  readonly #scan: Scan
  readonly #order = new CategoryOrder()
  #code = constantCurvature
  // The best so far. Plain fields, since this is written many times a node.
  #gain = 0
  #column = -1
  #bin = 0
  #missingLeft = false
  #categories: Int32Array | undefined
  #gradientLeft = 0
  #curvatureLeft = 0

  constructor(kernel: BoostingKernel, binning: Binning, limits: SplitLimits) {
    this.#kernel = kernel
    this.#binning = binning
    const { minSamplesLeaf, l2Regularization } = limits
    const node = { gradient: 0, encoded: 0, rows: 0, curvature: 0, own: 0 }
    const best = { gain: 0, gradientSum: 0, encodedSum: 0 }
    this.#scan = { ...node, ...best, ...this.#code, minSamplesLeaf, l2Regularization }
  }

  /** Takes up a tree whose curvatures are coded so. */
  begin(code: CurvatureCode): void {
    this.#code = code
    this.#scan.base = code.base
    this.#scan.unit = code.unit
  }

  /** The best split of the node whose histograms are in `slot`, among `columns`, if one gains. */
  find(slot: number, node: NodeSums, columns: ArrayLike<number>): Split | undefined {
    this.#gain = 0
    this.#column = -1
    const scan = this.#scan
    scan.gradient = node.gradient
    scan.encoded = node.curvature
    scan.rows = countOf(this.#code, node.curvature)
    scan.curvature = curvatureOf(this.#code, node.curvature)
    const weight = scan.curvature + scan.l2Regularization + tiny
    scan.own = (node.gradient * node.gradient) / weight
    const first = slot * this.#binning.edges.length * columnSize
    for (let k = 0; k < columns.length; k++) {
      const column = columns[k]!
      const at = first + column * columnSize
      if (this.#binning.isCategorical[column]) this.#alongCategories(at, column)
      else this.#alongBins(at, column)
    }
    if (this.#column < 0) return undefined
    const left = { gradient: this.#gradientLeft, curvature: this.#curvatureLeft }
    const right = {
      gradient: node.gradient - left.gradient,
      curvature: node.curvature - left.curvature,
    }
    return {
      gain: this.#gain,
      column: this.#column,
      bin: this.#bin,
      categories: this.#categories,
      // Where the fit saw none missing, they go with most of its rows.
      missingLeft: this.#binning.hasMissing[this.#column]
        ? this.#missingLeft
        : countOf(this.#code, left.curvature) > countOf(this.#code, right.curvature),
      left,
      right,
    }
  }

  #alongBins(at: number, column: number): void {
    const scan = this.#scan
    const last = this.#binning.edges[column]!.length
    const hasMissing = this.#binning.hasMissing[column] === 1
    scan.gain = this.#gain
    // Beyond the last bin all that is known goes left.
    const up = this.#kernel.scan(at, 1, hasMissing ? last + 1 : last, scan)
    if (up >= 0) this.#take(column, up, false, scan.gradientSum, scan.encodedSum)
    if (!hasMissing) return
    const down = this.#kernel.scan(at + 2 * last, -1, last, scan)
    if (down < 0) return
    const gradientLeft = scan.gradient - scan.gradientSum
    this.#take(column, last - 1 - down, true, gradientLeft, scan.encoded - scan.encodedSum)
  }

  #alongCategories(at: number, column: number): void {
    const { gradient, rows, curvature, own, minSamplesLeaf, l2Regularization } = this.#scan
    const { histograms } = this.#kernel.memory
    const order = this.#order
    const hasMissing = this.#binning.hasMissing[column] === 1
    const known = this.#binning.edges[column]!.length
    const count = order.sort(this.#code, histograms, at, known, hasMissing, rows / curvature)
    const half = (count + 1) >> 1
    for (const step of [1, -1]) {
      // The last division from above is, but for rare categories, the last one from below.
      const most = step === 1 ? half : half - 1
      let gradientLeft = 0
      let encodedLeft = 0
      let place = step === 1 ? 0 : count - 1
      for (let taken = 1; taken <= most; taken++, place += step) {
        const bin = order.bins[place]!
        gradientLeft += histograms[at + 2 * bin]!
        encodedLeft += histograms[at + 2 * bin + 1]!
        const rowsLeft = countOf(this.#code, encodedLeft)
        const curvatureLeft = curvatureOf(this.#code, encodedLeft)
        const curvatureRight = curvature - curvatureLeft
        if (rowsLeft < minSamplesLeaf || curvatureLeft < leastCurvature) continue
        if (rows - rowsLeft < minSamplesLeaf || curvatureRight < leastCurvature) break
        const gradientRight = gradient - gradientLeft
        const gain =
          (gradientLeft * gradientLeft) / (curvatureLeft + l2Regularization) +
          (gradientRight * gradientRight) / (curvatureRight + l2Regularization) -
          own
        if (gain > this.#gain) {
          this.#scan.gain = gain
          this.#take(column, 0, false, gradientLeft, encodedLeft)
          this.#categories = order.setOf(step, taken, count)
          this.#missingLeft = hasMissing && isInSet(this.#categories, 0, missingBin)
        }
      }
    }
  }

  /** Notes the split whose gain the scan has. */
  #take(
    column: number,
    bin: number,
    missingLeft: boolean,
    gradientLeft: number,
    encodedLeft: number,
  ): void {
    this.#gain = this.#scan.gain
    this.#column = column
    this.#bin = bin
    this.#missingLeft = missingLeft
    this.#categories = undefined
    this.#gradientLeft = gradientLeft
    this.#curvatureLeft = encodedLeft
  }
}

/** Whether `bin` is in the set of eight words that begins at `sets[at]`. */
export function isInSet(sets: Int32Array, at: number, bin: number): boolean {
  return ((sets[at + (bin >> 5)]! >>> (bin & 31)) & 1) === 1
}

/** A column's categories by their mean gradient, those of too few rows left out. */
class CategoryOrder {
  /** As many as there are bins, and so the keys. */
  readonly bins = new Int32Array(256)
  readonly #keys = new Float64Array(256)

  /** Puts `bins` in order; answers how many there are: none where one only would be left. */
  sort(
    code: CurvatureCode,
    histograms: Float64Array,
    at: number,
    known: number,
    hasMissing: boolean,
    rowsPerCurvature: number,
  ): number {
    let count = 0
    for (let k = 0; k < known + (hasMissing ? 1 : 0); k++) {
      const bin = k < known ? k : missingBin
      const curvature = curvatureOf(code, histograms[at + 2 * bin + 1]!)
      if (curvature * rowsPerCurvature < categorySupport) continue
      const key = histograms[at + 2 * bin]! / (curvature + categorySupport)
      let place = count++
      for (; place > 0 && this.#keys[place - 1]! > key; place--) {
        this.#keys[place] = this.#keys[place - 1]!
        this.bins[place] = this.bins[place - 1]!
      }
      this.#keys[place] = key
      this.bins[place] = bin
    }
    return count > 1 ? count : 0
  }

  /** The first `taken` bins, or the last when the step is back, as a set. */
  setOf(step: number, taken: number, count: number): Int32Array {
    const words = new Int32Array(8)
    for (let k = 0; k < taken; k++) {
      const bin = this.bins[step === 1 ? k : count - 1 - k]!
      words[bin >> 5]! |= 1 << (bin & 31)
    }
    return words
  }
}
