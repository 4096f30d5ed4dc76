import { beforeEach, describe, expect, it } from 'vitest'
import { createApi, type Api } from '../../api/app.ts'
import { parseCsv, parseNpy } from '../../ml/data/index.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { createAccounts } from '../../tasks/accounts.ts'
import { createBatches } from '../../tasks/batches.ts'
import type { Caller } from '../../tasks/caller.ts'
import { createPlans, freePlan } from '../../tasks/plans.ts'
import { irisNpy, irisRows } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'
import { asker } from './ask.ts'
import { workOn } from './batch-work.ts'

const ada: Caller = { user: 'ada', role: 'predictor', keyId: 'k1' }
const path = '/models/ada/iris/batches'
const key = 'inputs/ada/iris/one.csv'

let ports: MemoryPorts
let api: Api
let ask: ReturnType<typeof asker>

beforeEach(async () => {
  ports = memoryPorts()
  await train(ports, 'uploads/ada/iris.npy', irisNpy(), {
    configuration: { algorithms: ['majority'] },
  })
  await ports.objects.put(key, irisCsv())
  api = createApi(ports)
  ask = asker(api, ada)
})

/** The features of Iris by the names that a `.npy` gives them. */
function irisCsv(rows = 150): Uint8Array {
  const names = [0, 1, 2, 3].map((i) => `feature_${i}`)
  const lines = irisRows()
    .slice(0, rows)
    .map((row) => row.slice(0, 4).join(','))
  return new TextEncoder().encode([names.join(','), ...lines, ''].join('\n'))
}

async function begin(body: object = {}, by = ask): Promise<string> {
  const asked = { file: { key }, rangeRows: 50, ...body }
  const answer = await by('POST', path, { body: asked })
  expect([answer.status, answer.text]).toEqual([202, expect.any(String)])
  return answer.body['batch'] as string
}

const described = async (batch: string) => (await ask('GET', `${path}/${batch}`)).body

const problem = (name: string) => `urn:millrace:error:${name}`

describe('a batch of a file', () => {
  it('predicts the version of it that was there, and tells what it was', async () => {
    const { versionId } = await ports.objects.head(key)
    const batch = await begin()
    await ports.objects.put(key, irisCsv(3))
    const file = { key, versionId }
    expect(await described(batch)).toMatchObject({
      file,
      dataset: null,
      datasetVersion: null,
      rows: 0,
      ranges: 0,
    })
    await workOn(ports, batch, { ranges: [0, 1] })
    expect(await described(batch)).toMatchObject({
      status: 'RUNNING',
      rows: 150,
      rowsDone: 100,
      ranges: 3,
      rangesDone: 2,
    })
    await workOn(ports, batch)
    expect(await described(batch)).toMatchObject({
      status: 'SUCCEEDED',
      source: file,
      rowsDone: 150,
      failedRanges: [],
    })
    const { text } = await ask('GET', `${path}/${batch}/results`)
    expect(parseCsv(new TextEncoder().encode(text)).rows).toBe(150)
    const { versionId: older } = await ports.objects.head(key)
    expect(await described(await begin({ file: { key, versionId: older } }))).toMatchObject({
      file: { key, versionId: older },
    })
  })

  it('takes what is asked for to its execution', async () => {
    const bounds = { rangeRows: 10, concurrency: 3, toleratedFailures: 2 }
    await begin({ ...bounds, format: 'npy' })
    expect(ports.executions.requests.at(-1)).toMatchObject({
      input: { ...bounds, format: 'npy', file: { key }, isLimited: true },
    })
    await begin({}, asker(api))
    expect(ports.executions.requests.at(-1)).toMatchObject({ input: { isLimited: false } })
  })

  it('is refused for a file that is not there, and for one of another user as for none', async () => {
    await ports.objects.put('inputs/bob/iris/one.csv', irisCsv())
    for (const [body, status, error] of [
      [{ file: { key: 'inputs/ada/iris/none.csv' } }, 404, 'ObjectNotFound'],
      [{ file: { key, versionId: 'none' } }, 404, 'ObjectNotFound'],
      [{ file: { key: 'inputs/bob/iris/one.csv' } }, 404, 'ObjectNotFound'],
      [{ file: { key: 'uploads/ada/iris.npy' } }, 400, 'NameInvalid'],
      [{ file: { key: 'inputs/ada/../bob/one.csv' } }, 400, 'NameInvalid'],
      [{ file: { key, versionID: 'x' } }, 400, 'RequestInvalid'],
      [{ file: { key }, dataset: 'ada/iris' }, 400, 'RequestInvalid'],
      [{ file: { key }, datasetVersion: 0 }, 400, 'RequestInvalid'],
    ] as const) {
      const answer = await ask('POST', path, { body })
      expect([body, answer.status, answer.body['type']]).toEqual([body, status, problem(error)])
    }
    expect(ports.executions.requests).toEqual([])
  })
})

