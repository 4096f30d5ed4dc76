import { claim } from '../../../tasks/claim.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(claim)
