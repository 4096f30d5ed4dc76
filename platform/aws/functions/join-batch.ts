import { joinBatch } from '../../../tasks/join-batch.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(joinBatch)
