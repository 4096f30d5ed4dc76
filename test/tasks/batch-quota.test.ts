import { beforeEach, expect, it } from 'vitest'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { createAccounts } from '../../tasks/accounts.ts'
import { holdBatchRows, releaseBatchRows, spentRowsOf } from '../../tasks/batch-quota.ts'
import { createBatches } from '../../tasks/batches.ts'
import { createPlans, freePlan } from '../../tasks/plans.ts'
import { countBatchRows, monthOf } from '../../tasks/usage.ts'

let ports: MemoryPorts

beforeEach(async () => {
  ports = memoryPorts()
  const monthly = { ...freePlan.monthly, predictions: 100 }
  await createPlans(ports.table).setPlan('small', { ...freePlan, monthly })
  await createAccounts(ports.table, ports.clock).createUser('ada', { plan: 'small' })
})

const model = { user: 'ada', dataset: 'iris' }

const hold = async (batch: string, rows: number, isLimited = true) =>
  (await holdBatchRows(ports, 'ada', { batch, rows, isLimited }))?.code ?? 'held'

async function addBatch(batch: string): Promise<void> {
  const source = { dataset: 'ada/iris', datasetVersion: 0, format: 'csv', rows: 60 } as const
  const createdAt = '2026-01-01T00:00:00.000Z'
  const record = { batch, model: 'ada/iris', version: 0, ...source, createdAt }
  await createBatches(ports.table).add(model, record)
}

async function spent(): Promise<number> {
  const rows = await spentRowsOf(ports.table, 'ada', monthOf(ports.clock.now()))
  return rows.predicted + rows.held
}

const predict = (rows: number) =>
  ports.table.transact([countBatchRows(ports.clock.now(), 'ada', { rows })])

it('batches at one moment have together what one may have', async () => {
  const held = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((batch) => hold(batch, 40)))
  expect(held.filter((one) => one === 'held')).toHaveLength(2)
  expect(held.filter((one) => one === 'QuotaExceeded')).toHaveLength(3)
  expect(await spent()).toBe(80)
})

it('a batch holds its rows once, and until they are counted', async () => {
  expect([await hold('a', 60), await hold('a', 60)]).toEqual(['held', 'held'])
  await predict(25)
  expect(await spent()).toBe(60)
  await predict(35)
  expect(await spent()).toBe(60)
  expect([await hold('b', 41), await hold('b', 40)]).toEqual(['QuotaExceeded', 'held'])
})

it('what is let go may be had by others, once', async () => {
  await hold('a', 60)
  await hold('b', 30)
  await predict(20)
  const given = { batch: 'a', execution: 'a', rows: 40 }
  await addBatch('a')
  for (let i = 0; i < 2; i++) await releaseBatchRows(ports.table, model, given)
  expect(await spent()).toBe(50)
  expect([await hold('a', 40), await spent()]).toEqual(['held', 90])
})

it('what a batch holds that was resumed is not let go by who cancelled it before', async () => {
  await addBatch('a')
  await hold('a', 60)
  await createBatches(ports.table).resume(model, 'a', { execution: 'a-r2', last: 'a' })
  const held = { batch: 'a', rows: 60 }
  await releaseBatchRows(ports.table, model, { ...held, execution: 'a' })
  expect(await spent()).toBe(60)
  await releaseBatchRows(ports.table, model, { ...held, execution: 'a-r2' })
  expect(await spent()).toBe(0)
})

it('one that nobody asks the plan for is counted all the same', async () => {
  expect(await hold('a', 90, false)).toBe('held')
  expect([await hold('b', 20), await hold('b', 20, false)]).toEqual(['QuotaExceeded', 'held'])
  expect(await spent()).toBe(110)
})

it('the next month is asked anew', async () => {
  await hold('a', 60)
  ports.clock.advance(31 * 24 * 3600 * 1000)
  expect(await spent()).toBe(0)
  expect([await hold('b', 70), await hold('a', 60)]).toEqual(['held', 'QuotaExceeded'])
  // Rows that were held in another month are counted in this one.
  await predict(80)
  expect(await spent()).toBe(80)
})
