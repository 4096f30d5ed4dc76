import type { Matrix } from '../data/matrix.ts'

/** Rows that a model may ask for when it copies them, so that no matrix of them need be held. */
export interface RowSource {
  readonly rows: number
  readonly cols: number
  /**
   * Writes rows `from` (inclusive) to `to` (exclusive) to the beginning of `out`: `cols` finite numbers
   * each, the same at every call. Throws ValueNotFinite, ValueTooLarge, FitAborted.
   */
  writeRows(from: number, to: number, out: Float64Array): void
}

/** The rows of a matrix that has been checked. */
export function rowsOfMatrix({ data, rows, cols }: Matrix): RowSource {
  return {
    rows,
    cols,
    writeRows: (from, to, out) => out.set(data.subarray(from * cols, to * cols)),
  }
}
