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
  /** Whether someone asked for it, whose allowance was looked at then. */
  requested: z.boolean().optional(),
  /** The first version of the model that it is for: of one that was deleted since it is none. */
  firstVersion: z.number().int().nonnegative().optional(),
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

/** What is learned: classes, a quantity, or groups of like rows. */
export const learningTask = z.enum(['classification', 'regression', 'clustering'])
export type LearningTask = z.infer<typeof learningTask>

/** Measures by which models are compared; `chosen-metric.ts` says of which task each is. */
export const metricName = z.enum([
  'accuracy',
  'balancedAccuracy',
  'macroF1',
  'logLoss',
  'rmse',
  'mae',
  'r2',
  'silhouette',
])
export type MetricName = z.infer<typeof metricName>

/** Which rows of a dataset are held out of training. */
export const splitRule = z.object({
  /** The share of rows, on average: those of the lowest hashes. */
  heldOut: z.number(),
})
export type SplitRule = z.infer<typeof splitRule>

/** An option as a trainer takes it. */
export const hyperparameter = z.union([
  z.number(),
  z.string(),
  z.boolean(),
  z.array(z.number()).readonly(),
])

/** How a candidate did on training rows that it had not learned from, and how it was tuned. */
const crossValidated = z.object({
  /** What the training goes by. */
  metric: metricName,
  /** The mean of that metric over the folds. */
  score: z.number(),
  /** That metric of each fold. */
  folds: z.array(z.number()),
  /** The settings that were tried, the defaults among them. */
  trials: z.number().int().positive(),
  /** The best of them: options that are not at their defaults. */
  hyperparameters: z.record(z.string(), hyperparameter),
})

export const candidateScore = z.discriminatedUnion('task', [
  crossValidated.extend({
    task: z.literal('classification'),
    accuracy: z.number(),
    logLoss: z.number().nullable(),
  }),
  crossValidated.extend({
    task: z.literal('regression'),
    rmse: z.number(),
  }),
  crossValidated.extend({
    task: z.literal('clustering'),
    silhouette: z.number(),
  }),
])
export type CandidateScore = z.infer<typeof candidateScore>

/** An algorithm that is not raced on this dataset, why, and what is raced in its place. */
export const leftOutAlgorithm = z.object({
  algorithm: z.string(),
  reason: z.string(),
  instead: z.string(),
})
export type LeftOutAlgorithm = z.infer<typeof leftOutAlgorithm>

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
  task: z.literal('classification'),
  /** Held-out rows. */
  rows: z.number().int(),
  accuracy: z.number(),
  /** The mean recall of the classes that are among the rows. */
  balancedAccuracy: z.number(),
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

export const regressionMetrics = z.object({
  task: z.literal('regression'),
  rows: z.number().int(),
  /** Root of the mean squared error, in units of the target. */
  rmse: z.number(),
  /** Mean absolute error. */
  mae: z.number(),
  /** The share of the target's variance that is explained; null where it has none. */
  r2: z.number().nullable(),
  medianAbsoluteError: z.number(),
  maxError: z.number(),
})
export type RegressionMetrics = z.infer<typeof regressionMetrics>

export const clusteringMetrics = z.object({
  task: z.literal('clustering'),
  rows: z.number().int(),
  clusters: z.number().int(),
  /** Held-out rows in each cluster, by its number. */
  sizes: z.array(z.number().int()),
  /** The rows, drawn by the digest's seed, that the silhouette is of. */
  silhouetteRows: z.number().int(),
  /** From -1 to 1, the higher the better; null, as the others, where all rows are in one cluster. */
  silhouette: z.number().nullable(),
  /** From 0, the lower the better. */
  daviesBouldin: z.number().nullable(),
  /** From 0, the higher the better. */
  calinskiHarabasz: z.number().nullable(),
})
export type ClusteringMetrics = z.infer<typeof clusteringMetrics>

/** How a model did on the held-out rows. */
export const modelMetrics = z.discriminatedUnion('task', [
  classificationMetrics,
  regressionMetrics,
  clusteringMetrics,
])
export type ModelMetrics = z.infer<typeof modelMetrics>

/** The gate's decision, with the numbers it rests on. */
export const gateDecision = z.object({
  verdict: z.enum(['first', 'not-worse', 'worse', 'too-few-rows', 'schema-changed']),
  promote: z.boolean(),
  /** Of `logLoss`, `rmse` and `mae` less is better, of the others more. */
  metric: metricName,
  /** Rows that neither model learned from, on which both were judged. */
  rows: z.number().int(),
  /** How much worse a challenger may be; of a metric whose less is better, as a share of the champion's. */
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
  metrics: modelMetrics,
  crossValidation: candidateScore,
  candidates: z.array(trainedCandidate),
  leftOut: z.array(leftOutAlgorithm),
  split: splitRule,
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
