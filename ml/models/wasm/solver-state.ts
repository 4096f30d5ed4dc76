/**
 * What the arithmetic of the support vector machines' solver works on, at one place of a heap: words of
 * 32 bits, most of them places of arrays, and doubles behind them, in the order of `Solver` in
 * `solver.as`. Rows are active rows, numbered from 0; `order` says which rows of the problem they are.
 */
export const word = {
  /** Rows in panels, as doubles. */
  panels: 0,
  /** Their squared lengths. */
  squares: 1,
  /** The kernel of each row with itself. */
  diagonal: 2,
  pulls: 3,
  /** Singles: 1 where a coefficient may only rise, -1 only fall, 0 both, NaN for no row. */
  statuses: 4,
  /** Room for one row. */
  row: 5,
  order: 6,
  /** One a row of the problem, as are the costs. */
  coefficients: 7,
  costs: 8,
  /** Slots of `stride` bytes, each for a kernel row of singles. */
  slots: 9,
  stride: 10,
  /** The slot of a row, or `none`. */
  slotOf: 11,
  /** The row in a slot. */
  rowIn: 12,
  /** The slots as a list, from `oldest`, the one used longest ago, to `newest`; `none` ends it. */
  older: 13,
  newer: 14,
  capacity: 15,
  used: 16,
  newest: 17,
  oldest: 18,
  /** Active rows. */
  count: 19,
  cols: 20,
  /** Rows of the problem that are of the class +1; they come first. */
  positives: 21,
  /** 1 for the linear kernel, 0 for rbf. */
  isLinear: 22,
  /** The row of the highest pull among those that may rise, the last of equals. */
  rising: 23,
} as const

/** The doubles, counted from the beginning of the state. */
export const real = {
  gamma: 12,
  tolerance: 13,
  /** The highest pull of a row that may rise, and the lowest of one that may fall. */
  highest: 14,
  lowest: 15,
} as const

export const solverBytes = 128

/** No slot, or no row. */
export const none = -1

/** The part of the arithmetic that solves; `state` is the place of one. */
export interface SolverArithmetic {
  /** sums_j += x_ij, over row-major rows of any count, one after another. */
  sumRows(rows: number, count: number, cols: number, sums: number): void
  /** 16 row-major rows as (x - centre) / length into a panel, and their squared lengths. */
  packPanel(
    rows: number,
    cols: number,
    centre: number,
    length: number,
    panel: number,
    squares: number,
  ): void
  /** The kernel of row i with the rows from `from`, a multiple of 16, on as singles. */
  fillKernelRow(state: number, i: number, from: number, out: number): void
  /**
   * The place, as a signed word, of the kernel of row i with all rows: one that is kept, or computed
   * in the slot that was used longest ago. The row asked for before stays valid.
   */
  kernelRow(state: number, i: number): number
  /** Sets the status of every row from its coefficient, and finds the rising row and both pulls. */
  beginSteps(state: number): void
  /**
   * Takes steps, at most so many, until the highest and the lowest pull are less than the tolerance
   * apart; answers how many.
   */
  takeSteps(state: number, most: number): number
  /**
   * Writes which rows are not at rest, that is at a bound and pulled further against it than any row
   * they could move with, as ascending integers to `kept`; answers how many.
   */
  rowsToKeep(state: number, kept: number): number
  /** Moves the `count` rows at `kept` to the front; neither their statuses nor the cache. */
  keepRows(state: number, kept: number, count: number): void
  /** out_t = row_(kept_t) of singles, which may overlap where it moves towards the start. */
  keepSingles(row: number, kept: number, count: number, out: number): void
}
