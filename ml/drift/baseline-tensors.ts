import type { Matrix } from '../data/matrix.ts'
import type { Baseline, CategoryCounts, FeatureBaseline, Histogram } from './baseline.ts'
import { DriftError } from './errors.ts'
import {
  requireList,
  requireNumber,
  requireNumbers,
  requireOneOf,
  requireRecord,
} from './validation.ts'

/** A baseline as a model file keeps it: JSON for its metadata, the sample as a tensor. */
export interface BaselineTensors {
  readonly json: string
  readonly sample: Matrix
}

export function baselineToTensors({ sample, ...sketch }: Baseline): BaselineTensors {
  return { json: JSON.stringify({ version: 1, ...sketch }, withoutNull), sample }
}

/** Reads what `baselineToTensors` gave. Throws DriftBaselineInvalid for anything else. */
export function baselineFromTensors({ json, sample }: BaselineTensors): Baseline {
  const saved = requireRecord(error, 'a baseline', parse(json), baselineKeys)
  requireOneOf(error, 'version', saved.version, [1])
  const rows = requireNumber(error, 'rows', saved.rows, { least: 0, integer: true })
  const features = requireList(error, 'features', saved.features).map((feature, i) =>
    readFeature(feature, `features[${i}]`, rows),
  )
  if (
    !(sample.data instanceof Float64Array) ||
    features.length === 0 ||
    sample.cols !== features.length ||
    sample.rows > rows ||
    sample.data.length !== sample.rows * sample.cols
  ) {
    throw new DriftError(
      error,
      `the sample must be doubles of at most ${rows} × ${features.length}, got ` +
        `${sample.rows} × ${sample.cols} in ${sample.data.length} values`,
    )
  }
  return {
    rows,
    features,
    sample,
    target: readColumn(saved.target, 'target'),
    predictions: readColumn(saved.predictions, 'predictions'),
  }
}

const error = 'DriftBaselineInvalid'

const baselineKeys = ['version', 'rows', 'features', 'target', 'predictions']

const featureKeys = [
  'name',
  'count',
  'missing',
  'mean',
  'deviation',
  'min',
  'max',
  'quantiles',
  'histogram',
  'quantileBins',
  'categories',
]

/** What is not told is left out. */
function withoutNull(_: string, value: unknown): unknown {
  return value ?? undefined
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    throw new DriftError(error, 'a baseline must be JSON; this text is not')
  }
}

function readFeature(value: unknown, label: string, rows: number): FeatureBaseline {
  const saved = requireRecord(error, label, value, featureKeys)
  if (typeof saved.name !== 'string') {
    throw new DriftError(error, `${label}.name must be a string, got ${typeof saved.name}`)
  }
  const number = (key: string, rule = {}) =>
    requireNumber(error, `${label}.${key}`, saved[key], rule)
  const count = number('count', { least: 0, most: rows, integer: true })
  const empty = count === 0
  const quantiles = requireNumbers(error, `${label}.quantiles`, saved.quantiles, {}, empty ? 0 : 11)
  requireAscending(`${label}.quantiles`, quantiles)
  return {
    name: saved.name,
    count,
    missing: number('missing', { least: rows - count, most: rows - count, integer: true }),
    mean: number('mean'),
    deviation: number('deviation', { least: 0 }),
    min: number('min'),
    max: number('max'),
    quantiles,
    histogram: readHistogram(saved.histogram, `${label}.histogram`, count, empty ? 0 : -1),
    quantileBins: readHistogram(saved.quantileBins, `${label}.quantileBins`, count, empty ? 0 : 2),
    categories: readCategories(saved.categories, `${label}.categories`, count),
  }
}

/** Target or predictions: null where not told, as in a file of an earlier version. */
function readColumn(value: unknown, label: string): FeatureBaseline | null {
  if (value === undefined || value === null) return null
  const { count, missing } = requireRecord(error, label, value, featureKeys)
  const rule = { least: 0, integer: true }
  const rows =
    requireNumber(error, `${label}.count`, count, rule) +
    requireNumber(error, `${label}.missing`, missing, rule)
  return readFeature(value, label, rows)
}

function readCategories(value: unknown, label: string, most: number): CategoryCounts | null {
  if (value === undefined || value === null) return null
  const saved = requireRecord(error, label, value, ['labels', 'counts'])
  const labels = requireList(error, `${label}.labels`, saved.labels).map((name) => {
    if (typeof name === 'string') return name
    throw new DriftError(error, `${label}.labels must be strings, got ${typeof name}`)
  })
  const rule = { least: 0, most, integer: true }
  const counts = requireNumbers(error, `${label}.counts`, saved.counts, rule, labels.length)
  const sum = counts.reduce((left, right) => left + right, 0)
  if (sum > most) throw new DriftError(error, `${label}.counts are ${sum} of ${most} values`)
  return { labels, counts }
}

/** A histogram with `surplus` more counts than edges, which add up to `total`. */
function readHistogram(value: unknown, label: string, total: number, surplus: number): Histogram {
  const saved = requireRecord(error, label, value, ['edges', 'counts'])
  const edges = requireNumbers(error, `${label}.edges`, saved.edges)
  requireAscending(`${label}.edges`, edges)
  const rule = { least: 0, integer: true }
  const length = edges.length + surplus
  const counts = requireNumbers(error, `${label}.counts`, saved.counts, rule, length)
  const sum = counts.reduce((left, right) => left + right, 0)
  if (sum !== total) {
    throw new DriftError(error, `${label}.counts must add up to ${total}, got ${sum}`)
  }
  return { edges, counts }
}

function requireAscending(label: string, values: readonly number[]): void {
  if (values.some((value, i) => i > 0 && value < values[i - 1]!)) {
    throw new DriftError(error, `${label} must be in ascending order`)
  }
}
