import { quarantine } from '../../../tasks/quarantine.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(quarantine)
