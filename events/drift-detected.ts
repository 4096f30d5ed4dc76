import * as z from 'zod'
import type { EventPattern } from './pattern.ts'

const model = z.string()
const version = z.number().int().nonnegative()

/** Values of a stream over some time, summed up. */
export const driftWindow = z.object({
  /** ISO 8601 times of its first and its last value. */
  from: z.string(),
  to: z.string(),
  count: z.number().int().nonnegative(),
  mean: z.number(),
  deviation: z.number(),
})
export type DriftWindow = z.infer<typeof driftWindow>

/**
 * How much a change in a stream matters: that the model errs more is `high`, that it answers otherwise
 * is `medium`, that it is asked otherwise is `low`.
 */
export const driftSeverity = z.enum(['low', 'medium', 'high'])
export type DriftSeverity = z.infer<typeof driftSeverity>

/** A change that a detector found in what a model version serves. */
export const servingDrift = z.object({
  source: z.literal('serving'),
  /** The same whenever the same records are looked at again. */
  detection: z.string(),
  /** `<user>/<dataset>` */
  model,
  version,
  /** What is watched: `error`, `feature:<name>`, `prediction`, `prediction:<class>`, … */
  stream: z.string(),
  detector: z.enum(['ADWIN', 'PageHinkley', 'DDM', 'EDDM', 'HDDM_A']),
  /** What the detector compared with its threshold, in units of the stream. */
  statistic: z.number(),
  threshold: z.number(),
  severity: driftSeverity,
  before: driftWindow,
  after: driftWindow,
  /** ISO 8601 times: of the first record after the change, as far as can be told, and of the last. */
  changedSince: z.string(),
  detectedAt: z.string(),
})
export type ServingDrift = z.infer<typeof servingDrift>

/** An upload that differs from what the champion was trained on. */
export const uploadDrift = z.object({
  source: z.literal('upload'),
  model,
  version,
  execution: z.string(),
  reasons: z.array(z.string()),
})

export const driftDetected = z.discriminatedUnion('source', [servingDrift, uploadDrift])

/** Drift in what is served, which starts the retraining workflow. */
export const servingDriftPattern = {
  source: ['millrace'],
  'detail-type': ['Drift Detected'],
  detail: { source: ['serving'] },
} satisfies EventPattern
