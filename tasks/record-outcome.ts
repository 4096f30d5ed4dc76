import * as z from 'zod'
import { executionStatusChangeSchema, trainingEventSchema } from '../events/index.ts'
import { isMillraceError } from '../platform/ports/index.ts'
import { createLedger } from './ledger.ts'
import { defineTask } from './task.ts'
import { deliveryOf } from './training-delivery.ts'

/**
 * Runs when a training execution has ended, however it ended: records the end with the delivery and
 * frees the lease. No Catch could do this after a stop, a timeout or a States.Runtime.
 */
export const recordOutcome = defineTask({
  name: 'RecordOutcome',
  input: executionStatusChangeSchema,
  output: z.object({ recorded: z.boolean() }),
  async run({ detail }, { table, executions, objects, metrics }) {
    if (detail.status === 'RUNNING') return { recorded: false }
    metrics.record('ExecutionsEnded', 1, 'Count', { workflow: 'training', status: detail.status })
    const event = trainingEventSchema.safeParse(parseJson(detail.input))
    // An execution that was started by hand with another input holds nothing.
    if (!event.success) return { recorded: false }
    const { key, 'version-id': versionId } = event.data.detail.object
    const bucket = event.data.detail.bucket.name
    const outcome = z.object({ outcome: z.string() }).safeParse(parseJson(detail.output))
    try {
      await createLedger(table, executions, 'training').settle(
        deliveryOf(event.data, {
          bucket,
          key,
          versionId: versionId ?? (await objects.head(key)).versionId,
        }),
        detail.name,
        {
          status: detail.status,
          ...(outcome.success ? { outcome: outcome.data.outcome } : {}),
        },
      )
    } catch (error) {
      // The upload was deleted and its event named no version: there is no record to settle.
      if (isMillraceError(error, 'ObjectNotFound')) return { recorded: false }
      throw error
    }
    return { recorded: true }
  },
})

function parseJson(text: string | null): unknown {
  if (text === null) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
