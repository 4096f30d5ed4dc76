import {
  histogram,
  takeRows,
  takeValues,
  type Matrix,
  type ValueHistogram,
} from '../../ml/data/index.ts'
import {
  averagePrecision,
  calibrationCurve,
  expectedCalibrationError,
  isModelError,
  permutationImportance,
  precisionRecallCurve,
  rocAuc,
  rocCurve,
  type CalibrationCurve,
} from '../../ml/models/index.ts'
import { isLessBetter, valueOf } from '../chosen-metric.ts'
import type { Answers } from '../compare-answers.ts'
import { classLabel } from '../dataset.ts'
import { answersOf, metricsOf, type Rows } from '../judge-models.ts'
import type { LoadedModel } from '../model-artifact.ts'
import type { MetricName, ModelMetrics } from '../shapes.ts'
import { drawnRows } from '../silhouette.ts'
import { thinnedCurve, type Curve } from './thinned-curve.ts'

/** Classes that are told one by one: those of the most held-out rows. */
export const maxClasses = 20

/** Features whose importance is measured: the first. */
export const maxImportances = 50

/** Held-out rows that importances are measured on at most, and are even with a large model. */
const importanceRows = { most: 500, least: 50 }

const importanceRepeats = 5

/** Numbers of a model file that importances may read in all, as far as can be told: some seconds. */
const importanceBudget = 5e9

/** Points of residuals that are drawn. */
const maxPoints = 800

const calibrationBins = 10

/** How a model did on its held-out rows, in numbers. */
export interface EvaluationSummary {
  readonly metrics: ModelMetrics
  readonly classes: ClassesSummary | null
  readonly residuals: ResidualsSummary | null
  readonly importances: Importances | null
}

export interface ClassesSummary {
  readonly shown: readonly ClassSummary[]
  readonly inAll: number
  /** Rows by actual (row) and answered class (column), of those shown, and of all others last. */
  readonly confusion: { readonly labels: readonly string[]; readonly counts: number[][] }
  /** Of two classes that of the one that comes last, of more that of the answers being right. */
  readonly calibration: {
    readonly of: string
    readonly curve: CalibrationCurve
    /** The mean distance from what was observed. */
    readonly error: number
  } | null
}

export interface ClassSummary {
  readonly label: string
  readonly rows: number
  readonly precision: number
  readonly recall: number
  readonly f1: number
  /** Against all other classes; null without probabilities, or where all rows or none are of it. */
  readonly ranking: {
    readonly auc: number
    readonly averagePrecision: number
    readonly roc: Curve
    readonly precisionRecall: Curve
  } | null
}

/** Of a quantity; a residual is the target minus the answer. */
export interface ResidualsSummary {
  readonly histogram: ValueHistogram
  /** The least, three quartiles between, and the greatest. */
  readonly quartiles: readonly number[]
  readonly mean: number
  /** Of rows drawn at random. */
  readonly target: Float64Array
  readonly predicted: Float64Array
}

export interface Importances {
  readonly metric: MetricName
  readonly rows: number
  readonly repeats: number
  readonly featuresInAll: number
  /** The most important first. */
  readonly features: readonly {
    readonly name: string
    readonly mean: number
    readonly deviation: number
  }[]
}

/** Judges a model on rows that it did not learn from; at least one. */
export function summarizeEvaluation(
  model: LoadedModel,
  rows: Rows,
  by: { readonly metric: MetricName; readonly seed: number; readonly modelBytes: number },
): EvaluationSummary {
  const answers = answersOf(model, rows.features, model, rows)
  const metrics = metricsOf(model, rows, answers)
  return {
    metrics,
    classes: metrics.task === 'classification' ? classesSummary(rows, answers, metrics) : null,
    residuals: metrics.task === 'regression' ? residualsSummary(rows, answers, by.seed) : null,
    importances: metrics.task === 'clustering' ? null : importancesOf(model, rows, by),
  }
}

function classesSummary(
  { dataset, target, classes }: Rows,
  { predicted, probabilities }: Answers,
  { perClass }: Extract<ModelMetrics, { task: 'classification' }>,
): ClassesSummary {
  const places = perClass
    .map((one, place) => ({ ...one, place }))
    .sort((a, b) => b.support - a.support)
    .slice(0, maxClasses)
    .sort((a, b) => a.place - b.place)
  const shown = places.map(({ place, label, support, precision, recall, f1 }): ClassSummary => {
    const scores = probabilities && columnOf(probabilities, place)
    const ranking = scores === undefined ? null : rankingOf(target, scores, classes[place]!)
    return { label, rows: support, precision, recall, f1, ranking }
  })
  const values = places.map(({ place }) => classes[place]!)
  return {
    shown,
    inAll: perClass.length,
    confusion: {
      labels: [
        ...shown.map(({ label }) => label),
        ...(perClass.length > shown.length ? ['(others)'] : []),
      ],
      counts: confusionOf(target, predicted, values, perClass.length > shown.length),
    },
    calibration: calibrationOf(),
  }

  function calibrationOf(): ClassesSummary['calibration'] {
    if (probabilities === undefined || target.length === 0) return null
    const bins = { bins: calibrationBins }
    const isBinary = classes.length === 2
    const given = isBinary ? columnOf(probabilities, 1) : greatestOf(probabilities)
    const truth = isBinary
      ? target.map((value) => (value === classes[1] ? 1 : 0))
      : target.map((value, i) => (value === predicted[i] ? 1 : 0))
    return {
      of: isBinary ? `the class ${classLabel(dataset, classes[1]!)}` : 'the answered class',
      curve: calibrationCurve(truth, given, 1, bins),
      error: expectedCalibrationError(truth, given, 1, bins),
    }
  }
}

