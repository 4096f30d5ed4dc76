import * as z from 'zod'
import { codeVersion } from './code-version.ts'
import { readUpload } from './dataset.ts'
import { fitCandidate } from './fit-candidate.ts'
import { formatModel, trainingFolder } from './names.ts'
import { trainedCandidate, trainingClaim } from './shapes.ts'
import { putReferenced } from './stored-objects.ts'
import { defineTask } from './task.ts'

/** Learns one candidate and keeps its model file, which is what will be judged and served. */
export const train = defineTask({
  name: 'Train',
  input: z.object({ claim: trainingClaim, algorithm: z.string() }),
  output: trainedCandidate,
  async run({ claim, algorithm }, { objects, compute, metrics, clock }, { signal }) {
    const started = clock.now()
    const result = await compute.run(
      fitCandidate,
      {
        ...(await readUpload(objects, claim)),
        algorithm,
        sha256: claim.source.sha256,
        lineage: {
          model: formatModel(claim.model),
          trainingId: claim.trainingId,
          dataSha256: claim.source.sha256,
          codeVersion,
        },
      },
      { signal },
    )
    if (result.outcome === 'skipped') return { ...result, algorithm }
    metrics.record('FitDuration', clock.now() - started, 'Milliseconds', { algorithm })
    const key = `${trainingFolder(claim)}/${algorithm}.safetensors`
    return {
      outcome: result.outcome,
      algorithm,
      artifact: await putReferenced(objects, key, result.bytes),
      crossValidation: result.crossValidation,
    }
  },
})
