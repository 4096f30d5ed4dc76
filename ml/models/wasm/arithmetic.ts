import type { SolverArithmetic } from './solver-state.ts'

/**
 * The arithmetic of the kernel machines and of logistic regression over one block of memory. Every
 * array is given by its place in bytes, a multiple of 16. There are two of these, one in WebAssembly
 * (`kernels.as`) and one in plain TypeScript (`plain.ts`), and both give the same bits.
 *
 * A matrix comes in panels: 16 rows at a time, and in a panel the 16 values of a column side by side;
 * so row i, column j of d columns stands at double 16 (d ⌊i / 16⌋ + j) + i mod 16. Counts of such
 * rows, and of everything that has a value a row, are multiples of 16. From `rowsTimes` on matrices
 * are row-major, with an even number of columns and, where nothing else is said, a count of rows
 * divisible by 4.
 */
export interface Arithmetic extends SolverArithmetic {
  /** exp(-gamma ‖x - x_t‖²) for every t as singles; `squares` holds every ‖x_t‖². */
  rbfRow(
    row: number,
    square: number,
    panels: number,
    squares: number,
    count: number,
    cols: number,
    gamma: number,
    out: number,
  ): void
  /** x · x_t for every t as singles. */
  linearRow(row: number, panels: number, count: number, cols: number, out: number): void
  /**
   * As `rbfRow`, as doubles. At `numbers` stand gamma and the row's ‖x‖²: as arguments or answers
   * they could cost an allocation each, and this is what predictions of a row come from.
   */
  rbfValues(
    row: number,
    numbers: number,
    panels: number,
    squares: number,
    count: number,
    cols: number,
    out: number,
  ): void
  /** `rbfValues` of two rows that stand one after the other, as their ‖x‖² and their values do. */
  rbfValuesOfTwo(
    row: number,
    numbers: number,
    panels: number,
    squares: number,
    count: number,
    cols: number,
    out: number,
  ): void
  /** Σ first_t second_t over any count, in eight sums, to `out`. Places may be multiples of 8. */
  dotProduct(first: number, second: number, count: number, out: number): void
  /**
   * The t of the greatest gain (top - pull_t)² / (k_ii + k_tt - 2 k_it) among those of a pull below
   * `top` that may fall, the last of equals; -1 for none. A status is 1 for what may only rise, -1
   * for what may only fall, 0 for both, and NaN for neither.
   */
  selectFalling(
    pull: number,
    status: number,
    diagonal: number,
    row: number,
    count: number,
    top: number,
    own: number,
  ): number
  /**
   * Adds step · (falling_t - rising_t) to every pull; writes the highest pull of those that may rise
   * and the lowest of those that may fall to `ends`; answers where the highest is, the last of
   * equals, or -1.
   */
  updatePulls(
    pull: number,
    status: number,
    rising: number,
    falling: number,
    count: number,
    step: number,
    ends: number,
  ): number
  /** Adds `factor` times a row of singles to doubles. */
  addRow(target: number, row: number, count: number, factor: number): void
  /** out_i = x_i · vector. */
  rowsTimes(rows: number, count: number, cols: number, vector: number, out: number): void
  /** out += Σ vector_i x_i. */
  transposedTimes(rows: number, count: number, cols: number, vector: number, out: number): void
  /** out += Σ weights_i x_i x_iᵀ, cols × cols, of which only the upper triangle counts. */
  weightedGram(rows: number, weights: number, count: number, cols: number, out: number): void
  /**
   * Copies rows of any count and number of columns to `out`, less `centre`, and puts a 1 behind each,
   * and a 0 where that makes its length even; squares += Σ (x_i - centre)².
   */
  centreRows(
    rows: number,
    count: number,
    cols: number,
    centre: number,
    out: number,
    squares: number,
  ): void
  /** e to every value, none of which is above 0; below -708 as at -708. */
  exponentials(values: number, count: number): void
  /**
   * Of each row's score s, target t (0 or 1) and weight w: w (p - t) to `residuals` and w p (1 - p)
   * to `curvatures`, where p = 1 / (1 + e^-s). Answers Σ w (log(1 + e^s) - t s).
   */
  logisticPass(
    scores: number,
    targets: number,
    weights: number,
    count: number,
    residuals: number,
    curvatures: number,
  ): number
}

/** The number of rows in a panel. */
export const panelRows = 16

/** The least number of whole panels' rows that `count` rows fit in. */
export function inPanels(count: number): number {
  return Math.ceil(count / panelRows) * panelRows
}

/** Where row i, column 0 stands in panels of d columns, in doubles; column j is 16 j further. */
export function panelOffset(i: number, cols: number): number {
  return (i >> 4) * panelRows * cols + (i & 15)
}
