import * as z from 'zod'
import { permutation, seededRandom, seedFromDigest } from '../ml/data/index.ts'
import type { DriftSeverity } from '../events/index.ts'
import type { StreamMonitorOptions } from '../ml/drift/index.ts'
import type { LoadedModel } from './model-artifact.ts'
import type { ModelVersion } from './registry.ts'
import { labelSchema, type Label } from './prediction-records.ts'
import { learningTask, type ModelMetrics } from './shapes.ts'
import { textHash } from './text-hash.ts'

/** Most streams of features: those of the first. */
export const maxFeatureStreams = 50

/** Most classes, or clusters, whose share is watched: the first. */
const maxClassStreams = 10

/** A feature with more categories is not watched for new ones. */
const maxKnownCategories = 1000

/** Most values that the detectors are shown of before the first prediction. */
const maxReference = 1000

const column = z.number().int().nonnegative()

/**
 * One stream of what is watched. Numbers are in deviations (`unit`) from the mean (`center`) of what
 * the version was trained on; the others are 1 where something is so, and 0 where it is not.
 */
export const streamPlan = z.intersection(
  z.object({
    name: z.string(),
    /** What the stream is expected to be: mean and deviation of its values. */
    expected: z.object({ mean: z.number(), deviation: z.number() }),
  }),
  z.discriminatedUnion('watches', [
    z.object({
      watches: z.literal('number'),
      column,
      center: z.number(),
      unit: z.number().positive(),
    }),
    z.object({ watches: z.literal('category'), column, category: z.string() }),
    /** Categories that the model does not know, of which `known` are the hashes. */
    z.object({ watches: z.literal('unknown'), column, known: z.array(z.number()) }),
    z.object({ watches: z.literal('missing') }),
    z.object({
      watches: z.literal('quantity'),
      center: z.number(),
      unit: z.number().positive(),
    }),
    z.object({ watches: z.literal('class'), class: labelSchema }),
    /** Of a quantity the size of the error, in units of the root of its mean square. */
    z.object({ watches: z.literal('error'), unit: z.number().positive() }),
  ]),
)
export type StreamPlan = z.infer<typeof streamPlan>

/** What is watched of one version, which never changes. */
export const monitorPlan = z.object({
  task: learningTask,
  /** Features of a row. */
  width: z.number().int().positive(),
  registeredAt: z.string(),
  /** How the version did on held-out rows when it was registered; null of a clustering. */
  registered: z
    .object({ metric: z.enum(['accuracy', 'rmse']), value: z.number(), rows: z.number().int() })
    .nullable(),
  streams: z.array(streamPlan),
})
export type MonitorPlan = z.infer<typeof monitorPlan>

/** What is known of the streams before the first prediction, in the order of the plan. */
export type Reference = readonly (Float64Array | null)[]

/**
 * What is to be watched of a version, by its own model file. The features' reference is the sample of
 * its training rows, shuffled, that of the error how it did on held-out rows: so what is served is
 * compared with what the version knows, from the first row on.
 *
 * @throws MillraceError ModelFileInvalid.
 */
export function planOf(
  version: Pick<ModelVersion, 'metrics' | 'registeredAt' | 'artifact'>,
  model: LoadedModel,
): { plan: MonitorPlan; reference: Reference } {
  const seed = seedFromDigest(version.artifact.sha256)
  const planned = [
    ...featureStreams(model, seed),
    ...predictionStreams(model, version.metrics),
    ...errorStream(version.metrics),
  ]
  return {
    plan: {
      task: model.task,
      width: model.featureNames.length,
      registeredAt: version.registeredAt,
      registered: registeredMetric(version.metrics),
      streams: planned.map(({ stream }) => stream),
    },
    reference: planned.map(({ reference }) => reference),
  }
}

/**
 * How a stream is watched among so many. Measured over 10^6 values of ten distributions with nothing
 * changing (bench/drift/monitoring.ts): ADWIN's significance is shared by the streams; Page-Hinkley
 * does not forget, since a sum that does crosses every threshold in the end.
 */
export function watchingOf({ watches }: StreamPlan, streams: number): StreamMonitorOptions {
  const ADWIN = { delta: 0.002 / Math.max(1, streams) }
  if (watches === 'number' || watches === 'quantity') {
    const PageHinkley = { delta: 0.25, threshold: 50, alpha: 1 }
    return { detectors: { ADWIN, PageHinkley }, minimumEffect: 0.2, leastDeviation }
  }
  if (watches !== 'error') {
    const PageHinkley = { delta: 0.1, threshold: 15, alpha: 1 }
    return { detectors: { ADWIN, PageHinkley }, minimumEffect: 0.05, leastDeviation }
  }
  throw new TypeError('an error is watched by watchingErrors')
}

