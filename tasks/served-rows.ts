import type { JsonObject } from '../platform/ports/index.ts'
import {
  feedbackRecord,
  predictionRecord,
  type FeedbackRecord,
  type PredictionRecord,
} from './prediction-records.ts'

/** Rows of one request with their answers, of the width that they are to have. */
export interface ServedRows {
  /** ISO 8601 time. */
  readonly at: string
  readonly instances: readonly (readonly unknown[])[]
  readonly predictions: readonly unknown[]
}

/** What a record of the log says it is, before its rows are looked at. */
export type ServedRecord =
  | { readonly kind: 'prediction'; readonly version: number; readonly at: string }
  | { readonly kind: 'feedback'; readonly version: number; readonly feedback: FeedbackRecord }
  | { readonly kind: 'broken'; readonly version: number }

/**
 * Reads a record of the log under a model's key; undefined where it does not even say of which version
 * it is. The rows of a prediction are not looked at, and the rest is checked by hand: by a schema it
 * would be more work than to predict.
 */
export function readServed(record: JsonObject, model: string): ServedRecord | undefined {
  const { version, kind, at } = record
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 0) return undefined
  if (!isTime(at)) return { kind: 'broken', version }
  if (kind === 'prediction' && record['model'] === model) return { kind, version, at }
  if (kind !== 'feedback') return { kind: 'broken', version }
  const { data: feedback } = feedbackRecord.safeParse(record)
  return feedback === undefined ? { kind: 'broken', version } : { kind, version, feedback }
}

/** The rows of contents as they are in a record; undefined where they do not fit. */
export function rowsOf(at: string, contents: unknown, width: number): ServedRows | undefined {
  if (typeof contents !== 'object' || contents === null) return undefined
  const { instances, predictions } = contents as { instances?: unknown; predictions?: unknown }
  if (!Array.isArray(instances) || !Array.isArray(predictions)) return undefined
  if (instances.length !== predictions.length) return undefined
  const fits = instances.every((row) => Array.isArray(row) && row.length === width)
  return fits ? { at, instances: instances as unknown[][], predictions } : undefined
}

/** The whole of a prediction whose contents are an object; undefined where it is none. */
export function recordWithObject(record: JsonObject): PredictionRecord | undefined {
  const { data } = predictionRecord.safeParse(record)
  return data === undefined || data.object === null ? undefined : data
}

/** ISO 8601 in UTC to the millisecond, as the log has it, so that times compare as text. */
function isTime(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length === 24 &&
    value[10] === 'T' &&
    value[19] === '.' &&
    value[23] === 'Z' &&
    !Number.isNaN(Date.parse(value))
  )
}
