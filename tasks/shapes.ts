import * as z from 'zod'
import { modelNameSchema } from './names.ts'

/** What travels between the states of the training workflow: references and small numbers, no data. */

/** One immutable version of an object, with the digest of its bytes. */
export const objectReference = z.object({
  bucket: z.string(),
  key: z.string(),
  versionId: z.string(),
  sha256: z.string(),
  size: z.number().int().nonnegative(),
})
export type ObjectReference = z.infer<typeof objectReference>

/** What Claim establishes and every later state reads. */
export const trainingClaim = z.object({
  model: modelNameSchema,
  format: z.enum(['npy', 'csv']),
  source: objectReference,
  sequencer: z.string(),
  /** The sidecar with what the uploader said; null when that is in the upload's metadata, if at all. */
  sidecar: objectReference.omit({ sha256: true }).nullable(),
  /** Digest of dataset, content, configuration and code version: the identity of a training. */
  trainingId: z.string(),
  execution: z.string(),
})
export type TrainingClaim = z.infer<typeof trainingClaim>

/** One reason why an upload cannot be trained on. `code` is API; rows and columns count from 0. */
export const rejectionReason = z.object({
  code: z.string(),
  message: z.string(),
  column: z.string().optional(),
  row: z.number().int().optional(),
})
export type RejectionReason = z.infer<typeof rejectionReason>

export const candidateScore = z.object({
  accuracy: z.number(),
  logLoss: z.number().nullable(),
  /** Accuracy of each fold. */
  folds: z.array(z.number()),
})
export type CandidateScore = z.infer<typeof candidateScore>

/** What Train says of one candidate algorithm. */
export const trainedCandidate = z.discriminatedUnion('outcome', [
  z.object({
    outcome: z.literal('trained'),
    algorithm: z.string(),
    artifact: objectReference,
    crossValidation: candidateScore,
  }),
  z.object({ outcome: z.literal('skipped'), algorithm: z.string(), reason: z.string() }),
])
export type TrainedCandidate = z.infer<typeof trainedCandidate>

export const classificationMetrics = z.object({
  rows: z.number().int(),
  accuracy: z.number(),
  macroPrecision: z.number(),
  macroRecall: z.number(),
  macroF1: z.number(),
  logLoss: z.number().nullable(),
  /** Labels of rows (actual) and columns (predicted) of the confusion matrix, which is in the
   * evaluation's report alone when there are more than 64. */
  labels: z.array(z.string()),
  confusionMatrix: z.array(z.array(z.number().int())).nullable(),
  perClass: z.array(
    z.object({
      label: z.string(),
      precision: z.number(),
      recall: z.number(),
      f1: z.number(),
      support: z.number().int(),
    }),
  ),
})
export type ClassificationMetrics = z.infer<typeof classificationMetrics>

/** The gate's decision, with the numbers it rests on. */
export const gateDecision = z.object({
  verdict: z.enum(['first', 'not-worse', 'worse', 'too-few-rows', 'schema-changed']),
  promote: z.boolean(),
  metric: z.literal('accuracy'),
  /** Held-out rows on which both models were judged. */
  rows: z.number().int(),
  margin: z.number(),
  /** Challenger minus champion, with a 95% interval of the paired bootstrap. */
  difference: z.number().nullable(),
  interval: z.tuple([z.number(), z.number()]).nullable(),
  championVersion: z.number().int().nullable(),
  reason: z.string(),
})
export type GateDecision = z.infer<typeof gateDecision>

export const evaluation = z.object({
  algorithm: z.string(),
  artifact: objectReference,
  metrics: classificationMetrics,
  crossValidation: candidateScore,
  candidates: z.array(trainedCandidate),
  decision: gateDecision,
})
export type Evaluation = z.infer<typeof evaluation>

export const driftFinding = z.object({
  verdict: z.enum(['none', 'drift', 'insufficient', 'first-version', 'schema-changed']),
  againstVersion: z.number().int().nullable(),
  reasons: z.array(z.string()),
  features: z.array(z.record(z.string(), z.unknown())),
})
export type DriftFinding = z.infer<typeof driftFinding>