/** The same of errors, of which only a rise matters: of classes 0 and 1, of quantities their size. */
export function watchingErrors(task: MonitorPlan['task'], streams: number): StreamMonitorOptions {
  const ADWIN = { delta: 0.002 / Math.max(1, streams) }
  const watching = { direction: 'up', leastDeviation } as const
  if (task === 'classification') {
    const PageHinkley = { delta: 0.1, threshold: 15, alpha: 1, mode: 'up' as const }
    const DDM = { warmStart: 100, driftThreshold: 4 }
    return { ...watching, detectors: { ADWIN, PageHinkley, DDM }, minimumEffect: 0.05 }
  }
  const PageHinkley = { delta: 0.25, threshold: 50, alpha: 1, mode: 'up' as const }
  return { ...watching, detectors: { ADWIN, PageHinkley }, minimumEffect: 0.2 }
}

/** So that one error after a hundred right answers is no change. */
const leastDeviation = 0.2

export function severityOf({ watches }: StreamPlan): DriftSeverity {
  if (watches === 'error') return 'high'
  return watches === 'class' || watches === 'quantity' ? 'medium' : 'low'
}

/** A number in the units of its stream: one outlier of a heavy tail is no change of the mean. */
export function standardised(value: number, center: number, unit: number): number {
  return Math.max(-largestDeviation, Math.min(largestDeviation, (value - center) / unit))
}

const largestDeviation = 4

interface PlannedStream {
  readonly stream: StreamPlan
  readonly reference: Float64Array | null
}

function featureStreams(model: LoadedModel, seed: number): PlannedStream[] {
  const { features, sample } = model.baseline()
  const order = permutation(sample.rows, seededRandom(seed)).subarray(0, maxReference)
  const valuesOf = (j: number) =>
    Float64Array.from(order, (row) => sample.data[row * sample.cols + j]!)
  const planned: PlannedStream[] = []
  for (let j = 0; j < features.length && planned.length < maxFeatureStreams; j++) {
    const { name, count, mean, deviation } = features[j]!
    if (count === 0) continue
    const labels = model.categories[j]
    const streams = labels
      ? categoryStreams(name, j, labels, valuesOf(j))
      : [numberStream(name, j, { mean, deviation }, valuesOf(j))]
    planned.push(...streams.slice(0, maxFeatureStreams - planned.length))
  }
  const isMissing = Float64Array.from(order, (row) =>
    sample.data.subarray(row * sample.cols, (row + 1) * sample.cols).some(Number.isNaN) ? 1 : 0,
  )
  const expected = summaryOf(isMissing)
  planned.push({
    stream: { name: 'missing', watches: 'missing', expected },
    reference: isMissing,
  })
  return planned
}

function numberStream(
  name: string,
  column: number,
  { mean, deviation }: { mean: number; deviation: number },
  values: Float64Array,
): PlannedStream {
  const unit = usableUnit(mean, deviation)
  return {
    stream: {
      name: `feature:${name}`,
      watches: 'number',
      column,
      center: mean,
      unit,
      expected: { mean: 0, deviation: 1 },
    },
    reference: values.filter(Number.isFinite).map((value) => standardised(value, mean, unit)),
  }
}

/** Of a constant, a deviation that any other value is far beyond. */
function usableUnit(mean: number, deviation: number): number {
  return deviation > 0 ? deviation : Math.max(Math.abs(mean) * 1e-6, 1e-12)
}

function categoryStreams(
  name: string,
  column: number,
  labels: readonly string[],
  codes: Float64Array,
): PlannedStream[] {
  const known = codes.filter((code) => labels[code] !== undefined)
  const counts = new Map<number, number>()
  for (const code of known) counts.set(code, (counts.get(code) ?? 0) + 1)
  const [commonest] = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])
  if (commonest === undefined) return []
  const category = labels[commonest[0]]!
  const isCommonest = known.map((code) => (code === commonest[0] ? 1 : 0))
  const ofCommonest: PlannedStream = {
    stream: {
      name: `feature:${name}`,
      watches: 'category',
      column,
      category,
      expected: summaryOf(isCommonest),
    },
    reference: isCommonest,
  }
  if (labels.length > maxKnownCategories) return [ofCommonest]
  const isUnknown = new Float64Array(known.length)
  return [
    ofCommonest,
    {
      stream: {
        name: `feature:${name}:unknown`,
        watches: 'unknown',
        column,
        known: labels.map(textHash),
        expected: { mean: 0, deviation: 0 },
      },
      reference: isUnknown,
    },
  ]
}

