import { recordOutcome } from '../../../tasks/record-outcome.ts'
import { queueFunction } from '../queue-function.ts'

export const handler = queueFunction(recordOutcome)
