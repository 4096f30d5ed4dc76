import * as z from 'zod'
import { retrainingOutcomes } from '../events/index.ts'
import { modelNameSchema } from './names.ts'

/** What travels between the states of the retraining workflow. */

/** Up to where the log of a model is read: positions by its shards. */
export const logCursor = z.record(z.string(), z.string())
export type LogCursor = z.infer<typeof logCursor>

/** What ClaimRetraining establishes and every later state reads. */
export const retrainingRun = z.object({
  model: modelNameSchema,
  /** The version that drifted, which is the champion. */
  version: z.number().int().nonnegative(),
  detection: z.string(),
  execution: z.string(),
  /** ISO 8601 times. */
  changedSince: z.string(),
  claimedAt: z.string(),
  /** Before the first prediction since the change. */
  from: logCursor,
  /** Rows without which the gate could not decide. */
  leastRows: z.number().int(),
})
export type RetrainingRun = z.infer<typeof retrainingRun>

/** What a decision was made on. */
export const retrainingNumbers = z.record(z.string(), z.number())
export type RetrainingNumbers = z.infer<typeof retrainingNumbers>

/** What a retraining comes to. */
export const retrainingEnding = z.object({
  outcome: z.enum(retrainingOutcomes),
  reason: z.string(),
  /** The version that was trained, where one was. */
  challenger: z.number().int().nullable(),
  /** The version that answers predictions now; null where none does. */
  champion: z.number().int().nullable(),
  numbers: retrainingNumbers,
})
export type RetrainingEnding = z.infer<typeof retrainingEnding>

/** How far the labels have been counted. */
export const labelProgress = z.object({ cursor: logCursor, rows: z.number().int() })
export type LabelProgress = z.infer<typeof labelProgress>

/** A challenger that became champion. */
export const watchedPromotion = z.object({
  version: z.number().int().nonnegative(),
  previous: z.number().int().nonnegative(),
  /** ISO 8601 time. */
  promotedAt: z.string(),
})
export type WatchedPromotion = z.infer<typeof watchedPromotion>
