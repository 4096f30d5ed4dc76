import { sweep } from '../../../tasks/sweep.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(sweep)
