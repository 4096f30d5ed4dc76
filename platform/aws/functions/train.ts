import { train } from '../../../tasks/train.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(train)
