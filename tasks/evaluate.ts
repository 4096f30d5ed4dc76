import * as z from 'zod'
import { createRegistry } from './registry.ts'
import { readUpload } from './dataset.ts'
import { decideGate } from './gate.ts'
import { judgeModels } from './judge-models.ts'
import { putJson, trainingFolder } from './reports.ts'
import { evaluation, trainedCandidate, trainingClaim, type TrainedCandidate } from './shapes.ts'
import { defineTask } from './task.ts'
import { readArtifact } from './model-artifact.ts'

/** Confusion matrices of more classes are kept in the report alone. */
const maxClassesInStates = 64

type Trained = Extract<TrainedCandidate, { outcome: 'trained' }>

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
    const { metrics, against } = await compute.run(
      judgeModels,
      {
        ...(await readUpload(objects, claim)),
        sha256: claim.source.sha256,
        challenger: await readArtifact(objects, best.artifact),
        champion: champion === undefined ? null : await readArtifact(objects, champion.artifact),
      },
      { signal },
    )
    const decision = decideGate({
      champion:
        champion === undefined
          ? null
          : { version: champion.version, schemaChange: against?.schemaChange ?? null },
      heldOutRows: metrics.rows,
      accuracy:
        typeof against?.accuracy === 'number'
          ? { challenger: metrics.accuracy, champion: against.accuracy }
          : null,
      interval: against?.interval ?? null,
    })
    const result = {
      algorithm: best.algorithm,
      artifact: best.artifact,
      metrics,
      crossValidation: best.crossValidation,
      candidates,
      decision,
    }
    await putJson(objects, `${trainingFolder(claim)}/evaluation.json`, result)
    if (metrics.labels.length <= maxClassesInStates) return result
    return { ...result, metrics: { ...metrics, confusionMatrix: null } }
  },
})

/** The highest accuracy; then the lowest log loss where both have one; then the order asked for. */
function preferred(candidates: readonly TrainedCandidate[]): Trained {
  const trained = candidates.filter((candidate) => candidate.outcome === 'trained')
  const [best] = trained.sort((a, b) => {
    const [left, right] = [a.crossValidation, b.crossValidation]
    if (left.accuracy !== right.accuracy) return right.accuracy - left.accuracy
    if (left.logLoss === null || right.logLoss === null) return 0
    return left.logLoss - right.logLoss
  })
  if (best === undefined) {
    const reasons = candidates.map((one) => (one.outcome === 'skipped' ? one.reason : ''))
    throw new Error(`no candidate was trained: ${reasons.join('; ')}`)
  }
  return best
}
