import * as z from 'zod'
import { createRegistry } from './registry.ts'
import { splitRuleOf, withUpload } from './dataset.ts'
import { decideGate } from './gate.ts'
import { judgeModels } from './judge-models.ts'
import { trainingFolder } from './names.ts'
import { preferred } from './preferred.ts'
import { evaluation, trainedCandidate, trainingClaim } from './shapes.ts'
import { putJson } from './stored-objects.ts'
import { defineTask } from './task.ts'
import { readArtifact } from './model-artifact.ts'

/** Confusion matrices of more classes are kept in the report alone. */
const maxClassesInStates = 64

/**
 * Takes the candidate that cross-validation preferred, judges it on the held-out rows that none of
 * them has seen, beside the champion on those that it has not seen either, and lets the gate decide.
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
    const models = {
      challenger: await readArtifact(objects, best.artifact),
      champion:
        champion === undefined
          ? null
          : {
              file: await readArtifact(objects, champion.artifact),
              split: champion.split ?? splitRuleOf({}),
            },
    }
    const { sha256, size } = claim.source
    const { places } = compute
    const { form, metrics, metric, leftOut, against } = await withUpload(
      objects,
      claim,
      async (upload) => ({
        form: upload.form,
        ...(await compute.run(
          judgeModels,
          { ...upload, ...models, sha256, size, places },
          { signal },
        )),
      }),
    )
    const decision = decideGate({
      metric,
      champion:
        champion === undefined
          ? null
          : { version: champion.version, schemaChange: against?.schemaChange ?? null },
      heldOutRows: against?.rows ?? metrics.rows,
      scores: against?.scores ?? null,
      interval: against?.interval ?? null,
    })
    const result = {
      algorithm: best.algorithm,
      artifact: best.artifact,
      metrics,
      crossValidation: best.crossValidation,
      candidates,
      leftOut,
      split: splitRuleOf(form.configuration),
      decision,
    }
    await putJson(objects, `${trainingFolder(claim)}/evaluation.json`, result)
    if (metrics.task !== 'classification' || metrics.labels.length <= maxClassesInStates) {
      return result
    }
    return { ...result, metrics: { ...metrics, confusionMatrix: null } }
  },
})
