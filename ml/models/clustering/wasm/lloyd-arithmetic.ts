/**
 * The arithmetic of k-means over one block of memory, in which every array is given by its place in
 * bytes, a multiple of 16. There are two of these, one in WebAssembly (`lloyd.as`) and one in plain
 * TypeScript (`lloyd-plain.ts`), and both give the same bits.
 *
 * `rows` is n × cols, `centroids` k × cols, `transposed` cols × 2 · pairs with Infinity in the place
 * of a centroid that is not there, `sums` k × cols; labels are 32-bit integers, all else doubles.
 */
export interface LloydArithmetic {
  /** Takes `origin` from every row; adds what is left to `sums` and its squares to `squares`. */
  shift(rows: number, n: number, cols: number, origin: number, sums: number, squares: number): void
  /**
   * The nearest centroid of every row, the first of equals, and by how much it is nearer than the
   * next, less what rounding can do: its lead. Adds the rows to the sums and counts of their clusters.
   */
  assign(
    rows: number,
    n: number,
    cols: number,
    transposed: number,
    pairs: number,
    labels: number,
    leads: number,
    sums: number,
    counts: number,
  ): void
  /**
   * The same after centroids moved: only rows whose lead is used up are compared again. `moved` has,
   * for each cluster, all moves so far of its centroid together with the greatest of the others'; a
   * lead is kept with what this was when it was measured. How many rows changed.
   */
  reassign(
    rows: number,
    n: number,
    cols: number,
    transposed: number,
    pairs: number,
    labels: number,
    leads: number,
    sums: number,
    counts: number,
    moved: number,
  ): number
  /** The sum of the squared distances of all rows to their centroids. */
  inertia(rows: number, n: number, cols: number, centroids: number, labels: number): number
  /**
   * Adds to each of `sums` what the squared distances of all rows to the nearest centroid would add
   * up to with one more centroid, for each of 2 · pairs; `squares` has what they are without.
   */
  potentials(
    rows: number,
    n: number,
    cols: number,
    transposed: number,
    pairs: number,
    squares: number,
    sums: number,
  ): void
  /** Lowers `squares` by one more centroid; their sum. */
  claim(rows: number, n: number, cols: number, centroid: number, squares: number): number
}
