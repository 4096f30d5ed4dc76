import type { Matrix } from '../data/matrix.ts'
import { permutation, seededRandom } from '../data/random.ts'
import type { Baseline, FeatureBaseline } from './baseline.ts'
import { columnsOf } from './columns.ts'
import { compareCategories } from './compare-categories.ts'
import {
  compareFeature,
  minimumValues,
  type CategoryTests,
  type Detection,
  type FeatureComparison,
  type FeatureTests,
} from './compare-feature.ts'
import { DriftError } from './errors.ts'
import { holmAdjusted } from './two-sample.ts'
import { requireBoolean, requireNumber, requireRecord } from './validation.ts'

export interface CompareBatchOptions {
  /** A 32-bit integer for the shuffles; the same rows and seed give the same report. */
  readonly seed: number
  /**
   * Whether the order of the rows is their order in time. Then the detectors run over them as they
   * are and decide too; otherwise both parts are shuffled. @default false
   */
  readonly timeOrdered?: boolean
  /** The chance of a false alarm in a batch, over all its features. @default 0.01 */
  readonly alpha?: number
  /** The least change worth an alarm, in baseline deviations. @default 0.2 */
  readonly minimumEffect?: number
}

export type DriftVerdict = 'none' | 'drift' | 'insufficient'

/** How a batch differs from a baseline; plain JSON. */
export interface DriftReport {
  readonly verdict: DriftVerdict
  /** Why, a line for each feature that drifted or could not be judged, with its numbers. */
  readonly reasons: readonly string[]
  /** Rows compared: of the baseline's sample, and of the batch. */
  readonly rows: { readonly reference: number; readonly batch: number }
  readonly timeOrdered: boolean
  readonly alpha: number
  readonly minimumEffect: number
  readonly features: readonly FeatureDrift[]
}

export interface FeatureDrift extends FeatureComparison {
  readonly name: string
  readonly verdict: DriftVerdict
  /** The Kolmogorov-Smirnov or chi-square p value after Holm's correction over the features. */
  readonly adjustedPValue: number | null
}

/**
 * Compares new rows (n × d) with the baseline of the rows a model was trained on.
 *
 * A feature drifted when its distribution differs significantly (Kolmogorov-Smirnov, Holm's
 * correction over the features, at most `alpha`) and by enough to matter (a Wasserstein distance of
 * at least `minimumEffect` baseline deviations, or a population stability index of at least 0.25).
 * Of a categorical feature it is the chi-square test with the chance of its new categories, and a
 * total variation of at least half of `minimumEffect`, which is as much for an even yes or no.
 * Of rows in time order it also drifted when Page-Hinkley or ADWIN finds, among the new rows, a
 * mean that moved by at least `minimumEffect`; of shuffled rows the detectors are reported and
 * decide nothing. Fewer than 30 usable values on either side judge nothing: 'insufficient'. The
 * batch's verdict is 'drift' when a feature drifted, else 'insufficient' when one could not be
 * judged. `docs/decisions/drift-verdict.md` has the measurements behind these rules.
 *
 * ```ts
 * import { compareBatch, makeBaseline } from 'millrace/drift'
 *
 * const rows = (shift: number) => ({
 *   data: Float64Array.from({ length: 400 }, (_, i) => Math.sin(i * i) + (i % 2) * shift),
 *   rows: 200,
 *   cols: 2,
 * })
 * const baseline = makeBaseline(rows(0), { featureNames: ['speed', 'load'], seed: 1 })
 * const report = compareBatch(baseline, rows(1), { seed: 1 })
 * console.log(report.verdict, report.features.map((feature) => feature.verdict))
 * // drift [ 'none', 'drift' ]
 * ```
 *
 * Throws DriftOptionsInvalid for an impossible option, DriftRowsInvalid for rows that do not have
 * the baseline's columns.
 */
export function compareBatch(
  baseline: Baseline,
  X: Matrix,
  options: CompareBatchOptions,
): DriftReport {
  const settings = readOptions(options)
  if (X.cols !== baseline.features.length || X.data.length !== X.rows * X.cols) {
    throw new DriftError(
      'DriftRowsInvalid',
      `the baseline has ${baseline.features.length} features, the batch is ${X.rows} × ${X.cols} ` +
        `in ${X.data.length} values`,
    )
  }
  const features = judge(compareFeatures(baseline, X, settings), baseline, settings)
  return {
    verdict: overallVerdict(features),
    reasons: features.flatMap((feature, j) => reasonsFor(feature, baseline.features[j]!, settings)),
    rows: { reference: baseline.sample.rows, batch: X.rows },
    timeOrdered: settings.timeOrdered,
    alpha: settings.alpha,
    minimumEffect: settings.minimumEffect,
    features,
  }
}

type Settings = Required<CompareBatchOptions>

function compareFeatures(baseline: Baseline, X: Matrix, settings: Settings): FeatureComparison[] {
  const random = seededRandom(settings.seed)
  const inOrder = (m: Matrix) =>
    columnsOf(m, settings.timeOrdered ? undefined : permutation(m.rows, random))
  const reference = inOrder(baseline.sample)
  const batch = inOrder(X)
  return baseline.features.map((feature, j) =>
    feature.categories === null
      ? compareFeature(feature, reference[j]!, batch[j]!, settings)
      : compareCategories(feature.categories, reference[j]!, batch[j]!),
  )
}

