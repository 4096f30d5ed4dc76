import * as z from 'zod'
import { isDataError } from '../ml/data/index.ts'
import { placeNames, type Ports } from '../platform/ports/index.ts'
import { withUpload } from './dataset.ts'
import { createDatasets } from './datasets.ts'
import { inspectUpload, refusedBy, type Inspection } from './inspect-upload.ts'
import { trainingFolder } from './names.ts'
import { uploadRefusals } from './planning/upload-refusals.ts'
import {
  learningTask,
  leftOutAlgorithm,
  rejectionReason,
  trainingClaim,
  type TrainingClaim,
} from './shapes.ts'
import { putJson } from './stored-objects.ts'
import { defineTask } from './task.ts'
import { quotaReason, trainingQuotaOf } from './training-quota.ts'
import { countTraining } from './usage.ts'

/** Decides whether an upload can be trained on, and says every reason at once when it cannot. */
export const validate = defineTask({
  name: 'Validate',
  input: z.object({ claim: trainingClaim }),
  output: z.discriminatedUnion('outcome', [
    z.object({
      outcome: z.literal('valid'),
      task: learningTask,
      rows: z.number().int(),
      features: z.number().int(),
      trainRows: z.number().int(),
      heldOutRows: z.number().int(),
      /** What is raced, and where each is learned. */
      candidates: z.array(z.object({ algorithm: z.string(), place: z.enum(placeNames) })).min(1),
      /** What will not be raced, why, and what is instead. */
      leftOut: z.array(leftOutAlgorithm),
      /** Settings of hyperparameters that will be tried of each candidate. */
      trials: z.number().int(),
      /** What is done to missing values and text. */
      notes: z.array(z.string()),
      report: z.string(),
    }),
    z.object({ outcome: z.literal('rejected'), reasons: z.array(rejectionReason).min(1) }),
  ]),
  async run({ claim }, ports, { signal }) {
    const { objects, compute, logger } = ports
    const tooLarge = await uploadRefusals(objects, claim, compute.places[0]!)
    if (tooLarge.length > 0) return { outcome: 'rejected' as const, reasons: tooLarge }
    const { user } = claim.model
    const { most, spent } = await trainingQuotaOf(ports, claim)
    // Nothing is read of an upload that could have no row at all.
    if (spent !== null) return { outcome: 'rejected' as const, reasons: [spent] }
    const { reasons, description, candidates, table } = await inspect(claim, ports, signal)
    if (reasons.length > 0 || description === null || table === null) {
      return { outcome: 'rejected' as const, reasons }
    }
    const { rows } = description
    const training = { training: claim.execution, rows, most }
    if (!(await countTraining(ports.table, ports.clock.now(), user, training))) {
      return { outcome: 'rejected' as const, reasons: [quotaReason(user, most!, rows)] }
    }
    if (description.leftOut.length > 0) {
      logger.info('algorithms are left out of a training', {
        execution: claim.execution,
        leftOut: description.leftOut,
      })
    }
    const report = await putJson(objects, `${trainingFolder(claim)}/dataset.json`, description)
    await createDatasets(ports).recordUpload({
      source: claim.source,
      sequencer: claim.sequencer,
      rows,
      ...table,
      report,
    })
    return {
      outcome: 'valid' as const,
      task: description.task,
      rows,
      features: description.features,
      trainRows: description.trainRows,
      heldOutRows: description.heldOutRows,
      candidates,
      leftOut: description.leftOut,
      trials: description.trials,
      notes: description.notes,
      report: report.key,
    }
  },
})

async function inspect(
  claim: TrainingClaim,
  { objects, compute }: Ports,
  signal: AbortSignal,
): Promise<Inspection> {
  const { size } = claim.source
  try {
    return await withUpload(objects, claim, (upload) =>
      compute.run(inspectUpload, { ...upload, size, places: compute.places }, { signal }),
    )
  } catch (error) {
    if (isDataError(error)) return refusedBy(error)
    throw error
  }
}
