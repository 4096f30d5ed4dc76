import { announce } from '../../../tasks/announce.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(announce)
