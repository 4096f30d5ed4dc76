import { predictRange } from '../../../tasks/predict-range.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(predictRange)
