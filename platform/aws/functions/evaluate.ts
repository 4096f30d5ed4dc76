import { evaluate } from '../../../tasks/evaluate.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(evaluate)
