import * as z from 'zod'
import { millraceEvent } from '../events/index.ts'
import { formatModel } from './names.ts'
import { promote } from './promote.ts'
import { driftFinding, evaluation, trainingClaim } from './shapes.ts'
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
        metrics: { accuracy: evaluation.metrics.accuracy, macroF1: evaluation.metrics.macroF1 },
      }),
      ...(promotion.outcome === 'promoted'
        ? [
            millraceEvent('Model Promoted', {
              ...about,
              previousVersion: promotion.previous,
              reason: promotion.reason,
            }),
          ]
        : []),
      ...(drift.verdict === 'drift'
        ? [millraceEvent('Drift Detected', { ...about, reasons: drift.reasons })]
        : []),
    ])
    metrics.record('ModelsRegistered', 1, 'Count', { algorithm: evaluation.algorithm })
    return {
      outcome: 'registered' as const,
      model,
      version,
      algorithm: evaluation.algorithm,
      metrics: evaluation.metrics,
      decision: evaluation.decision,
      drift,
      promotion,
    }
  },
})
