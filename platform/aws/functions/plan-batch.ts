import { planBatch } from '../../../tasks/plan-batch.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(planBatch)
