/**
 * The inner loops of random cuts over one block of memory, in which every array is given by its place
 * in bytes, a multiple of 8. There are two of these, one in WebAssembly (`cuts.as`) and one in plain
 * TypeScript (`cuts-plain.ts`), and both give the same bits. Weights are whole numbers.
 */
export interface CutArithmetic {
  /** Writes the least and the greatest of at least one value. */
  range(values: number, count: number, out: number): void
  /**
   * Of rows that stand class by class, the last of class c before `ends[c]` (32-bit integers): writes
   * for each class what the rows of at most `threshold` weigh; answers how many these are.
   */
  cutClasses(
    values: number,
    ends: number,
    classes: number,
    threshold: number,
    weights: number,
    left: number,
  ): number
  /** Writes the weights and the sums of the rows of at most `threshold`; answers how many these are. */
  cutSums(
    values: number,
    count: number,
    threshold: number,
    weights: number,
    sums: number,
    left: number,
  ): number
}
