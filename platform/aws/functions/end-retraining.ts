import { endRetraining } from '../../../tasks/end-retraining.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(endRetraining)
