import { watchPromotion } from '../../../tasks/watch-promotion.ts'
import { taskFunction } from '../task-function.ts'

export const handler = taskFunction(watchPromotion)
