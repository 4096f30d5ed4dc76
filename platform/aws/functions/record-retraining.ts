import { recordRetraining } from '../../../tasks/record-retraining.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(recordRetraining)
