import { beforeEach, expect, it } from 'vitest'
import { createApi, type Api } from '../../api/app.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { createAccounts } from '../../tasks/accounts.ts'
import type { Caller } from '../../tasks/caller.ts'
import { countServed } from '../../tasks/usage.ts'
import { irisNpy } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'
import { asker } from './ask.ts'

const ada: Caller = { user: 'ada', role: 'owner', keyId: 'k1' }
const plan = {
  requestsPerSecond: 1,
  burst: 3,
  monthly: { predictions: 1000, trainedRows: null },
  prices: {
    currency: 'USD',
    perThousandPredictions: 2,
    perMillionTrainedRows: 10,
    perGigabyteMonth: 0,
  },
}

let ports: MemoryPorts
let api: Api

beforeEach(async () => {
  ports = memoryPorts()
  await train(ports, 'uploads/ada/iris.npy', irisNpy(), {
    configuration: { algorithms: ['majority'] },
  })
  api = createApi(ports)
  expect((await asker(api)('PUT', '/plans/paid', { body: plan })).status).toBe(200)
  await createAccounts(ports.table, ports.clock).createUser('ada', { plan: 'paid' })
})

it('usage is priced by the plan', async () => {
  const body = { instances: Array.from({ length: 500 }, () => [6.5, 2.8, 4.6, 1.5]) }
  expect((await asker(api, ada)('POST', '/models/ada/iris/predictions', { body })).status).toBe(200)
  await countServed(ports.table, await ports.log.read('predictions/ada/iris/0'))
  const { body: usage } = await asker(api, ada)('GET', '/usage')
  expect(usage).toMatchObject({
    user: 'ada',
    month: '2026-01',
    plan: 'paid',
    usage: { predictions: 500, predictionRequests: 1, trainings: 1, trainedRows: 150 },
    limits: { monthly: { predictions: 1000 } },
    cost: { currency: 'USD', predictions: 1, training: 0.0015 },
  })
})

it('every route counts as a request, and says what is left', async () => {
  const ask = asker(api, ada)
  expect((await ask('GET', '/models')).headers.get('ratelimit')).toBe('"requests";r=2;t=3')
  await ask('GET', '/models')
  await ask('GET', '/models')
  const refused = await ask('GET', '/models')
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1'])
  expect(refused.body['type']).toBe('urn:millrace:error:QuotaExceeded')
  const predict = { body: { instances: [[6.5, 2.8, 4.6, 1.5]] } }
  expect((await ask('POST', '/models/ada/iris/predictions', predict)).status).toBe(429)
  ports.clock.advance(1000)
  expect((await ask('POST', '/models/ada/iris/predictions', predict)).status).toBe(200)
  expect((await ask('POST', '/models/ada/iris/predictions', predict)).status).toBe(429)
})

it('predictions that are refused cost none of the month', async () => {
  const ask = asker(api, ada)
  const predict = async (row: number[], of = '') => {
    const body = { instances: Array.from({ length: 1000 }, () => row) }
    return (await ask('POST', `/models/ada/iris/predictions${of}`, { body })).status
  }
  const flower = [6.5, 2.8, 4.6, 1.5]
  expect(await predict([6.5])).toBe(400)
  expect(await predict(flower, '?alias=none')).toBe(404)
  expect(await predict(flower)).toBe(200)
  ports.clock.advance(1000)
  expect(await predict(flower)).toBe(429)
})

it('the usage of others is not there', async () => {
  await createAccounts(ports.table, ports.clock).createUser('ben')
  const foreign = await asker(api, ada)('GET', '/usage?user=ben')
  const missing = await asker(api, ada)('GET', '/usage?user=nobody')
  expect(foreign.status).toBe(404)
  expect(foreign.text.replace('ben', 'nobody')).toBe(missing.text)
  expect((await asker(api)('GET', '/usage?user=ben')).status).toBe(200)
})

it('only the operator changes plans', async () => {
  expect((await asker(api, ada)('PUT', '/plans/paid', { body: plan })).status).toBe(403)
  expect((await asker(api, ada)('GET', '/plans')).status).toBe(403)
  const { body } = await asker(api)('GET', '/plans')
  expect(body).toMatchObject({ plans: [{ name: 'paid', requestsPerSecond: 1 }] })
})

it('what is kept is priced in the present month alone', async () => {
  const perGigabyteMonth = { ...plan, prices: { ...plan.prices, perGigabyteMonth: 1e9 } }
  await asker(api)('PUT', '/plans/paid', { body: perGigabyteMonth })
  const now = await asker(api)('GET', '/usage?user=ada')
  const { usage, cost } = now.body as Record<'usage' | 'cost', Record<string, number>>
  expect(usage['storedBytes']).toBeGreaterThan(1000)
  expect(cost['storage']).toBeCloseTo(usage['storedBytes']!, 6)
  expect(cost['total']).toBeCloseTo(cost['storage']! + cost['training']!, 6)
  for (const month of ['2025-12', '2026-02']) {
    const { body } = await asker(api)('GET', `/usage?user=ada&month=${month}`)
    expect(body).toMatchObject({ usage: { storedBytes: null }, cost: { storage: null, total: 0 } })
  }
})