describe('a batch of which ranges fail', () => {
  const told = { from: 50, to: 100, error: 'Fault', message: 'the disk is full' }
  const failure = { index: 1, ...told }

  it.each(['csv', 'npy'] as const)(
    'has the other rows as %s, where that is tolerated',
    async (format) => {
      const batch = await begin({ toleratedFailures: 1, format })
      await workOn(ports, batch, { ranges: [0] })
      await createBatches(ports.table).addFailure({ user: 'ada', dataset: 'iris' }, batch, failure)
      await workOn(ports, batch, { ranges: [2], isJoined: true })
      const told = { from: 50, to: 100, error: 'Fault', message: 'the disk is full' }
      expect(await described(batch)).toMatchObject({
        status: 'SUCCEEDED',
        rowsDone: 100,
        rowsMissing: 50,
        failedRanges: [told],
      })
      const at = `http://localhost${path}/${batch}/results`
      const response = await api.fetch(new Request(at), { caller: ada })
      const bytes = new Uint8Array(await response.arrayBuffer())
      const spans = response.headers.get('x-batch-rows')
      if (format === 'csv') {
        expect([spans, parseCsv(bytes).rows]).toEqual(['0-49,100-149', 100])
        return
      }
      const values = [...(parseNpy(bytes).data as Float64Array)]
      expect([spans, values.length]).toEqual(['0-149', 150])
      expect(values.flatMap((value, i) => (Number.isNaN(value) ? [i] : []))).toEqual(
        Array.from({ length: 50 }, (_, i) => i + 50),
      )
    },
  )

  it.each(['csv', 'npy'] as const)(
    'answers %s that is in no one object from its parts',
    async (format) => {
      const batch = await begin({ toleratedFailures: 1, format })
      await workOn(ports, batch, { ranges: [0, 2], isJoined: true })
      const whole = await ask('GET', `${path}/${batch}/results`)
      const item = await ports.table.get('batches#ada/iris', batch)
      const result = item!['result'] as object
      await ports.table.put({ ...item!, result: { ...result, object: null } })
      const parts = await ask('GET', `${path}/${batch}/results`)
      expect(parts.text).toBe(whole.text)
      expect(parts.headers.get('x-batch-rows')).toBe(whole.headers.get('x-batch-rows'))
      expect(await described(batch)).toMatchObject({ status: 'SUCCEEDED', results: null })
    },
  )
})

