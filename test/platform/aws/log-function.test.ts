import { expect, it } from 'vitest'
import { logFunction } from '../../../platform/aws/log-function.ts'
import type { DynamoLog } from '../../../platform/aws/log.ts'
import { lambdaContext, memoryRuntime } from './memory-runtime.ts'

it('hands the events of the stream to the log, and the batches of the log to its handler', async () => {
  const runtime = memoryRuntime()
  const record = { key: 'served', position: '1', record: { n: 7 } }
  const drainStream: DynamoLog['drainStream'] = async (consumer, handler, { Records }) => {
    expect(consumer).toBe('monitor')
    await handler([record])
    return { batchItemFailures: Records.map(({ eventID }) => ({ itemIdentifier: eventID! })) }
  }
  const log = Object.assign(runtime.ports.log, { drainStream, drainAll: async () => undefined })
  const ports = { ...runtime.ports, log }
  const handled: unknown[] = []
  const handler = logFunction(
    'monitor',
    async (batch, { clock }) => void handled.push(...batch, clock.now()),
    () => ({ ...runtime, ports }),
  )
  const answer = await handler({ Records: [{ eventID: 'e1' }] }, lambdaContext())
  expect(handled).toEqual([record, ports.clock.now()])
  expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: 'e1' }] })
  expect(runtime.flushes).toBe(1)
})
