import * as z from 'zod'
import { maxDatasetBytes, readUpload } from './dataset.ts'
import { inspectUpload } from './inspect-upload.ts'
import { putJson, trainingFolder } from './reports.ts'
import { rejectionReason, trainingClaim } from './shapes.ts'
import { defineTask } from './task.ts'

/** Decides whether an upload can be trained on, and says every reason at once when it cannot. */
export const validate = defineTask({
  name: 'Validate',
  input: z.object({ claim: trainingClaim }),
  output: z.discriminatedUnion('outcome', [
    z.object({
      outcome: z.literal('valid'),
      task: z.enum(['classification', 'regression']),
      rows: z.number().int(),
      features: z.number().int(),
      trainRows: z.number().int(),
      heldOutRows: z.number().int(),
      candidates: z.array(z.string()).min(1),
      report: z.string(),
    }),
    z.object({ outcome: z.literal('rejected'), reasons: z.array(rejectionReason).min(1) }),
  ]),
  async run({ claim }, { objects, compute }, { signal }) {
    if (claim.source.size > maxDatasetBytes) {
      const message = `the upload has ${claim.source.size} bytes; a training takes at most ${maxDatasetBytes}`
      return { outcome: 'rejected' as const, reasons: [{ code: 'TooLarge', message }] }
    }
    const { reasons, description, candidates } = await compute.run(
      inspectUpload,
      await readUpload(objects, claim),
      { signal },
    )
    if (reasons.length > 0 || description === null) {
      return { outcome: 'rejected' as const, reasons }
    }
    const report = await putJson(objects, `${trainingFolder(claim)}/dataset.json`, description)
    return {
      outcome: 'valid' as const,
      task: description.task,
      rows: description.rows,
      features: description.features,
      trainRows: description.trainRows,
      heldOutRows: description.heldOutRows,
      candidates,
      report: report.key,
    }
  },
})
