import { validate } from '../../../tasks/validate.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(validate)