function confusionOf(
  target: Float64Array,
  predicted: Float64Array,
  values: readonly number[],
  hasOthers: boolean,
): number[][] {
  const placeOf = new Map(values.map((value, place) => [value, place]))
  const size = values.length + (hasOthers ? 1 : 0)
  const counts = Array.from({ length: size }, () => Array.from({ length: size }, () => 0))
  target.forEach((value, i) => {
    counts[placeOf.get(value) ?? size - 1]![placeOf.get(predicted[i]!) ?? size - 1]!++
  })
  return counts
}

function rankingOf(
  target: Float64Array,
  scores: Float64Array,
  positive: number,
): ClassSummary['ranking'] {
  try {
    const { falsePositiveRate, truePositiveRate } = rocCurve(target, scores, positive)
    const { recall, precision } = precisionRecallCurve(target, scores, positive)
    return {
      auc: rocAuc(target, scores, positive),
      averagePrecision: averagePrecision(target, scores, positive),
      roc: thinnedCurve(falsePositiveRate, truePositiveRate),
      precisionRecall: thinnedCurve(recall, precision),
    }
  } catch (error) {
    if (isModelError(error)) return null
    throw error
  }
}

function residualsSummary(
  { target }: Rows,
  { predicted }: Answers,
  seed: number,
): ResidualsSummary {
  const residuals = target.map((value, i) => value - predicted[i]!)
  const ascending = residuals.slice().sort()
  const at = (share: number) => ascending[Math.round(share * (ascending.length - 1))]!
  const drawn = drawnRows(target.length, maxPoints, seed)
  return {
    histogram: histogram(residuals, 20),
    quartiles: [0, 0.25, 0.5, 0.75, 1].map(at),
    mean: residuals.reduce((sum, value) => sum + value / residuals.length, 0),
    target: takeValues(target, drawn),
    predicted: takeValues(predicted, drawn),
  }
}

/** On some of the rows, as many as the model's size allows. Null where the metric tells nothing there. */
function importancesOf(
  model: LoadedModel,
  rows: Rows,
  by: { readonly metric: MetricName; readonly seed: number; readonly modelBytes: number },
): Importances | null {
  const { metric, seed } = by
  const features = Math.min(rows.features.cols, maxImportances)
  // An answer reads no more of a model than there is.
  const answers = importanceBudget / Math.max(1000, by.modelBytes / 8) / features
  const repeats = answers / importanceRepeats < importanceRows.least ? 1 : importanceRepeats
  const count = Math.min(
    importanceRows.most,
    Math.max(importanceRows.least, Math.floor(answers / repeats)),
    rows.features.rows,
  )
  const drawn = drawnRows(rows.features.rows, count, seed)
  const some = {
    ...rows,
    numbers: Int32Array.from(drawn, (i) => rows.numbers[i]!),
    features: takeRows(rows.features, drawn),
    target: takeValues(rows.target, drawn),
  }
  const sign = isLessBetter(metric) ? -1 : 1
  const measured = permutationImportance(
    some.features,
    (X) =>
      sign * (valueOf(metricsOf(model, some, answersOf(model, X, model, some)), metric) ?? NaN),
    { repeats, seed, columns: features },
  )
  if (measured.some(({ mean }) => !Number.isFinite(mean))) return null
  return {
    metric,
    rows: count,
    repeats,
    featuresInAll: rows.features.cols,
    features: measured
      .map((one, j) => ({ name: model.featureNames[j]!, ...one }))
      .sort((a, b) => b.mean - a.mean),
  }
}

function columnOf({ data, rows, cols }: Matrix, j: number): Float64Array {
  return Float64Array.from({ length: rows }, (_, i) => data[i * cols + j]!)
}

function greatestOf({ data, rows, cols }: Matrix): Float64Array {
  return Float64Array.from({ length: rows }, (_, i) =>
    Math.max(...data.subarray(i * cols, (i + 1) * cols)),
  )
}
