import { checkDrift } from '../../../tasks/check-drift.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(checkDrift)
