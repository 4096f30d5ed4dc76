import * as z from 'zod'
import type { Ports } from '../platform/ports/index.ts'
import { codeVersion } from './code-version.ts'
import { lendUpload } from './dataset.ts'
import { fitCandidate } from './fit-candidate.ts'
import { KeptFits } from './kept-fits.ts'
import { formatModel, trainingFolder } from './names.ts'
import { trainedCandidate, trainingClaim, type TrainedCandidate } from './shapes.ts'
import { putReferenced } from './stored-objects.ts'
import { defineTask, type TaskContext } from './task.ts'

const input = z.object({ claim: trainingClaim, algorithm: z.string() })

/**
 * Learns one candidate and keeps its model file, which is what will be judged and served. Asked again
 * for the same, it answers what it has kept: a container learns, and a function after it answers.
 */
export const train = defineTask({
  name: 'Train',
  input,
  output: trainedCandidate,
  run: learnOnce,
})

/** The same in a function with more memory. */
export const trainLarge = defineTask({ ...train, name: 'TrainLarge' })

async function learnOnce(
  { claim, algorithm }: z.infer<typeof input>,
  { objects, compute, metrics, clock }: Ports,
  { signal }: TaskContext,
): Promise<TrainedCandidate> {
  const kept = new KeptFits(objects, claim)
  const found = await kept.find(algorithm)
  if (found.fit !== undefined) return found.fit
  const started = clock.now()
  const { sha256 } = claim.source
  const lineage = {
    model: formatModel(claim.model),
    trainingId: claim.trainingId,
    dataSha256: sha256,
    codeVersion,
  }
  const result = await lendUpload(objects, claim, (upload) =>
    compute.run(fitCandidate, { ...upload, algorithm, sha256, lineage }, { signal }),
  )
  if (result.outcome === 'skipped') return kept.keep({ ...result, algorithm }, found)
  metrics.record('FitDuration', clock.now() - started, 'Milliseconds', { algorithm })
  const key = `${trainingFolder(claim)}/${algorithm}.safetensors`
  const artifact = await putReferenced(objects, key, result.bytes)
  const { outcome, crossValidation } = result
  return kept.keep({ outcome, algorithm, artifact, crossValidation }, found)
}
