import { countLabels } from '../../../tasks/count-labels.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(countLabels)
