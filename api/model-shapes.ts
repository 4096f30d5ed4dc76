import * as z from 'zod'
import { aliasName } from '../tasks/aliases.ts'
import { metricOf, valueOf } from '../tasks/chosen-metric.ts'
import type { ModelVersion } from '../tasks/registry.ts'
import {
  candidateScore,
  driftFinding,
  gateDecision,
  learningTask,
  leftOutAlgorithm,
  metricName,
  modelMetrics,
  objectReference,
  splitRule,
  trainedCandidate,
} from '../tasks/shapes.ts'

/** What the routes of models answer. */

const cursor = z.string().optional().describe('where the next page begins; absent after the last')

const score = {
  task: learningTask,
  metric: metricName.describe('what the training went by'),
  score: z
    .number()
    .nullable()
    .describe('that metric on held-out rows; less is better of logLoss, rmse and mae'),
}

const modelSummary = z.object({
  model: z.string(),
  champion: z.number().int().nullable(),
  algorithm: z.string().nullable(),
  task: score.task.nullable(),
  metric: score.metric.nullable(),
  score: score.score,
  trainedAt: z.string().nullable(),
})
export type ModelSummary = z.infer<typeof modelSummary>

export const modelsPage = z.object({ models: z.array(modelSummary), cursor })

export const aliasShape = z.object({
  alias: aliasName,
  version: z.number().int(),
  movedBy: z.string().describe('an execution, `key <id>`, or `operator`'),
  since: z.string(),
  revision: z.number().int().describe('grows with every move'),
})

export const aliasHistory = z
  .array(
    z.object({
      from: z.number().int().nullable(),
      to: z.number().int(),
      movedBy: z.string(),
      reason: z.string(),
      at: z.string(),
    }),
  )
  .describe('the oldest move first')

const versionBrief = z.object({
  version: z.number().int(),
  algorithm: z.string(),
  ...score,
  heldOutRows: z.number().int(),
  registeredAt: z.string(),
  execution: z.string(),
})

export const versionsPage = z.object({ versions: z.array(versionBrief), cursor })

export const modelShape = versionsPage.extend({
  model: z.string(),
  aliases: z.record(z.string(), aliasShape.omit({ alias: true })),
})

export const versionShape = z.object({
  model: z.string(),
  version: z.number().int(),
  algorithm: z.string(),
  artifact: objectReference,
  metrics: modelMetrics,
  crossValidation: candidateScore,
  candidates: z.array(trainedCandidate),
  leftOut: z.array(leftOutAlgorithm),
  split: splitRule.optional().describe('what was held out; absent of old versions: a quarter'),
  metric: score.metric.optional(),
  source: objectReference.describe('the uploaded bytes it learned from'),
  sequencer: z.string(),
  sidecar: objectReference.omit({ sha256: true }).nullable(),
  trainingId: z.string(),
  execution: z.string(),
  registeredAt: z.string(),
  decision: gateDecision.nullable(),
  drift: driftFinding.nullable(),
})

export function brief(version: ModelVersion): z.infer<typeof versionBrief> {
  return {
    version: version.version,
    algorithm: version.algorithm,
    ...scored(version),
    heldOutRows: version.metrics.rows,
    registeredAt: version.registeredAt,
    execution: version.execution,
  }
}

/** How good a version is, by the metric of its training. */
export function scored({ metrics, ...version }: ModelVersion) {
  const metric = metricOf(metrics.task, version)
  return { task: metrics.task, metric, score: valueOf(metrics, metric) }
}