describe('a batch that is resumed', () => {
  const resume = (batch: string) => ask('POST', `${path}/${batch}/resume`)

  it('goes on with what is missing, by another execution, and is counted once', async () => {
    const batch = await begin()
    expect((await resume(batch)).body['type']).toBe(problem('ExecutionConflict'))
    await workOn(ports, batch, { ranges: [0] })
    await ask('POST', `${path}/${batch}/cancel`)
    const answer = await resume(batch)
    const execution = `${batch}-r2`
    expect([answer.status, answer.body]).toMatchObject([202, { batch, execution }])
    expect(await described(batch)).toMatchObject({ status: 'RUNNING', execution, rowsDone: 50 })
    expect((await resume(batch)).status).toBe(409)
    await ask('POST', `${path}/${batch}/cancel`)
    expect((await resume(batch)).body).toMatchObject({ execution: `${batch}-r3` })
    await workOn(ports, batch, { execution: `${batch}-r3` })
    expect(await described(batch)).toMatchObject({ status: 'SUCCEEDED', rowsDone: 150 })
    expect((await resume(batch)).body['detail']).toContain('is done')
    const usage = await asker(api)('GET', '/usage?user=ada')
    expect(usage.body).toMatchObject({ usage: { batchRows: 150 } })
    const listed = await asker(api, { ...ada, role: 'owner' })('GET', '/executions?workflow=batch')
    expect(listed.text).toContain(execution)
  })

  it('is one for two requests at a time, and starts what was noted alone', async () => {
    const batch = await begin()
    ports.executions.set({ workflow: 'batch', name: batch, status: 'FAILED' })
    const model = { user: 'ada', dataset: 'iris' }
    const noted = { execution: `${batch}-r2`, last: batch }
    expect(await createBatches(ports.table).resume(model, batch, noted)).toBe(true)
    const answers = await Promise.all([resume(batch), resume(batch)])
    expect(answers.map(({ status }) => status)).toContain(202)
    const started = ports.executions.requests.filter(({ name }) => name !== batch)
    expect(new Set(started.map(({ name }) => name))).toEqual(new Set([`${batch}-r2`]))
  })

  it('is none that was rejected, or is not there', async () => {
    await ports.objects.put(key, new TextEncoder().encode('other\n1\n'))
    const batch = await begin()
    await workOn(ports, batch)
    expect(await described(batch)).toMatchObject({ status: 'REJECTED' })
    expect((await resume(batch)).body['detail']).toContain('was rejected')
    expect((await resume('none')).status).toBe(404)
  })
})

describe('the plan of a user', () => {
  beforeEach(async () => {
    const monthly = { ...freePlan.monthly, predictions: 200 }
    await createPlans(ports.table).setPlan('small', { ...freePlan, monthly })
    await createAccounts(ports.table, ports.clock).createUser('ada', { plan: 'small' })
  })

  const predict = (rows: number) => {
    const body = { instances: Array.from({ length: rows }, () => [5.1, 3.5, 1.4, 0.2]) }
    // Another process: it knows what the table says alone.
    return asker(createApi(ports), ada)('POST', '/models/ada/iris/predictions', { body })
  }

  it('holds for files, whose rows are counted when they are divided', async () => {
    const [first, second] = [await begin(), await begin()]
    await workOn(ports, first, { ranges: [0] })
    await workOn(ports, second)
    expect(await described(second)).toMatchObject({
      status: 'REJECTED',
      reasons: [
        { code: 'QuotaExceeded', message: expect.stringContaining('150 were made') as string },
      ],
      rowsDone: 0,
    })
    expect((await predict(51)).status).toBe(429)
    expect((await predict(50)).status).toBe(200)
    // What is given up is let go: 50 rows of the first one are done.
    await ask('POST', `${path}/${first}/cancel`)
    await ask('POST', `${path}/${first}/cancel`)
    expect((await predict(151)).status).toBe(429)
    expect((await predict(150)).status).toBe(200)
    expect((await ask('POST', `${path}/${second}/resume`)).status).toBe(202)
    await workOn(ports, second, { execution: `${second}-r2` })
    expect(await described(second)).toMatchObject({ status: 'SUCCEEDED', reasons: [] })
  })

  it('holds no operator back, and who has nothing left not until the next month alone', async () => {
    for (let i = 0; i < 2; i++) await workOn(ports, await begin({}, asker(api)))
    const refused = await asker(createApi(ports), ada)('POST', path, { body: { file: { key } } })
    expect([refused.status, refused.body['type']]).toEqual([429, problem('QuotaExceeded')])
    ports.clock.advance(31 * 24 * 3600 * 1000)
    const batch = await begin()
    await workOn(ports, batch)
    expect(await described(batch)).toMatchObject({ status: 'SUCCEEDED' })
  })
})
