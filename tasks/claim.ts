import { createHash } from 'node:crypto'
import * as z from 'zod'
import { objectCreatedEventSchema } from '../events/index.ts'
import { isMillraceError, type ObjectVersion, type Objects } from '../platform/ports/index.ts'
import { boundedReasons } from './bounded-reasons.ts'
import { codeVersion } from './code-version.ts'
import { createLedger, trainingIdentity } from './ledger.ts'
import { parseUploadKey } from './names.ts'
import { objectRanges } from './object-ranges.ts'
import { rejectionReason, trainingClaim, type RejectionReason } from './shapes.ts'
import { defineTask } from './task.ts'
import { findConfiguration } from './training-configuration.ts'

/**
 * Takes one delivery of an upload, and the lease of the training it asks for. The same delivery, or
 * the same bytes with the same configuration, is claimed by one execution alone.
 */
export const claim = defineTask({
  name: 'Claim',
  input: z.object({ event: objectCreatedEventSchema, execution: z.string() }),
  output: z.discriminatedUnion('outcome', [
    trainingClaim.extend({ outcome: z.literal('claimed') }),
    z.object({ outcome: z.literal('duplicate'), of: z.string(), reason: z.string() }),
    z.object({ outcome: z.literal('rejected'), reasons: z.array(rejectionReason) }),
  ]),
  async run({ event, execution }, ports) {
    const ledger = createLedger(ports.table, ports.executions, 'training')
    const { key, 'version-id': eventVersion, sequencer } = event.detail.object
    const upload = await ports.objects.head(
      key,
      eventVersion === undefined ? {} : { versionId: eventVersion },
    )
    const delivery = { bucket: upload.bucket, key, versionId: upload.versionId }
    const reject = async (reasons: RejectionReason[]) => {
      await ledger.refuse(delivery, execution)
      return { outcome: 'rejected' as const, reasons: boundedReasons(reasons) }
    }

    const named = readName(key)
    if ('reason' in named) return reject([named.reason])
    const configured = await findConfiguration(ports.objects, upload)
    if ('reasons' in configured) {
      return reject(
        configured.reasons.map((message) => ({ code: 'ConfigurationInvalid', message })),
      )
    }

    const { format, ...model } = named
    const sha256 = upload.sha256 ?? (await digestOf(ports.objects, upload))
    const { configuration, sidecar } = configured
    const trainingId = trainingIdentity({ model, sha256, configuration, codeVersion })
    const claimed = await ledger.claim({ delivery, model, trainingId, execution })
    if (claimed.outcome === 'duplicate') return claimed
    return {
      outcome: 'claimed' as const,
      model,
      format,
      source: { ...delivery, sha256, size: upload.size },
      sequencer,
      sidecar,
      trainingId,
      execution,
    }
  },
})

function readName(key: string): ReturnType<typeof parseUploadKey> | { reason: RejectionReason } {
  try {
    return parseUploadKey(key)
  } catch (error) {
    if (!isMillraceError(error, 'NameInvalid')) throw error
    return { reason: { code: 'NameInvalid', message: error.message } }
  }
}

/** For stores that do not know the digest: reads the object by ranges, in bounded memory. */
async function digestOf(objects: Objects, upload: ObjectVersion): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of objectRanges(objects, upload)) hash.update(bytes)
  return hash.digest('hex')
}
