import { handleMessage } from '../../../tasks/handle-message.ts'
import { queueFunction } from '../queue-function.ts'

export const handler = queueFunction(handleMessage)
