import { beforeEach, expect, it } from 'vitest'
import { createAccounts } from '../../tasks/accounts.ts'
import { createDatasets } from '../../tasks/datasets.ts'
import { createPlans, freePlan } from '../../tasks/plans.ts'
import { usageOf } from '../../tasks/usage.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { npyOf } from '../fixtures/iris.ts'
import { quantityRows } from '../fixtures/quantities.ts'
import { train } from '../fixtures/train.ts'

const configuration = { algorithms: ['mean'] }
const bytes = (seed: number) => npyOf(quantityRows(60, seed))
const key = 'uploads/ada/price.npy'

let ports: MemoryPorts

beforeEach(async () => {
  ports = memoryPorts({ now: Date.UTC(2026, 0, 31) })
  const monthly = { predictions: null, trainedRows: 100 }
  await createPlans(ports.table).setPlan('small', { ...freePlan, monthly })
  await createAccounts(ports.table, ports.clock).createUser('ada', { plan: 'small' })
})

const rejected = (message: string) => ({
  status: 'SUCCEEDED',
  output: {
    outcome: 'rejected',
    reasons: [{ code: 'QuotaExceeded', message: expect.stringContaining(message) as string }],
  },
})

it('An upload beyond the rows of the month is rejected, and is no version of the dataset', async () => {
  await train(ports, key, bytes(1), { configuration })
  const run = await train(ports, key, bytes(2), { configuration })
  expect(run).toMatchObject(rejected('100 rows a month, and the 60 of this upload are more'))
  expect(run.calls['Train']).toEqual([])
  expect(await usageOf(ports.table, 'ada', '2026-01')).toMatchObject({
    trainings: 1,
    trainedRows: 60,
  })
  const { versions } = await createDatasets(ports).versions({ user: 'ada', dataset: 'price' }, {})
  expect(versions).toHaveLength(1)
})

it('A month that is used up reads no upload, and the next one begins anew', async () => {
  for (const seed of [1, 2])
    await train(ports, key, npyOf(quantityRows(50, seed)), { configuration })
  const run = await train(ports, key, new Uint8Array(10), { configuration })
  expect(run).toMatchObject(rejected('and they are used up'))
  ports.clock.advance(2 * 24 * 3600 * 1000)
  const next = await train(ports, key, bytes(3), { configuration })
  expect(next).toMatchObject({ output: { outcome: 'registered', version: 2 } })
})

it('Others, and users without a plan, train as they like', async () => {
  await train(ports, key, npyOf(quantityRows(100, 1)), { configuration })
  for (const other of ['uploads/bob/price.npy', 'uploads/price.npy']) {
    const run = await train(ports, other, npyOf(quantityRows(200, 1)), { configuration })
    expect(run).toMatchObject({ output: { outcome: 'registered' } })
  }
})
