import { claimRetraining } from '../../../tasks/claim-retraining.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(claimRetraining)
