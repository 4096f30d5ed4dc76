import * as z from 'zod'
import { trainingEventSchema, type TrainingEvent } from '../events/index.ts'
import { isMillraceError, type Json } from '../platform/ports/index.ts'
import { boundedReasons } from './bounded-reasons.ts'
import { codeVersion } from './code-version.ts'
import { listExecution, ownerOfExecution } from './execution-owner.ts'
import { createLedger, trainingIdentity } from './ledger.ts'
import { deliveryOf, isRequest, requestOf } from './training-delivery.ts'
import { firstVersionOf } from './model-records.ts'
import { parseModel, parseUploadKey, type ModelName, type UploadFormat } from './names.ts'
import { createRegistry } from './registry.ts'
import { rejectionReason, trainingClaim, type RejectionReason } from './shapes.ts'
import { digestOfObject } from './stored-objects.ts'
import { defineTask } from './task.ts'
import { findConfiguration } from './training-configuration.ts'

/**
 * Takes one delivery of an upload, and the lease of the training it asks for. The same delivery, or
 * the same bytes with the same configuration, is claimed by one execution alone.
 */
export const claim = defineTask({
  name: 'Claim',
  input: z.object({ event: trainingEventSchema, execution: z.string() }),
  output: z.discriminatedUnion('outcome', [
    trainingClaim.extend({ outcome: z.literal('claimed') }),
    z.object({ outcome: z.literal('duplicate'), of: z.string(), reason: z.string() }),
    z.object({ outcome: z.literal('rejected'), reasons: z.array(rejectionReason) }),
  ]),
  async run({ event, execution }, ports) {
    const ledger = createLedger(ports.table, ports.executions, 'training')
    const { key, 'version-id': eventVersion, sequencer } = event.detail.object
    const user = ownerOfExecution(event as unknown as Json)
    if (user !== undefined) {
      await listExecution(ports.table, ports.clock, user, { workflow: 'training', name: execution })
    }
    const upload = await ports.objects.head(
      key,
      eventVersion === undefined ? {} : { versionId: eventVersion },
    )
    const delivery = deliveryOf(event, upload)
    const reject = async (reasons: RejectionReason[]) => {
      await ledger.refuse(delivery, execution)
      return { outcome: 'rejected' as const, reasons: boundedReasons(reasons) }
    }

    const named = readName(event)
    if ('reason' in named) return reject([named.reason])
    const configured = await findConfiguration(ports.objects, upload, requestOf(event))
    if ('reasons' in configured) {
      return reject(
        configured.reasons.map((message) => ({ code: 'ConfigurationInvalid', message })),
      )
    }

    const { format, ...model } = named
    const sha256 = upload.sha256 ?? (await digestOfObject(ports.objects, upload))
    const { sha256: declared = sha256 } = upload.metadata
    if (declared !== sha256) {
      const message = `the upload has the SHA-256 ${sha256}, and was to have ${declared}: send it again`
      return reject([{ code: 'ChecksumMismatch', message }])
    }
    const { configuration, sidecar } = configured
    const firstVersion = firstVersionOf(await createRegistry(ports.table, ports.clock).head(model))
    const trainingId = trainingIdentity({ model, sha256, configuration, codeVersion })
    const claimed = await ledger.claim({ delivery, model, trainingId, execution })
    if (claimed.outcome === 'duplicate') return claimed
    return {
      outcome: 'claimed' as const,
      model,
      format,
      source: {
        bucket: upload.bucket,
        key,
        versionId: upload.versionId,
        sha256,
        size: upload.size,
      },
      sequencer,
      sidecar,
      trainingId,
      execution,
      requested: isRequest(event.detail),
      firstVersion,
    }
  },
})

type Named = ModelName & { readonly format: UploadFormat }

/** The model that learns: the one that was asked for, or the one that the upload's key names. */
function readName({ detail }: TrainingEvent): Named | { reason: RejectionReason } {
  const { key } = detail.object
  try {
    if (!isRequest(detail)) return parseUploadKey(key)
    return { ...parseModel(detail.model), format: key.endsWith('.csv') ? 'csv' : 'npy' }
  } catch (error) {
    if (!isMillraceError(error, 'NameInvalid')) throw error
    return { reason: { code: 'NameInvalid', message: error.message } }
  }
}
