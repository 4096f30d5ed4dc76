import { register } from '../../../tasks/register.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(register)
