import { rewriteRows } from '../../../tasks/rewrite-rows.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(rewriteRows)
