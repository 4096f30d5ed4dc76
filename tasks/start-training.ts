import * as z from 'zod'
import { trainingRequestedEvent } from '../events/index.ts'
import { isMillraceError, type Executions } from '../platform/ports/index.ts'
import { createDatasets } from './datasets.ts'
import { formatModel } from './names.ts'
import { defineTask } from './task.ts'
import { trainingMessage } from './training-request.ts'

/**
 * Starts the training that a message of the queue asks for, on its dataset's version as one object. A
 * message that comes again finds its execution; one whose execution failed lets that go on.
 */
export const startTraining = defineTask({
  name: 'StartTraining',
  input: trainingMessage,
  output: z.object({ execution: z.string(), outcome: z.enum(['started', 'redriven', 'there']) }),
  async run(message, ports) {
    const { execution, dataset, datasetVersion, model, request, requestedAt, sequencer } = message
    const { source } = await createDatasets(ports).materialise(dataset, datasetVersion)
    const { bucket, key, versionId, size } = source
    const event = trainingRequestedEvent(
      {
        bucket: { name: bucket },
        object: { key, 'version-id': versionId, size, sequencer },
        request: { key: request.key, 'version-id': request.versionId },
        model: formatModel(model),
      },
      // The same for every delivery of the message, as a start that is repeated must be.
      { id: execution, time: Date.parse(requestedAt) },
    )
    try {
      await ports.executions.start({ workflow: 'training', name: execution, input: event })
      return { execution, outcome: 'started' as const }
    } catch (error) {
      if (!isMillraceError(error, 'ExecutionConflict')) throw error
      return { execution, outcome: await goOn(ports.executions, execution) }
    }
  },
})

/** An execution that is there already: after a failure it goes on where it failed. */
async function goOn(executions: Executions, name: string): Promise<'redriven' | 'there'> {
  const { status } = await executions.describe('training', name)
  if (status === 'RUNNING' || status === 'SUCCEEDED') return 'there'
  try {
    await executions.redrive('training', name)
    return 'redriven'
  } catch (error) {
    // Another delivery of the message was faster.
    if (isMillraceError(error, 'ExecutionConflict')) return 'there'
    throw error
  }
}
