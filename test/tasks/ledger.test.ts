import { describe, expect, it } from 'vitest'
import { createLedger, trainingIdentity } from '../../tasks/ledger.ts'
import { memoryPorts } from '../../platform/testing/memory-ports.ts'

const model = { user: 'ada', dataset: 'iris' }
const delivery = (versionId: string) => ({ bucket: 'b', key: 'uploads/ada/iris.npy', versionId })

function openLedger() {
  const ports = memoryPorts()
  const ledger = createLedger(ports.table, ports.executions, 'training')
  const run = (name: string) => ports.executions.set({ workflow: 'training', name })
  const redrive = (name: string) =>
    ports.executions.set({ workflow: 'training', name, status: 'RUNNING' })
  const end = (name: string, status: 'SUCCEEDED' | 'FAILED' | 'ABORTED') =>
    ports.executions.set({ workflow: 'training', name, status })
  const claim = (versionId: string, execution: string, trainingId = 't') => {
    run(execution)
    return ledger.claim({ delivery: delivery(versionId), model, trainingId, execution })
  }
  return { ledger, claim, end, redrive }
}

describe('ledger', () => {
  it('gives a delivery and a training to one execution, and the same answer again', async () => {
    const { claim } = openLedger()
    expect(await claim('v1', 'one')).toEqual({ outcome: 'claimed' })
    expect(await claim('v1', 'one')).toEqual({ outcome: 'claimed' })
    expect(await claim('v1', 'two')).toMatchObject({ outcome: 'duplicate', of: 'one' })
    expect(await claim('v2', 'three')).toMatchObject({ outcome: 'duplicate', of: 'one' })
    expect(await claim('v3', 'four', 'other')).toEqual({ outcome: 'claimed' })
  })

  it('lets exactly one of a hundred executions claim the same bytes', async () => {
    const { claim } = openLedger()
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => claim(`v${i}`, `execution-${i}`)),
    )
    expect(answers.filter((answer) => answer.outcome === 'claimed')).toHaveLength(1)
  })

  it('frees the lease of an execution that was stopped, before and after its end is recorded', async () => {
    const { claim, end, ledger } = openLedger()
    await claim('v1', 'one')
    end('one', 'ABORTED')
    expect(await claim('v2', 'two')).toEqual({ outcome: 'claimed' })
    end('two', 'FAILED')
    await ledger.settle(delivery('v2'), 'two', { status: 'FAILED' })
    expect(await claim('v3', 'three')).toEqual({ outcome: 'claimed' })
  })

  it('does not train again what succeeded while its end is still on the way', async () => {
    const { claim, end } = openLedger()
    await claim('v1', 'one')
    end('one', 'SUCCEEDED')
    expect(await claim('v2', 'two')).toMatchObject({ outcome: 'duplicate', of: 'one' })
  })

  it('lets the bytes of an upload that was rejected be looked at again', async () => {
    const { claim, end, ledger } = openLedger()
    await claim('v1', 'one')
    end('one', 'SUCCEEDED')
    await ledger.settle(delivery('v1'), 'one', { status: 'SUCCEEDED', outcome: 'rejected' })
    expect(await claim('v2', 'two')).toEqual({ outcome: 'claimed' })
    expect(await claim('v1', 'three')).toMatchObject({ outcome: 'duplicate', of: 'one' })
    end('two', 'SUCCEEDED')
    await ledger.settle(delivery('v2'), 'two', { status: 'SUCCEEDED', outcome: 'registered' })
    expect(await claim('v3', 'four')).toMatchObject({ outcome: 'duplicate', of: 'two' })
  })

  it('leaves the lease with an execution that was redriven, whatever is on record of its end', async () => {
    const { claim, end, ledger, redrive } = openLedger()
    await claim('v1', 'one')
    end('one', 'FAILED')
    redrive('one')
    await ledger.settle(delivery('v1'), 'one', { status: 'FAILED' })
    expect(await claim('v2', 'two')).toMatchObject({ outcome: 'duplicate', of: 'one' })
  })

  it('keeps a success when the event of an earlier end comes after it', async () => {
    const { claim, end, ledger } = openLedger()
    await claim('v1', 'one')
    end('one', 'SUCCEEDED')
    await ledger.settle(delivery('v1'), 'one', { status: 'SUCCEEDED', outcome: 'registered' })
    await ledger.settle(delivery('v1'), 'one', { status: 'FAILED' })
    expect(await ledger.delivery(delivery('v1'))).toMatchObject({ status: 'SUCCEEDED' })
    expect(await claim('v2', 'two')).toMatchObject({ outcome: 'duplicate', of: 'one' })
  })

  it('settles only what the execution holds', async () => {
    const { claim, end, ledger } = openLedger()
    await claim('v1', 'one')
    end('one', 'FAILED')
    await claim('v2', 'two')
    await ledger.settle(delivery('v1'), 'one', { status: 'FAILED' })
    expect(await claim('v3', 'three')).toMatchObject({ outcome: 'duplicate', of: 'two' })
    expect(await ledger.delivery(delivery('v1'))).toMatchObject({ status: 'FAILED' })
  })

  it('names a training by bytes, configuration and code, not by the order of options', () => {
    const base = { model, sha256: 'a', codeVersion: '1' }
    const identity = (configuration: unknown, sha256 = 'a') =>
      trainingIdentity({ ...base, sha256, configuration })
    expect(identity({ a: 1, b: { c: 2, d: 3 } })).toBe(identity({ b: { d: 3, c: 2 }, a: 1 }))
    expect(identity({ a: 1 })).not.toBe(identity({ a: 2 }))
    expect(identity({})).not.toBe(identity({}, 'b'))
  })
})
