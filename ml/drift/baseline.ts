import { takeRows, type Matrix } from '../data/matrix.ts'
import { permutation, seededRandom } from '../data/random.ts'
import {
  countCategories,
  countBelow,
  countUpTo,
  deviationOf,
  eachColumn,
  meanOf,
  quantileOf,
  sortedUsable,
} from './columns.ts'
import { DriftError } from './errors.ts'
import { requireNumber, requireRecord } from './validation.ts'

/** What a model was trained on, as far as telling new rows from it needs. */
export interface Baseline {
  /** The rows it was made from. */
  readonly rows: number
  readonly features: readonly FeatureBaseline[]
  /** Rows drawn at random without replacement, in their original order: `sampleRows × features`. */
  readonly sample: Matrix
  /** What the model was to predict of all rows; null where not told. */
  readonly target: FeatureBaseline | null
  /** What it predicts of the sample's rows; null where not told. */
  readonly predictions: FeatureBaseline | null
}

/** One feature over all rows. Without a usable value its numbers are 0 and its lists empty. */
export interface FeatureBaseline {
  readonly name: string
  /** Usable values: finite, of magnitude at most 1e140. */
  readonly count: number
  /** All other values. */
  readonly missing: number
  readonly mean: number
  /** The population standard deviation; 0 for a constant feature. */
  readonly deviation: number
  readonly min: number
  readonly max: number
  /** The 11 deciles, from the least value to the greatest. */
  readonly quantiles: readonly number[]
  /** 20 bins of equal width from the least value to the greatest; one for a constant feature. */
  readonly histogram: Histogram
  /**
   * Bins between the distinct deciles, for the population stability index: below the least value,
   * up to each of `edges` (included), above the greatest; two more `counts` than `edges`.
   */
  readonly quantileBins: Histogram
  /** Of values that are numbers of categories; null for quantities. */
  readonly categories: CategoryCounts | null
}

/** A category is its index in both lists; values beyond are in none. */
export interface CategoryCounts {
  readonly labels: readonly string[]
  readonly counts: readonly number[]
}

export interface Histogram {
  readonly edges: readonly number[]
  readonly counts: readonly number[]
}

export interface BaselineOptions {
  /** A name for each column. */
  readonly featureNames: readonly string[]
  /** A 32-bit integer; the same rows and seed give the same sample. */
  readonly seed: number
  /** Rows to keep for two-sample tests; all where there are fewer. @default 1000 */
  readonly sampleRows?: number
  /** The labels of each column whose values are their indices; null for quantities. */
  readonly categories?: readonly (readonly string[] | null)[] | null
  /** What the model is to predict of the rows. @default null */
  readonly target?: SketchedColumn | null
}

export interface SketchedPredictions {
  /** A model's answer to one row. */
  readonly predict: (row: Float64Array) => number
  /** The labels whose indices the answers are; null for quantities. */
  readonly categories: readonly string[] | null
}

export interface SketchedColumn {
  readonly name: string
  readonly values: Float64Array
  /** The labels whose indices the values are; null for quantities. */
  readonly categories: readonly string[] | null
}

/**
 * The baseline of the rows `X` (n × d).
 *
 * Throws DriftOptionsInvalid for an impossible option, DriftRowsInvalid for rows that do not fit
 * the names.
 */
export function makeBaseline(X: Matrix, options: BaselineOptions): Baseline {
  const { featureNames, seed, sampleRows, categories, target } = readOptions(options)
  if (X.cols === 0 || X.cols !== featureNames.length || X.data.length !== X.rows * X.cols) {
    throw new DriftError(
      'DriftRowsInvalid',
      `a baseline needs a name for each of at least one column, got ${featureNames.length} names ` +
        `for ${X.rows} × ${X.cols} in ${X.data.length} values`,
    )
  }
  const drawn = permutation(X.rows, seededRandom(seed)).subarray(0, sampleRows).sort()
  const features = Array.from(eachColumn(X), (column, j) =>
    describeFeature(featureNames[j]!, column, categories?.[j] ?? null),
  )
  return {
    rows: X.rows,
    features,
    sample: takeRows(X, drawn),
    target: target && sketch(target),
    predictions: null,
  }
}

