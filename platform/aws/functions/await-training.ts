import { awaitTraining } from '../../../tasks/await-training.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(awaitTraining)