/**
 * Answers have no reference: on rows that it has learned a model may answer otherwise than on new ones
 * though nothing has changed.
 */
function predictionStreams(model: LoadedModel, metrics: ModelMetrics): PlannedStream[] {
  if (model.task === 'regression') {
    const { mean, deviation } = answersTo(model)
    return [
      {
        stream: {
          name: 'prediction',
          watches: 'quantity',
          center: mean,
          unit: usableUnit(mean, deviation),
          expected: { mean: 0, deviation: 1 },
        },
        reference: null,
      },
    ]
  }
  return classesWatched(model, metrics).map(({ label, share }) => ({
    stream: {
      name: `prediction:${label}`,
      watches: 'class',
      class: label,
      expected: { mean: share, deviation: Math.sqrt(share * (1 - share)) },
    },
    reference: null,
  }))
}

/** Classes, or clusters, with their shares of the held-out rows; of two the second tells of both. */
function classesWatched(model: LoadedModel, metrics: ModelMetrics) {
  const shares = new Map<string, number>()
  const rows = Math.max(1, metrics.rows)
  let labels: Label[] = []
  if (metrics.task === 'classification') {
    labels = model.classes ?? []
    for (const { label, support } of metrics.perClass) shares.set(label, support / rows)
  } else if (metrics.task === 'clustering') {
    labels = metrics.sizes.map((_, cluster) => cluster)
    metrics.sizes.forEach((size, cluster) => shares.set(String(cluster), size / rows))
  }
  const watched = labels.length === 2 ? labels.slice(1) : labels.slice(0, maxClassStreams)
  return watched.map((label) => ({ label, share: shares.get(String(label)) ?? 0 }))
}

/** What a model answers to the sample of its training rows. */
function answersTo(model: LoadedModel): { mean: number; deviation: number } {
  const { data, rows, cols } = model.baseline().sample
  const answers = Float64Array.from({ length: rows }, (_, i) =>
    model.pipeline.predictRow(data.subarray(i * cols, (i + 1) * cols)),
  )
  return summaryOf(answers.filter((value) => Math.abs(value) <= 1e140))
}

function errorStream(metrics: ModelMetrics): PlannedStream[] {
  if (metrics.task === 'clustering') return []
  const rows = Math.min(metrics.rows, maxReference)
  if (metrics.task === 'classification') {
    const share = 1 - metrics.accuracy
    return [
      {
        stream: {
          name: 'error',
          watches: 'error',
          unit: 1,
          expected: { mean: share, deviation: Math.sqrt(share * (1 - share)) },
        },
        reference: spread(Math.round(share * rows), rows),
      },
    ]
  }
  const { rmse, mae } = metrics
  const mean = rmse > 0 ? mae / rmse : 0
  const deviation = Math.sqrt(Math.max(0, 1 - mean * mean))
  return [
    {
      stream: {
        name: 'error',
        watches: 'error',
        unit: usableUnit(0, rmse),
        expected: { mean, deviation },
      },
      // Of the held-out rows only mean and deviation are known: so many values that have both.
      reference: Float64Array.from({ length: rows }, (_, i) =>
        i % 2 === 0 ? mean - deviation : mean + deviation,
      ),
    },
  ]
}

/** So many ones among `rows` values, spread evenly. */
function spread(ones: number, rows: number): Float64Array {
  return Float64Array.from({ length: rows }, (_, i) =>
    Math.floor(((i + 1) * ones) / rows) > Math.floor((i * ones) / rows) ? 1 : 0,
  )
}

function registeredMetric(metrics: ModelMetrics): MonitorPlan['registered'] {
  const { rows } = metrics
  if (metrics.task === 'classification')
    return { metric: 'accuracy', value: metrics.accuracy, rows }
  return metrics.task === 'regression' ? { metric: 'rmse', value: metrics.rmse, rows } : null
}

function summaryOf(values: Float64Array): { mean: number; deviation: number } {
  let mean = 0
  let squares = 0
  values.forEach((value, i) => {
    const difference = value - mean
    mean += difference / (i + 1)
    squares += difference * (value - mean)
  })
  return { mean, deviation: values.length === 0 ? 0 : Math.sqrt(squares / values.length) }
}
