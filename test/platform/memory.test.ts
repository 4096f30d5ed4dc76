import { describe, expect, it } from 'vitest'
import { matchesPattern } from '../../events/pattern.ts'
import { RecordingExecutions } from '../../platform/testing/memory-executions.ts'
import { memoryPorts } from '../../platform/testing/memory-ports.ts'
import { busContract } from '../contracts/bus.ts'
import { computeContract } from '../contracts/compute.ts'
import { contractWorkflows, executionRequestsContract } from '../contracts/execution-requests.ts'
import { rejection } from '../contracts/expect-error.ts'
import { logContract } from '../contracts/log.ts'
import { objectsContract } from '../contracts/objects.ts'
import { queueContract } from '../contracts/queue.ts'
import { tableContract } from '../contracts/table.ts'

const close = async () => undefined

tableContract('memory', async () => ({ table: memoryPorts().table, close }))
logContract('memory', async () => ({ log: memoryPorts().log, close }))
computeContract('memory', async () => ({ compute: memoryPorts().compute, close }))

queueContract('memory', async () => {
  const { queue, clock } = memoryPorts({ maxReceives: 3 })
  const pass = async (seconds: number) => clock.advance(seconds * 1000)
  return { queue, pass, longWait: 7 * 24 * 3600, hiddenFor: 3, close }
})

executionRequestsContract('memory', async () => {
  const workflows = Object.keys(contractWorkflows)
  return { executions: new RecordingExecutions(memoryPorts().clock, { workflows }), close }
})

busContract('memory', async () => {
  const { bus } = memoryPorts()
  return {
    bus,
    addRule: async ({ name, pattern, deliver }) =>
      bus.addRule({ name, deliver, matches: (event) => matchesPattern(pattern, event) }),
    delivered: () => bus.idle(),
    close,
  }
})

objectsContract('memory', async () => {
  const { objects, clock, published } = memoryPorts()
  return {
    objects,
    events: async () => published,
    upload: (request) => objects.acceptUpload(request),
    advance: (milliseconds) => clock.advance(milliseconds),
    close,
  }
})

describe('memoryPorts', () => {
  it('shows what a task did to the world', async () => {
    const ports = memoryPorts({ bucket: 'mine', now: 5000 })
    await ports.objects.put('key', new Uint8Array(1))
    await ports.bus.publish([{ source: 's', detailType: 't', detail: {} }])
    ports.logger.warn('careful', { n: 1 })
    ports.metrics.record('rows', 3, 'Count', { model: 'a' })
    expect(ports.published.map((event) => event['detail-type'])).toEqual(['Object Created', 't'])
    expect(ports.published[0]!.detail['bucket']).toEqual({ name: 'mine' })
    expect(ports.logLines).toEqual([{ level: 'warn', message: 'careful', fields: { n: 1 } }])
    expect(ports.metrics.recorded).toEqual([
      { name: 'rows', value: 3, unit: 'Count', dimensions: { model: 'a' } },
    ])
    expect(ports.clock.now()).toBe(5000)
    ports.clock.advance(10)
    expect(ports.clock.now()).toBe(5010)
  })

  it('records executions, and answers what the test sets', async () => {
    const { executions } = memoryPorts()
    const start = { workflow: 'training', name: 'a', input: { n: 1 } }
    expect(await executions.start(start)).toMatchObject({ ...start, status: 'RUNNING' })
    expect(await executions.start(start)).toMatchObject({ status: 'RUNNING' })
    await rejection(executions.start({ ...start, input: { n: 2 } }), 'ExecutionConflict')
    executions.set({ workflow: 'training', name: 'a', status: 'FAILED', error: 'Oops' })
    expect(await executions.describe('training', 'a')).toMatchObject({ error: 'Oops' })
    await executions.stop('training', 'a')
    expect(await executions.describe('training', 'a')).toMatchObject({ status: 'FAILED' })
    await executions.redrive('training', 'a')
    await executions.stop('training', 'a', { error: 'Cancelled' })
    expect(await executions.list({ status: 'ABORTED' })).toMatchObject({
      executions: [{ name: 'a', redriveCount: 1 }],
    })
    expect(await executions.history('training', 'a')).toEqual([])
    await rejection(executions.describe('training', 'none'), 'ExecutionNotFound')
    expect(executions.requests.map(({ request }) => request)).toEqual([
      'start',
      'start',
      'start',
      'stop',
      'redrive',
      'stop',
    ])
  })
})
