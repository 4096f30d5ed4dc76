import * as z from 'zod'
import { millraceEvent, trainingEventSchema, type TrainingEvent } from '../events/index.ts'
import { isMillraceError } from '../platform/ports/index.ts'
import { formatModel, parseUploadKey } from './names.ts'
import { rejectionReason } from './shapes.ts'
import { objectRanges, putJson } from './stored-objects.ts'
import { defineTask } from './task.ts'
import { isRequest, requestOf } from './training-delivery.ts'

/**
 * Keeps a refused upload and its report under `quarantine/<user>/<dataset>/`. The report names the
 * immutable version that was refused, whose bytes stay where they are.
 */
export const quarantine = defineTask({
  name: 'Quarantine',
  input: z.object({
    event: trainingEventSchema,
    execution: z.string(),
    reasons: z.array(rejectionReason).min(1),
  }),
  output: z.object({
    outcome: z.literal('rejected'),
    model: z.string().nullable(),
    reasons: z.array(rejectionReason),
    report: z.string(),
    kept: z.string(),
  }),
  async run({ event, execution, reasons }, { objects, bus, clock }) {
    const { key, 'version-id': eventVersion } = event.detail.object
    const upload = await objects.head(
      key,
      eventVersion === undefined ? {} : { versionId: eventVersion },
    )
    const { folder, extension, model } = placeOf(event)
    const request = requestOf(event)
    // The bytes of a training that was asked for are those of a dataset's version, and stay there.
    const kept = request === undefined ? `${folder}/${upload.versionId}${extension}` : key
    const report = `${folder}/${request?.versionId ?? upload.versionId}.report.json`
    if (request === undefined) await objects.put(kept, objectRanges(objects, upload))
    await putJson(objects, report, {
      outcome: 'rejected',
      reasons,
      upload: { key, versionId: upload.versionId, size: upload.size, sha256: upload.sha256 },
      execution,
      rejectedAt: new Date(clock.now()).toISOString(),
    })
    await bus.publish([
      millraceEvent('Dataset Rejected', {
        model: model ?? key,
        execution,
        key,
        versionId: upload.versionId,
        report,
        reasons: reasons.map((reason) => reason.message),
      }),
    ])
    return { outcome: 'rejected' as const, model, reasons, report, kept }
  },
})

function placeOf({ detail }: TrainingEvent): {
  folder: string
  extension: string
  model: string | null
} {
  if (isRequest(detail)) {
    return { folder: `quarantine/${detail.model}`, extension: '', model: detail.model }
  }
  const { key } = detail.object
  try {
    const { format, ...model } = parseUploadKey(key)
    const name = formatModel(model)
    return { folder: `quarantine/${name}`, extension: `.${format}`, model: name }
  } catch (error) {
    if (!isMillraceError(error, 'NameInvalid')) throw error
    return { folder: 'quarantine/_unnamed', extension: '', model: null }
  }
}
