import * as z from 'zod'
import { millraceEvent } from '../events/index.ts'
import { valueOf } from './chosen-metric.ts'
import { formatModel } from './names.ts'
import { promote } from './promote.ts'
import {
  driftFinding,
  evaluation,
  trainingClaim,
  type Evaluation,
  type ModelMetrics,
  type TrainedCandidate,
} from './shapes.ts'
import { defineTask } from './task.ts'

/** Tells the bus what the execution brought, and sums it up as the execution's output. */
export const announce = defineTask({
  name: 'Announce',
  input: z.object({
    claim: trainingClaim,
    version: z.number().int().nonnegative(),
    evaluation,
    drift: driftFinding,
    promotion: promote.output,
  }),
  output: z.object({
    outcome: z.literal('registered'),
    model: z.string(),
    version: z.number().int().nonnegative(),
    algorithm: z.string(),
    metrics: evaluation.shape.metrics,
    /** What raced: the score by the metric in cross-validation, none where it could not be learned. */
    candidates: z.array(
      z.object({
        algorithm: z.string(),
        score: z.number().nullable(),
        trials: z.number().int(),
        reason: z.string().optional(),
      }),
    ),
    leftOut: evaluation.shape.leftOut,
    decision: evaluation.shape.decision,
    drift: driftFinding,
    promotion: promote.output,
  }),
  async run({ claim, version, evaluation, drift, promotion }, { bus, metrics }) {
    const model = formatModel(claim.model)
    const about = { model, version, execution: claim.execution }
    await bus.publish([
      millraceEvent('Model Registered', {
        ...about,
        algorithm: evaluation.algorithm,
        metrics: { ...headline(evaluation.metrics), ...chosenOf(evaluation) },
      }),
      ...(promotion.outcome === 'promoted'
        ? [
            millraceEvent('Model Promoted', {
              model,
              version,
              previousVersion: promotion.previous,
              movedBy: claim.execution,
              reason: promotion.reason,
            }),
          ]
        : []),
      ...(drift.verdict === 'drift'
        ? [millraceEvent('Drift Detected', { source: 'upload', ...about, reasons: drift.reasons })]
        : []),
    ])
    metrics.record('ModelsRegistered', 1, 'Count', { algorithm: evaluation.algorithm })
    return {
      outcome: 'registered' as const,
      model,
      version,
      algorithm: evaluation.algorithm,
      metrics: evaluation.metrics,
      candidates: evaluation.candidates.map(raced),
      leftOut: evaluation.leftOut,
      decision: evaluation.decision,
      drift,
      promotion,
    }
  },
})

/** The metric that the training went by, where it could be told. */
function chosenOf({ metrics, decision: { metric } }: Evaluation): Record<string, number> {
  const value = valueOf(metrics, metric)
  return value === null ? {} : { [metric]: value }
}

/** The numbers by which people and rules tell models apart. */
function headline(metrics: ModelMetrics): Record<string, number> {
  switch (metrics.task) {
    case 'classification':
      return { accuracy: metrics.accuracy, macroF1: metrics.macroF1 }
    case 'regression':
      return {
        rmse: metrics.rmse,
        mae: metrics.mae,
        ...(metrics.r2 === null ? {} : { r2: metrics.r2 }),
      }
    case 'clustering':
      return {
        clusters: metrics.clusters,
        ...(metrics.silhouette === null ? {} : { silhouette: metrics.silhouette }),
      }
    default:
      return metrics satisfies never
  }
}

function raced(candidate: TrainedCandidate) {
  const { algorithm } = candidate
  if (candidate.outcome === 'skipped') {
    return { algorithm, score: null, trials: 0, reason: candidate.reason }
  }
  const { crossValidation } = candidate
  return { algorithm, score: crossValidation.score, trials: crossValidation.trials }
}
