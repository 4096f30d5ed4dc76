import { promote } from '../../../tasks/promote.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(promote)
