import * as z from 'zod'
import { maxDatasetBytes, readUpload } from './dataset.ts'
import { createDatasets } from './datasets.ts'
import { inspectUpload } from './inspect-upload.ts'
import { trainingFolder } from './names.ts'
import { learningTask, leftOutAlgorithm, rejectionReason, trainingClaim } from './shapes.ts'
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
      candidates: z.array(z.string()).min(1),
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
    if (claim.source.size > maxDatasetBytes) {
      const message = `the upload has ${claim.source.size} bytes; a training takes at most ${maxDatasetBytes}`
      return { outcome: 'rejected' as const, reasons: [{ code: 'TooLarge', message }] }
    }
    const { user } = claim.model
    const { most, spent } = await trainingQuotaOf(ports, claim)
    // Nothing is read of an upload that could have no row at all.
    if (spent !== null) return { outcome: 'rejected' as const, reasons: [spent] }
    const { reasons, description, candidates, table } = await compute.run(
      inspectUpload,
      await readUpload(objects, claim),
      { signal },
    )
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
