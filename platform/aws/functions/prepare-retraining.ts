import { prepareRetraining } from '../../../tasks/prepare-retraining.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(prepareRetraining)
