import * as z from 'zod'
import { executionStatusChangeSchema } from '../events/index.ts'
import { isMillraceError } from '../platform/ports/index.ts'
import { abandoned } from './await-training.ts'
import { servingDriftEvent } from './claim-retraining.ts'
import { tellEnd } from './end-retraining.ts'
import { parseModel } from './names.ts'
import { trainingOf } from './prepare-retraining.ts'
import { createRegistry } from './registry.ts'
import { defineTask } from './task.ts'

/**
 * Runs when a retraining has ended, however it ended: one that did not come to its own end leaves its
 * place, and is noted as failed. Where somebody stopped it, or its time was up, the training that it
 * began is stopped too: nobody would watch what that promotes.
 */
export const recordRetraining = defineTask({
  name: 'RecordRetraining',
  input: executionStatusChangeSchema,
  output: z.object({ recorded: z.boolean() }),
  async run({ detail }, ports) {
    const { status, name: execution } = detail
    if (status === 'RUNNING') return { recorded: false }
    ports.metrics.record('ExecutionsEnded', 1, 'Count', { workflow: 'retraining', status })
    const event = servingDriftEvent.safeParse(parsedJson(detail.input))
    // One that succeeded has told its end; one that was started by hand with another input held nothing.
    if (status === 'SUCCEEDED' || !event.success) return { recorded: false }
    const { detection } = event.data.detail
    const model = parseModel(event.data.detail.model)
    if (status !== 'FAILED') await stopTraining(trainingOf({ model, execution }))
    const champion = await createRegistry(ports.table, ports.clock).alias(model, 'champion')
    await tellEnd(
      ports,
      { model, execution, detection, step: 'failed' },
      {
        outcome: 'failed',
        reason: `the execution ended as ${status}${detail.error === null ? '' : `: ${detail.error}`}`,
        challenger: null,
        champion: champion?.version ?? null,
        numbers: {},
      },
    )
    return { recorded: true }

    async function stopTraining(training: string): Promise<void> {
      try {
        await ports.executions.stop('training', training, {
          error: abandoned,
          cause: `its retraining ${execution} ended as ${status}`,
        })
      } catch (error) {
        if (!isMillraceError(error, 'ExecutionNotFound')) throw error
      }
    }
  },
})

function parsedJson(text: string | null): unknown {
  if (text === null) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
