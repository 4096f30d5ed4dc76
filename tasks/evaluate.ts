import * as z from 'zod'
import { createRegistry } from './registry.ts'
import { readUpload } from './dataset.ts'
import { decideGate, gateScore } from './gate.ts'
import { judgeModels } from './judge-models.ts'
import { preferred } from './preferred.ts'
import { putJson, trainingFolder } from './reports.ts'
import { evaluation, trainedCandidate, trainingClaim } from './shapes.ts'
import { defineTask } from './task.ts'
import { readArtifact } from './model-artifact.ts'

/** Confusion matrices of more classes are kept in the report alone. */
const maxClassesInStates = 64

/**
 * Takes the candidate that cross-validation preferred, judges it on the held-out rows that none of
 * them has seen, beside the champion on the same rows, and lets the gate decide.
 */
export const evaluate = defineTask({
  name: 'Evaluate',
  input: z.object({ claim: trainingClaim, candidates: z.array(trainedCandidate).min(1) }),
  output: evaluation,
  async run({ claim, candidates }, { objects, table, clock, compute }, { signal }) {
    const best = preferred(candidates)
    const registry = createRegistry(table, clock)
    const alias = await registry.alias(claim.model, 'champion')
    const champion =
      alias === undefined ? undefined : await registry.version(claim.model, alias.version)
    const { metrics, leftOut, against } = await compute.run(
      judgeModels,
      {
        ...(await readUpload(objects, claim)),
        sha256: claim.source.sha256,
        challenger: await readArtifact(objects, best.artifact),
        champion: champion === undefined ? null : await readArtifact(objects, champion.artifact),
      },
      { signal },
    )
    const { metric, value } = gateScore(metrics)
    const old = against?.score ?? null
    const decision = decideGate({
      metric,
      champion:
        champion === undefined
          ? null
          : { version: champion.version, schemaChange: against?.schemaChange ?? null },
      heldOutRows: metrics.rows,
      scores: value === null || old === null ? null : { challenger: value, champion: old },
      interval: against?.interval ?? null,
    })
    const result = {
      algorithm: best.algorithm,
      artifact: best.artifact,
      metrics,
      crossValidation: best.crossValidation,
      candidates,
      leftOut,
      decision,
    }
    await putJson(objects, `${trainingFolder(claim)}/evaluation.json`, result)
    if (metrics.task !== 'classification' || metrics.labels.length <= maxClassesInStates) {
      return result
    }
    return { ...result, metrics: { ...metrics, confusionMatrix: null } }
  },
})
