import * as z from 'zod'
import { isMillraceError, pages } from '../platform/ports/index.ts'
import { objectCreatedEvent, sequencerOfTime } from '../events/index.ts'
import { sha256 } from './digest.ts'
import { createLedger } from './ledger.ts'
import { defineTask } from './task.ts'

/**
 * Starts a training for each upload that has no delivery on record, since its event never came.
 * Runs at start and on a schedule; an upload is given `graceSeconds` for its own event to arrive.
 */
export const sweep = defineTask({
  name: 'Sweep',
  input: z.object({ graceSeconds: z.number().nonnegative() }),
  output: z.object({ uploads: z.number().int(), started: z.array(z.string()) }),
  async run({ graceSeconds }, { objects, table, executions, clock, logger }) {
    const ledger = createLedger(table, executions, 'training')
    const before = clock.now() - graceSeconds * 1000
    const started: string[] = []
    let uploads = 0
    for await (const page of pages((cursor) => objects.list('uploads/', { cursor }))) {
      for (const upload of page.objects) {
        if (!/\.(npy|csv)$/.test(upload.key)) continue
        uploads += 1
        const written = Date.parse(upload.lastModified)
        if (written > before || (await ledger.delivery(upload)) !== undefined) continue
        const name = sweepName(upload.key, upload.versionId)
        const input = objectCreatedEvent({
          ...upload,
          time: written,
          sequencer: upload.sequencer ?? sequencerOfTime(written),
        })
        try {
          await executions.start({ workflow: 'training', name, input })
          started.push(name)
        } catch (error) {
          // A sweep before this one started it.
          if (!isMillraceError(error, 'ExecutionConflict')) throw error
        }
      }
    }
    if (started.length > 0) logger.info('sweep found uploads without an event', { started })
    return { uploads, started }
  },
})

function sweepName(key: string, versionId: string): string {
  return `sweep-${sha256(`${key}\n${versionId}`).slice(0, 32)}`
}
