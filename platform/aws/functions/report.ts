import { report } from '../../../tasks/report.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(report)
