import type { BoostingMemory } from './memory.ts'

/**
 * The inner loops of boosting over a memory. There are two, in WebAssembly and in TypeScript, and
 * both give the same bits.
 */
export interface BoostingKernel {
  readonly memory: BoostingMemory
  /** Fills the slot's histograms with the sums over `rows[from … to)`. */
  sum(slot: number, from: number, to: number): void
  /** Takes the sums of slot `other` away from those of `slot`. */
  subtract(slot: number, other: number): void
  /**
   * Adds up the sums of up to `bins` bins of a column, from that at `histograms[at]` up, or down
   * where `step` is -1, and tries after each to part the node there. Answers how many bins before
   * the last of the best, and writes what it found to the scan; -1 where no split gains more than
   * the scan's `gain`.
   */
  scan(at: number, step: 1 | -1, bins: number, scan: Scan): number
  /**
   * Parts `rows[from … to)` by a column's bins and `goesLeft`, each side in the order in which it
   * was. Answers where the right side begins.
   */
  part(column: number, from: number, to: number): number
}

/** One pass along a column's bins. `encoded` are sums of encoded curvatures. */
export interface Scan {
  /** Of the node. */
  gradient: number
  encoded: number
  rows: number
  curvature: number
  /** The node's own g²/(h + l2). */
  own: number
  /** What the bins up to the best split sum up to. */
  gradientSum: number
  encodedSum: number
  /** The most that a split gained before; then what the best gains. */
  gain: number
  /** The tree's code of curvatures. */
  base: number
  unit: number
  /** What is the same for all nodes of a fit. */
  readonly minSamplesLeaf: number
  readonly l2Regularization: number
}
