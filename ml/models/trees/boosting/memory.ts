/** Numbers of a histogram for one column: two for each of 256 bins. */
export const columnSize = 512

/**
 * The arrays over which trees are grown. Bins lie in groups of up to 8 columns, and within a group
 * row by row, so that one row's bins are read at once.
 */
export interface BoostingMemory {
  readonly bins: Uint8Array
  /** For each row its gradient, and its curvature and count as one number (see `curvature.ts`). */
  readonly gradients: Float64Array
  /** The rows, those of a node next to each other. */
  readonly rows: Int32Array
  /** Whether each of 256 bins goes left, while a node is parted. */
  readonly goesLeft: Uint8Array
  /** Slots of `columns × columnSize` numbers: sums of gradients and of the other, bin by bin. */
  readonly histograms: Float64Array
}

/** What there is room for. */
export interface BoostingSize {
  readonly rows: number
  readonly columns: number
  readonly slots: number
}

/** Up to 8 columns, and where in `bins` their rows begin. */
export interface ColumnGroup {
  readonly first: number
  readonly width: number
  readonly start: number
}

/** Groups of 8 columns, and of 4, 2 and 1 for those that are left. */
export function columnGroups(rows: number, columns: number): ColumnGroup[] {
  const groups: ColumnGroup[] = []
  for (let first = 0; first < columns;) {
    const left = columns - first
    const width = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1
    groups.push({ first, width, start: first * rows })
    first += width
  }
  return groups
}

/** The bin of column j and row i is `bins[starts[j] + i · strides[j]]`. */
export interface ColumnPlaces {
  readonly starts: Float64Array
  readonly strides: Int32Array
}

export function columnPlaces(rows: number, columns: number): ColumnPlaces {
  // A start can be beyond 32 bits.
  const starts = new Float64Array(columns)
  const strides = new Int32Array(columns)
  for (const { first, width, start } of columnGroups(rows, columns)) {
    for (let c = 0; c < width; c++) {
      starts[first + c] = start + c
      strides[first + c] = width
    }
  }
  return { starts, strides }
}
