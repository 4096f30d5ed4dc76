import type { Matrix } from '../../../data/matrix.ts'
import { permutation, type Random } from '../../../data/random.ts'
import { checkpoint, type FitOptions } from '../../classifier.ts'
import { ModelError } from '../../errors.ts'
import { columnPlaces } from './memory.ts'

/** The bin of a missing value, beyond all others: a bin is a byte. */
export const missingBin = 255
export const mostBins = 255
/** Columns of more rows are binned by the quantiles of so many of them. */
const rowsForBins = 200_000

/** How the values of each column become bins. */
export interface Binning {
  /**
   * Of a column of quantities the upper bounds of all bins but the last, ascending: a value is in
   * the first bin whose bound it does not pass. Of a categorical column its categories, ascending.
   */
  readonly edges: readonly Float64Array[]
  readonly isCategorical: Uint8Array
  /** Whether a value was missing, by column. */
  readonly hasMissing: Uint8Array
}

/**
 * Bins for the `rows` of X: one a value where a column has at most `maxBins` different ones, else
 * of equal numbers of rows. Throws OptionInvalid for a categorical column that is not there, or of
 * more than `maxBins` categories, and FitAborted.
 */
export function chooseBins(
  X: Matrix,
  rows: Int32Array,
  maxBins: number,
  categoricalFeatures: readonly number[],
  random: Random,
  options: FitOptions = {},
): Binning {
  const isCategorical = categoricalColumns(categoricalFeatures, X.cols)
  const hasMissing = new Uint8Array(X.cols)
  const sample =
    rows.length <= rowsForBins
      ? rows
      : permutation(rows.length, random)
          .subarray(0, rowsForBins)
          .map((at) => rows[at]!)
  const values = new Float64Array(rows.length)
  const edges = Array.from({ length: X.cols }, (_, column) => {
    checkpoint(options, { fraction: 0, iterations: 0 })
    const known = gather(X, rows, column, values)
    if (known < rows.length) hasMissing[column] = 1
    if (isCategorical[column]) {
      return categoriesOf(values.subarray(0, known).sort(), maxBins, column)
    }
    const sampled = sample === rows ? known : gather(X, sample, column, values)
    return boundsOf(values.subarray(0, sampled).sort(), maxBins)
  })
  return { edges, isCategorical, hasMissing }
}

/** Writes the bin of every row and column, as `columnPlaces` lays them out. Throws FitAborted. */
export function fillBins(
  X: Matrix,
  rows: Int32Array,
  binning: Binning,
  bins: Uint8Array,
  options: FitOptions = {},
): void {
  const { starts, strides } = columnPlaces(rows.length, X.cols)
  for (let column = 0; column < X.cols; column++) {
    checkpoint(options, { fraction: 0, iterations: 0 })
    const edges = binning.edges[column]!
    const isCategorical = binning.isCategorical[column] === 1
    const start = starts[column]!
    const stride = strides[column]!
    for (let k = 0; k < rows.length; k++) {
      const value = X.data[rows[k]! * X.cols + column]!
      let bin = missingBin
      if (isCategorical) bin = categoryOf(edges, value)
      else if (!Number.isNaN(value)) bin = binOf(edges, value)
      bins[start + k * stride] = bin
    }
  }
}

/** The bin of a quantity: how many of the ascending `edges` it passes. */
export function binOf(edges: Float64Array, value: number): number {
  let low = 0
  let high = edges.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (value > edges[middle]!) low = middle + 1
    else high = middle
  }
  return low
}

/** The number of the category, or `missingBin` for one that is none of `categories[from … to)`. */
export function categoryOf(
  categories: Float64Array,
  value: number,
  from = 0,
  to = categories.length,
): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >> 1
    if (categories[middle]! < value) low = middle + 1
    else high = middle
  }
  return low < to && categories[low] === value ? low - from : missingBin
}

function categoricalColumns(columns: readonly number[], cols: number): Uint8Array {
  const isCategorical = new Uint8Array(cols)
  for (const column of columns) {
    if (column >= cols) {
      throw new ModelError(
        'OptionInvalid',
        `categoricalFeatures names column ${column}, and there are ${cols}`,
      )
    }
    isCategorical[column] = 1
  }
  return isCategorical
}

/** Writes the column's values that are not missing; answers how many. */
function gather(X: Matrix, rows: Int32Array, column: number, out: Float64Array): number {
  let count = 0
  for (const row of rows) {
    const value = X.data[row * X.cols + column]!
    out[count] = value
    if (!Number.isNaN(value)) count++
  }
  return count
}

function categoriesOf(sorted: Float64Array, maxBins: number, column: number): Float64Array {
  const categories = distinctOf(sorted, maxBins)
  if (categories) return categories
  throw new ModelError(
    'OptionInvalid',
    `categoricalFeatures names column ${column}, which has more than maxBins = ${maxBins} categories`,
  )
}

function boundsOf(sorted: Float64Array, maxBins: number): Float64Array {
  const distinct = distinctOf(sorted, maxBins)
  const bounds = new Set<number>()
  if (distinct) {
    for (let k = 1; k < distinct.length; k++) bounds.add(middleOf(distinct[k - 1]!, distinct[k]!))
  } else {
    for (let bin = 1; bin < maxBins; bin++) bounds.add(quantile(sorted, bin, maxBins))
  }
  return Float64Array.from(bounds)
}

/** The different values, or nothing where they are more than `most`. */
function distinctOf(sorted: Float64Array, most: number): Float64Array | undefined {
  const distinct: number[] = []
  for (const value of sorted) {
    if (distinct.length > 0 && distinct.at(-1) === value) continue
    if (distinct.length === most) return undefined
    distinct.push(value)
  }
  return Float64Array.from(distinct)
}

/**
 * The value that `part` of `parts` of the rows do not pass: NumPy's "averaged_inverted_cdf" of a
 * percentage, with the same rounding, since that decides whether two values are averaged.
 */
function quantile(sorted: Float64Array, part: number, parts: number): number {
  const place = sorted.length * ((part * (100 / parts)) / 100) - 1
  const at = Math.floor(place)
  return place === at ? middleOf(sorted[at]!, sorted[at + 1]!) : sorted[at + 1]!
}

function middleOf(a: number, b: number): number {
  return a + (b - a) / 2
}
