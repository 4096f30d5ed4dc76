import { countServed } from '../../../tasks/usage.ts'
import { logFunction } from '../log-function.ts'

export const handler = logFunction('usage', (batch, { table }) => countServed(table, batch))
