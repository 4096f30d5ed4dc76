import { describe, expect, it } from 'vitest'
import {
  executionEndedEvent,
  memoryPorts,
  runTask,
  uploadEvent,
} from '../../platform/testing/index.ts'
import { createLedger } from '../../tasks/ledger.ts'
import { recordOutcome } from '../../tasks/record-outcome.ts'

const model = { user: 'ada', dataset: 'iris' }
const upload = uploadEvent('uploads/ada/iris.npy')
const delivery = { bucket: 'millrace', key: 'uploads/ada/iris.npy', versionId: 'v1' }

async function claimed() {
  const ports = memoryPorts()
  const ledger = createLedger(ports.table, ports.executions, 'training')
  const claim = (execution: string, versionId: string) => {
    ports.executions.set({ workflow: 'training', name: execution })
    return ledger.claim({
      delivery: { ...delivery, versionId },
      model,
      trainingId: 'training',
      execution,
    })
  }
  await claim('first', 'v1')
  return { ports, ledger, claim }
}

describe('the end of an execution', () => {
  it.each(['FAILED', 'TIMED_OUT', 'ABORTED'] as const)(
    'frees the lease when it is %s, so that the next upload of the same bytes trains',
    async (status) => {
      const { ports, ledger, claim } = await claimed()
      ports.executions.set({ workflow: 'training', name: 'first', status })
      const event = executionEndedEvent('training', 'first', status, { input: upload })
      expect(await runTask(recordOutcome, event, ports)).toEqual({ recorded: true })
      expect(await ledger.delivery(delivery)).toMatchObject({ status })
      expect(await claim('second', 'v2')).toEqual({ outcome: 'claimed' })
    },
  )

  it('keeps what succeeded, with its outcome, also when the event comes twice', async () => {
    const { ports, ledger, claim } = await claimed()
    ports.executions.set({ workflow: 'training', name: 'first', status: 'SUCCEEDED' })
    const output = { outcome: 'registered' }
    const event = executionEndedEvent('training', 'first', 'SUCCEEDED', { input: upload, output })
    await runTask(recordOutcome, event, ports)
    await runTask(recordOutcome, event, ports)
    expect(await ledger.delivery(delivery)).toMatchObject({
      status: 'SUCCEEDED',
      outcome: 'registered',
    })
    expect(await claim('second', 'v2')).toMatchObject({ outcome: 'duplicate', of: 'first' })
  })

  it('leaves an execution alone that was started with something else', async () => {
    const { ports } = await claimed()
    const event = executionEndedEvent('training', 'by-hand', 'FAILED', { input: { x: 1 } })
    expect(await runTask(recordOutcome, event, ports)).toEqual({ recorded: false })
  })
})
