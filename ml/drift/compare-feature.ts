import { ADWIN } from './adwin.ts'
import { countQuantileBins, type FeatureBaseline } from './baseline.ts'
import type { ChiSquare } from './chi-square.ts'
import { deviationOf, isUsable, meanOf, sortedUsable } from './columns.ts'
import { PageHinkley } from './page-hinkley.ts'
import { kolmogorovSmirnov, populationStabilityIndex, wasserstein } from './two-sample.ts'

/** One feature of a batch beside its baseline; plain JSON. */
export interface FeatureComparison {
  /** Usable values of the baseline's sample. */
  readonly referenceCount: number
  /** Usable values of the batch: finite, of magnitude at most 1e140. */
  readonly count: number
  /** All other values of the batch. */
  readonly missing: number
  /** Of the batch; null without a usable value. */
  readonly mean: number | null
  readonly deviation: number | null
  /** Null of categories, and with fewer than 30 usable values on either side. */
  readonly tests: FeatureTests | null
  /** Null of quantities, and with fewer than 30 usable values on either side. */
  readonly categoryTests: CategoryTests | null
}

export interface FeatureTests {
  readonly kolmogorovSmirnov: { readonly statistic: number; readonly pValue: number }
  /** Population stability index over the baseline's deciles. */
  readonly psi: number
  /** Wasserstein distance, in baseline deviations. */
  readonly wasserstein: number
  readonly pageHinkley: Detection
  readonly adwin: Detection
}

/** How the categories of a batch differ from the baseline's; plain JSON. */
export interface CategoryTests {
  /** Of the categories that the baseline knows. */
  readonly chiSquare: ChiSquare
  /** The share of the batch's values in categories that the baseline does not know. */
  readonly newShare: number
  /** Of both together: the chance of a chi-square, or of new ones, as large as this. */
  readonly pValue: number
  /** The share of values that would have to be in another category for the two to be alike. */
  readonly totalVariation: number
  /** Population stability index over the categories, new ones as one. */
  readonly psi: number
  /** The category whose share changed most, and its shares; null for the new ones. */
  readonly mostChanged: {
    readonly label: string | null
    readonly before: number
    readonly after: number
  }
}

export interface Detection {
  /**
   * The new row at which it fired first, counted from 0 in the order they were run; null if it did
   * not. Rows in time order are all run, of shuffled ones the first 10,000.
   */
  readonly detectedAt: number | null
}

export interface ComparisonSettings {
  readonly timeOrdered: boolean
  readonly minimumEffect: number
}

/** Fewer values than this judge nothing. */
export const minimumValues = 30

/**
 * Compares the values of one feature: those of the baseline's sample and the new ones, each in the
 * order in which the detectors are to see them. Both columns' memory is reused.
 */
export function compareFeature(
  feature: FeatureBaseline,
  referenceColumn: Float64Array,
  batchColumn: Float64Array,
  settings: ComparisonSettings,
): FeatureComparison {
  const scale = scaleOf(feature, batchColumn)
  const shown = batchColumn.subarray(0, settings.timeOrdered ? undefined : shuffledRows)
  // Before the columns are sorted, as the detectors need the order.
  const standardReference = standardized(referenceColumn, scale)
  const standardBatch = standardized(shown, scale)
  const reference = sortedUsable(referenceColumn)
  const batch = sortedUsable(batchColumn)
  const { edges, counts } = feature.quantileBins
  const sufficient = Math.min(reference.length, batch.length) >= minimumValues
  return {
    referenceCount: reference.length,
    count: batch.length,
    missing: batchColumn.length - batch.length,
    mean: batch.length === 0 ? null : meanOf(batch),
    deviation: batch.length === 0 ? null : deviationOf(batch),
    tests: sufficient
      ? {
          kolmogorovSmirnov: kolmogorovSmirnov(reference, batch),
          psi: populationStabilityIndex(counts, countQuantileBins(batch, feature.min, edges)),
          wasserstein: Math.min(wasserstein(reference, batch) / scale.unit, Number.MAX_VALUE),
          ...detect(standardReference, standardBatch, settings.minimumEffect),
        }
      : null,
    categoryTests: null,
  }
}

/** Of rows in random order so many tell as much as all, and the detectors decide nothing there. */
const shuffledRows = 10_000

interface Scale {
  readonly mean: number
  readonly unit: number
}

/**
 * The baseline's deviation is the unit of change. A constant feature has none: there the range of
 * old and new values together takes its place.
 */
function scaleOf(feature: FeatureBaseline, batchColumn: Float64Array): Scale {
  if (feature.deviation > 0) return { mean: feature.mean, unit: feature.deviation }
  let { min, max } = feature
  for (const value of batchColumn) {
    if (!isUsable(value)) continue
    if (value < min) min = value
    if (value > max) max = value
  }
  return { mean: feature.mean, unit: max > min ? max - min : 1 }
}

/**
 * Standard values within ±4, so that a few outliers of a heavy tail are not a change of mean; NaN
 * where the value is not usable.
 */
function standardized(column: Float64Array, { mean, unit }: Scale): Float64Array {
  const standard = new Float64Array(column.length)
  for (let i = 0; i < column.length; i++) {
    const value = column[i]!
    standard[i] = isUsable(value) ? Math.max(-4, Math.min(4, (value - mean) / unit)) : NaN
  }
  return standard
}

function detect(
  reference: Float64Array,
  batch: Float64Array,
  minimumEffect: number,
): Pick<FeatureTests, 'pageHinkley' | 'adwin'> {
  // A mean that wanders by less than delta sums up to nothing, so that whatever fires has moved by
  // more. With a forgetting factor below 1 every long stationary stream fires in the end.
  const pageHinkley = new PageHinkley({
    delta: minimumEffect,
    threshold: 10 / minimumEffect,
    alpha: 1,
    nonFinite: 'skip',
  })
  const adwin = new ADWIN({ nonFinite: 'skip' })
  const before = meanOf(reference.filter(isUsable))
  const hasMoved = () => Math.abs(adwin.estimation - before) >= minimumEffect
  for (const value of reference) {
    pageHinkley.update(value)
    adwin.update(value)
  }
  let byPageHinkley: number | null = null
  let byAdwin: number | null = null
  for (let i = 0; i < batch.length; i++) {
    if (byPageHinkley === null && pageHinkley.update(batch[i]!)) byPageHinkley = i
    if (byAdwin === null && adwin.update(batch[i]!) && hasMoved()) byAdwin = i
    if (byPageHinkley !== null && byAdwin !== null) break
  }
  return { pageHinkley: { detectedAt: byPageHinkley }, adwin: { detectedAt: byAdwin } }
}