/** The baseline with what a model predicts for the rows of its sample. */
export function withPredictions(
  baseline: Baseline,
  { predict, categories }: SketchedPredictions,
): Baseline {
  const { rows, cols, data } = baseline.sample
  const values = Float64Array.from({ length: rows }, (_, i) =>
    predict(data.subarray(i * cols, (i + 1) * cols)),
  )
  return { ...baseline, predictions: sketch({ name: 'prediction', values, categories }) }
}

/** The counts of ascending values in a feature's quantile bins. */
export function countQuantileBins(sorted: Float64Array, min: number, edges: readonly number[]) {
  const upTo = [
    countBelow(sorted, min),
    ...edges.map((edge) => countUpTo(sorted, edge)),
    sorted.length,
  ]
  return upTo.map((count, bin) => count - (upTo[bin - 1] ?? 0))
}

function sketch({ name, values, categories }: SketchedColumn): FeatureBaseline {
  // A copy, as its memory is sorted.
  return describeFeature(name, values.slice(), categories)
}

function describeFeature(
  name: string,
  column: Float64Array,
  labels: readonly string[] | null,
): FeatureBaseline {
  const categories = labels && {
    labels,
    counts: countCategories(column, labels.length).slice(0, labels.length),
  }
  const sorted = sortedUsable(column)
  const count = sorted.length
  const missing = column.length - count
  if (count === 0) {
    const none = { edges: [], counts: [] }
    const numbers = { mean: 0, deviation: 0, min: 0, max: 0 }
    return {
      name,
      count,
      missing,
      ...numbers,
      quantiles: [],
      histogram: none,
      quantileBins: none,
      categories,
    }
  }
  const min = sorted[0]!
  const max = sorted[count - 1]!
  const quantiles = Array.from({ length: 11 }, (_, i) => quantileOf(sorted, i / 10))
  const edges = [...new Set(quantiles.slice(1))]
  return {
    name,
    count,
    missing,
    mean: meanOf(sorted),
    deviation: deviationOf(sorted),
    min,
    max,
    quantiles,
    histogram: histogramOf(sorted),
    quantileBins: { edges, counts: countQuantileBins(sorted, min, edges) },
    categories,
  }
}

function histogramOf(sorted: Float64Array): Histogram {
  const min = sorted[0]!
  const max = sorted.at(-1)!
  if (min === max) return { edges: [min, max], counts: [sorted.length] }
  const edges = Array.from({ length: histogramBins + 1 }, (_, i) =>
    i === histogramBins ? max : min + (max - min) * (i / histogramBins),
  )
  const below = edges.map((edge, i) =>
    i === histogramBins ? sorted.length : countBelow(sorted, edge),
  )
  return { edges, counts: below.slice(1).map((count, bin) => count - below[bin]!) }
}

function readOptions(options: BaselineOptions): Required<BaselineOptions> {
  const error = 'DriftOptionsInvalid'
  const known = ['featureNames', 'seed', 'sampleRows', 'categories', 'target']
  requireRecord(error, 'makeBaseline options', options, known)
  const { featureNames, seed, sampleRows = 1000 } = options
  const { categories = null, target = null } = options
  if (!Array.isArray(featureNames) || !featureNames.every((name) => typeof name === 'string')) {
    throw new DriftError(error, 'featureNames must be an array of strings')
  }
  if (categories !== null && categories.length !== featureNames.length) {
    throw new DriftError(
      error,
      `categories must be told for ${featureNames.length} features, got ${categories.length}`,
    )
  }
  return {
    featureNames,
    categories,
    target,
    seed: requireNumber(error, 'seed', seed, { integer: true }),
    sampleRows: requireNumber(error, 'sampleRows', sampleRows, {
      least: 1,
      most: 1_000_000,
      integer: true,
    }),
  }
}

const histogramBins = 20
