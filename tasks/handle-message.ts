import * as z from 'zod'
import { executionStatusChangeSchema } from '../events/index.ts'
import { recordOutcome } from './record-outcome.ts'
import { startTraining } from './start-training.ts'
import { defineTask } from './task.ts'
import { trainingMessage } from './training-request.ts'

/**
 * Does what one message of the queue asks for: starts a training, or records how one ended. Another
 * message is refused, and ends with the dead letters.
 */
export const handleMessage = defineTask({
  name: 'HandleMessage',
  input: z.union([trainingMessage, executionStatusChangeSchema]),
  output: z.union([startTraining.output, recordOutcome.output]),
  run: (message, ports, context) =>
    'task' in message && message.task === 'train'
      ? startTraining.run(trainingMessage.parse(message), ports, context)
      : recordOutcome.run(executionStatusChangeSchema.parse(message), ports, context),
})