function judge(
  compared: readonly FeatureComparison[],
  baseline: Baseline,
  settings: Settings,
): FeatureDrift[] {
  const pValues = compared.map(
    ({ tests, categoryTests }) => (tests?.kolmogorovSmirnov ?? categoryTests)?.pValue ?? null,
  )
  const adjusted = holmAdjusted(pValues.filter((pValue) => pValue !== null)).values()
  return compared.map((feature, j) => {
    const { name } = baseline.features[j]!
    const adjustedPValue = pValues[j] === null ? null : adjusted.next().value!
    return {
      name,
      verdict: verdictOn(feature, adjustedPValue, settings),
      adjustedPValue,
      ...feature,
    }
  })
}

function verdictOn(
  { tests, categoryTests }: FeatureComparison,
  adjustedPValue: number | null,
  { alpha, minimumEffect, timeOrdered }: Settings,
): DriftVerdict {
  if (adjustedPValue === null) return 'insufficient'
  if (categoryTests !== null) {
    const { totalVariation, psi } = categoryTests
    const matters = totalVariation >= minimumEffect / 2 || psi >= largePsi
    return adjustedPValue <= alpha && matters ? 'drift' : 'none'
  }
  if (tests === null) return 'insufficient'
  const matters = tests.wasserstein >= minimumEffect || tests.psi >= largePsi
  if (adjustedPValue <= alpha && matters) return 'drift'
  return timeOrdered && firings(tests).length > 0 ? 'drift' : 'none'
}

function overallVerdict(features: readonly FeatureDrift[]): DriftVerdict {
  const has = (wanted: DriftVerdict) => features.some(({ verdict }) => verdict === wanted)
  if (has('drift')) return 'drift'
  return has('insufficient') ? 'insufficient' : 'none'
}

function reasonsFor(
  feature: FeatureDrift,
  baseline: FeatureBaseline,
  { alpha }: Settings,
): string[] {
  const label = `feature ${JSON.stringify(feature.name)}`
  const { tests, categoryTests, adjustedPValue, verdict } = feature
  if (verdict === 'none') return []
  if (categoryTests !== null) {
    return [`${label} drifted: ${categoryNumbers(categoryTests, adjustedPValue, alpha)}`]
  }
  if (tests === null) {
    return [
      `${label} cannot be judged: ${feature.count} usable new values against ` +
        `${feature.referenceCount} of the baseline, at least ${minimumValues} each are needed`,
    ]
  }
  const numbers = [
    `mean ${short(baseline.mean)} to ${short(feature.mean)}`,
    `Kolmogorov-Smirnov D = ${short(tests.kolmogorovSmirnov.statistic)}`,
    `p = ${short(adjustedPValue)} after correction (level ${alpha})`,
    `Wasserstein ${short(tests.wasserstein)} deviations`,
    `PSI ${short(tests.psi)}`,
    ...firings(tests),
  ]
  return [`${label} drifted: ${numbers.join(', ')}`]
}

function categoryNumbers(tests: CategoryTests, pValue: number | null, alpha: number): string {
  const { chiSquare, newShare, totalVariation, psi, mostChanged } = tests
  const { label, before, after } = mostChanged
  const category = label === null ? 'new categories' : `category ${JSON.stringify(label)}`
  return [
    `${category} from ${percent(before)} to ${percent(after)}`,
    `chi-square ${short(chiSquare.statistic)} of ${chiSquare.degreesOfFreedom} degrees`,
    `${percent(newShare)} in new categories`,
    `p = ${short(pValue)} after correction (level ${alpha})`,
    `total variation ${short(totalVariation)}`,
    `PSI ${short(psi)}`,
  ].join(', ')
}

function percent(share: number): string {
  return `${short(100 * share)}%`
}

function firings({ pageHinkley, adwin }: FeatureTests): string[] {
  const firing = (name: string, { detectedAt }: Detection) =>
    detectedAt === null ? [] : [`${name} fired at new row ${detectedAt}`]
  return [...firing('Page-Hinkley', pageHinkley), ...firing('ADWIN', adwin)]
}

function short(value: number | null): string {
  return value === null ? 'none' : String(Number(value.toPrecision(3)))
}

function readOptions(options: CompareBatchOptions): Settings {
  const error = 'DriftOptionsInvalid'
  const known = ['seed', 'timeOrdered', 'alpha', 'minimumEffect']
  requireRecord(error, 'compareBatch options', options, known)
  const { seed, timeOrdered = false, alpha = 0.01, minimumEffect = 0.2 } = options
  return {
    seed: requireNumber(error, 'seed', seed, { integer: true }),
    timeOrdered: requireBoolean(error, 'timeOrdered', timeOrdered),
    alpha: requireNumber(error, 'alpha', alpha, { above: 0, below: 1 }),
    minimumEffect: requireNumber(error, 'minimumEffect', minimumEffect, { above: 0, most: 4 }),
  }
}

/** By custom a large shift. */
const largePsi = 0.25
