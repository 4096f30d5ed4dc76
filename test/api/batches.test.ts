import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApi, type Api } from '../../api/app.ts'
import { parseCsv, parseNpy } from '../../ml/data/index.ts'
import { openPlatform, type Platform } from '../../platform/local/platform.ts'
import { MillraceError, type Table } from '../../platform/ports/index.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { RecordingLogger } from '../../platform/testing/memory-observability.ts'
import { createAccounts } from '../../tasks/accounts.ts'
import { createPlans } from '../../tasks/plans.ts'
import type { Caller } from '../../tasks/caller.ts'
import { quotaMaxAge } from '../../tasks/quotas.ts'
import { damaging, readingThrough } from '../fixtures/batch.ts'
import { irisNpy, irisRows } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'
import { asker } from './ask.ts'
import { workOn } from './batch-work.ts'

const ada: Caller = { user: 'ada', role: 'owner', keyId: 'k1' }
const bob: Caller = { user: 'bob', role: 'owner', keyId: 'k2' }
const path = '/models/ada/iris/batches'
const learning = { algorithms: ['logistic-regression'], trials: 1 }

let ports: MemoryPorts
let api: Api
let ask: ReturnType<typeof asker>

beforeEach(async () => {
  ports = memoryPorts()
  await train(ports, 'uploads/ada/iris.npy', irisNpy(), { configuration: learning })
  api = createApi(ports)
  ask = asker(api, ada)
})

/** Asks for a batch in ranges of 50 rows, and answers its name. */
async function begin(body: object = {}): Promise<string> {
  const answer = await ask('POST', path, { body: { rangeRows: 50, ...body } })
  expect([answer.status, answer.text]).toEqual([202, expect.any(String)])
  return answer.body['batch'] as string
}

/** Lets ada predict so many rows a month. */
async function limit(predictions: number): Promise<void> {
  const accounts = createAccounts(ports.table, ports.clock)
  await accounts.createUser('ada')
  const { monthly, ...plan } = await createPlans(ports.table).plan('default')
  await createPlans(ports.table).setPlan('small', {
    ...plan,
    monthly: { ...monthly, predictions },
  })
  await accounts.setPlan('ada', 'small')
}

/** Iris as a CSV, by columns of these names. */
function labelled(csv: string): string {
  const [header, ...lines] = csv.trim().split('\n')
  const classes = irisRows().map((row) => row[4])
  return [`${header},kind`, ...lines.map((line, i) => `${line},k${classes[i]}`)].join('\n')
}

describe('what is known of a batch', () => {
  it('leads back to the bytes that were predicted, and to those that its version learned from', async () => {
    const rows = irisRows().map((row) => row.slice(0, 4).join(','))
    const csv = ['a,b,c,d', ...rows, ''].join('\n')
    const columns = ['a', 'b', 'c', 'd'].map((name) => ({ name, type: 'number' }))
    await ask('PUT', '/datasets/ada/fresh', { body: { columns, target: null } })
    const instances = csv
      .split('\n')
      .slice(1, -1)
      .map((line) => line.split(',').map(Number))
    await ask('POST', '/datasets/ada/fresh/rows', { body: instances })
    await train(ports, 'uploads/ada/plain.csv', new TextEncoder().encode(labelled(csv)), {
      configuration: learning,
    })
    const at = '/models/ada/plain/batches'
    const { body } = await ask('POST', at, { body: { dataset: 'ada/fresh', rangeRows: 50 } })
    const batch = body['batch'] as string
    const before = await ask('GET', `${at}/${batch}`)
    expect(before.body).toMatchObject({ source: null, manifest: null, lineage: {} })
    await workOn(ports, batch)
    const version = (await ask('GET', '/models/ada/plain/versions/0')).body
    const found = (await ask('GET', `${at}/${batch}`)).body
    const { source, manifest } = found as Record<string, { key: string; versionId: string }>
    expect(found['lineage']).toEqual({
      algorithm: 'logistic-regression',
      source: version['source'],
      trainingId: version['trainingId'],
      execution: version['execution'],
      registeredAt: version['registeredAt'],
      deleted: false,
    })
    const predicted = await ports.objects.read(source!.key, { versionId: source!.versionId })
    expect(parseCsv(predicted).rows).toBe(150)
    const written = await ports.objects.read(manifest!.key, { versionId: manifest!.versionId })
    const told = JSON.parse(new TextDecoder().decode(written)) as object
    expect(told).toMatchObject({ source, artifact: version['artifact'] })
  })

  it('is there for who may predict, and for who may read', async () => {
    const batch = await begin()
    await workOn(ports, batch)
    for (const role of ['predictor', 'reader'] as const) {
      const asRole = asker(api, { ...ada, role })
      for (const at of [path, `${path}/${batch}`, `${path}/${batch}/results`]) {
        expect([role, at, (await asRole('GET', at)).status]).toEqual([role, at, 200])
      }
      const cancel = await asRole('POST', `${path}/${batch}/cancel`)
      expect(cancel.status).toBe(role === 'reader' ? 403 : 200)
      expect((await asRole('POST', path, { body: {} })).status).toBe(role === 'reader' ? 403 : 202)
    }
  })

  it('is done where it ended while it was asked for', async () => {
    const { executions } = ports
    const describeExecution = executions.describe.bind(executions)
    const ending: string[] = []
    vi.spyOn(executions, 'describe').mockImplementation(async (workflow, name) => {
      if (ending.pop() === name) await workOn(ports, name)
      return describeExecution(workflow, name)
    })
    const one = await begin()
    ending.push(one)
    const { body } = await ask('GET', `${path}/${one}`)
    expect(body).toMatchObject({ batch: one, status: 'SUCCEEDED', rowsDone: 150 })
    // The newest is looked at first.
    ports.clock.advance(1)
    const other = await begin()
    ending.push(other)
    const { batches } = (await ask('GET', path)).body as { batches: { status: string }[] }
    expect(batches.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED'])
    expect(ending).toEqual([])
  })

  it('is done where it was cancelled when its results were there', async () => {
    const batch = await begin()
    await workOn(ports, batch)
    ports.executions.set({ workflow: 'batch', name: batch, status: 'ABORTED' })
    expect((await ask('GET', `${path}/${batch}`)).body).toMatchObject({ status: 'SUCCEEDED' })
    expect((await ask('GET', path)).body).toMatchObject({ batches: [{ status: 'SUCCEEDED' }] })
  })

  it('is counted as predictions, and told apart from others', async () => {
    await workOn(ports, await begin())
    const { body } = await ask('GET', '/usage')
    expect(body).toMatchObject({ usage: { predictions: 150, batchRows: 150 } })
  })
})

describe('a batch that is asked for', () => {
  it('starts an execution that names versions, and is there at once', async () => {
    const answer = await ask('POST', path, { body: { format: 'jsonl' } })
    const { batch } = answer.body as { batch: string }
    expect([answer.status, answer.headers.get('location')]).toEqual([202, `${path}/${batch}`])
    expect(answer.body).toMatchObject({
      execution: batch,
      workflow: 'batch',
      model: 'ada/iris',
      version: 0,
      dataset: 'ada/iris',
      datasetVersion: 0,
      format: 'jsonl',
    })
    expect(ports.executions.requests.at(-1)).toMatchObject({
      request: 'start',
      workflow: 'batch',
      name: batch,
      input: { model: 'ada/iris', version: 0, dataset: 'ada/iris', datasetVersion: 0 },
    })
    expect((await ask('GET', `${path}/${batch}`)).body).toMatchObject({
      status: 'RUNNING',
      rows: 150,
      rowsDone: 0,
      rowsFailed: 0,
      results: null,
    })
    const listed = await ask('GET', '/executions?workflow=batch')
    expect(listed.body).toMatchObject({ executions: [{ workflow: 'batch', name: batch }] })
    expect((await ask('GET', `/executions/${batch}?workflow=batch`)).status).toBe(200)
  })

  it('is one for the same Idempotency-Key', async () => {
    const headers = { 'idempotency-key': 'once' }
    const answers = [1, 2].map(() => ask('POST', path, { body: {}, headers }))
    const [first, second] = [await answers[0]!, await answers[1]!]
    const again = await ask('POST', path, { body: {}, headers })
    expect([first.status, second.status]).toContain(202)
    expect(again.status).toBe(202)
    const starts = ports.executions.requests.filter(({ request }) => request === 'start')
    expect(starts).toHaveLength(1)
  })

  it('is refused for what is not there, or is another user’s', async () => {
    await train(ports, 'uploads/bob/iris.npy', irisNpy(), { configuration: learning })
    for (const [body, status] of [
      [{ version: 7 }, 404],
      [{ alias: 'none' }, 404],
      [{ alias: 'champion', version: 7 }, 404],
      [{ datasetVersion: 7 }, 404],
      [{ dataset: 'ada/none' }, 404],
      [{ dataset: 'bob/iris' }, 404],
      [{ dataset: '../x' }, 400],
      [{ format: 'xlsx' }, 400],
      [{ rangeRows: 0 }, 400],
      [{ concurrency: 10_001 }, 400],
      [{ toleratedFailures: -1 }, 400],
      [{ bound: 1 }, 400],
    ] as const) {
      expect([body, (await ask('POST', path, { body })).status]).toEqual([body, status])
    }
    expect(ports.executions.requests).toEqual([])
    const asBob = asker(api, bob)
    const batch = await begin()
    for (const [method, at] of [
      ['POST', path],
      ['GET', path],
      ['GET', `${path}/${batch}`],
      ['GET', `${path}/${batch}/results`],
      ['POST', `${path}/${batch}/cancel`],
      ['POST', `${path}/${batch}/resume`],
    ] as const) {
      const answer = await asBob(method, at, method === 'POST' ? { body: {} } : {})
      expect([at, answer.status]).toEqual([at, 404])
    }
    const ofBob = await asBob('GET', `/models/bob/iris/batches/${batch}`)
    expect([ofBob.status, ofBob.body['type']]).toEqual([404, 'urn:millrace:error:BatchNotFound'])
    expect((await ports.executions.describe('batch', batch)).status).toBe('RUNNING')
  })

  it('costs its rows, and is refused beyond the plan', async () => {
    await limit(200)
    await begin()
    const refused = await ask('POST', path, { body: {} })
    expect([refused.status, refused.body['type']]).toEqual([
      429,
      'urn:millrace:error:QuotaExceeded',
    ])
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
  })

  it.each([
    ['before its rows are counted', {}],
    ['while it holds them', { ranges: [] }],
  ])('and is cancelled %s costs none of the month', async (_, work) => {
    await limit(200)
    const instances = irisRows()
      .slice(0, 60)
      .map((row) => row.slice(0, 4))
    const predict = () => ask('POST', '/models/ada/iris/predictions', { body: { instances } })
    const batch = await begin()
    if ('ranges' in work) await workOn(ports, batch, work)
    ports.clock.advance(quotaMaxAge)
    await predict()
    expect((await ask('POST', `${path}/${batch}/cancel`)).status).toBe(200)
    ports.clock.advance(quotaMaxAge)
    expect((await predict()).status).toBe(200)
  })
})

describe('a batch under way', () => {
  it('has the results of the ranges that are done, in their order', async () => {
    const batch = await begin({ format: 'jsonl' })
    const early = await ask('GET', `${path}/${batch}/results`)
    expect([early.status, early.body['type']]).toEqual([409, 'urn:millrace:error:BatchUnfinished'])
    await workOn(ports, batch, { ranges: [2, 0] })
    const answer = await ask('GET', `${path}/${batch}/results`)
    expect(answer.headers.get('x-batch-rows')).toBe('0-49,100-149')
    const rows = answer.text
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { row: number }).row)
    expect(rows).toEqual([...Array(50).keys(), ...Array.from({ length: 50 }, (_, i) => i + 100)])
    expect((await ask('GET', `${path}/${batch}`)).body).toMatchObject({
      status: 'RUNNING',
      rows: 150,
      rowsDone: 100,
    })
  })

  it('is cancelled, and keeps what is done', async () => {
    const batch = await begin()
    await workOn(ports, batch, { ranges: [0] })
    const cancelled = await ask('POST', `${path}/${batch}/cancel`)
    expect(cancelled.body).toMatchObject({
      status: 'ABORTED',
      error: 'BatchCancelled',
      rowsDone: 50,
    })
    expect((await ask('POST', `${path}/${batch}/cancel`)).status).toBe(200)
    const { text } = await ask('GET', `${path}/${batch}/results`)
    expect(parseCsv(new TextEncoder().encode(text)).rows).toBe(50)
  })

  it('tells why it was rejected', async () => {
    const columns = [{ name: 'other', type: 'number' }]
    await ask('PUT', '/datasets/ada/other', { body: { columns, target: null } })
    const batch = await begin({ dataset: 'ada/other' })
    await workOn(ports, batch, { ranges: [] })
    expect((await ask('GET', `${path}/${batch}`)).body).toMatchObject({
      status: 'REJECTED',
      reasons: [{ code: 'ColumnMissing' }, { code: 'ColumnUnknown' }],
    })
    expect((await ask('GET', `${path}/${batch}/results`)).status).toBe(409)
  })
})

describe('results', () => {
  it.each(['csv', 'jsonl', 'npy'] as const)('come in pages of %s', async (format) => {
    const batch = await begin({ format })
    await workOn(ports, batch)
    const whole = await bytesOf(`${path}/${batch}/results`)
    const seen: string[] = []
    const parts: number[][] = []
    let next: string | undefined = `${path}/${batch}/results?offset=20&limit=47`
    while (next !== undefined) {
      const response = await api.fetch(new Request(`http://localhost${next}`), { caller: ada })
      expect(response.status).toBe(200)
      seen.push(response.headers.get('x-batch-rows')!)
      parts.push(predictionsOf(format, new Uint8Array(await response.arrayBuffer())))
      next = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1]
    }
    expect(seen).toEqual(['20-66', '67-113', '114-149'])
    expect(parts.flat()).toEqual(predictionsOf(format, whole).slice(20))
    expect(predictionsOf(format, whole)).toHaveLength(150)
    const beyond = await bytesOf(`${path}/${batch}/results?offset=9007199254740991`)
    expect(predictionsOf(format, beyond)).toEqual([])
  })

  it('that are larger than a gateway passes are refused whole', async () => {
    const batch = await begin()
    await workOn(ports, batch)
    const behindGateway = asker(createApi(ports, { streams: false }), ada)
    expect((await behindGateway('GET', `${path}/${batch}/results`)).status).toBe(200)
    const item = await ports.table.get('batches#ada/iris', batch)
    const result = item!['result'] as { object: object }
    const object = { ...result.object, size: 5 * 1024 * 1024 }
    await ports.table.put({ ...item!, result: { ...result, object } })
    const refused = await behindGateway('GET', `${path}/${batch}/results`)
    expect([refused.status, refused.body['errors']]).toEqual([
      400,
      [{ field: 'limit', message: expect.any(String) as string }],
    ])
    expect((await behindGateway('GET', `${path}/${batch}/results?limit=10`)).status).toBe(200)
  })

  it('are listed by batches, the newest first, in pages', async () => {
    const names: string[] = []
    for (let i = 0; i < 3; i++) {
      names.push(await begin())
      ports.clock.advance(1000)
    }
    const first = await ask('GET', `${path}?limit=2`)
    const { batches, cursor } = first.body as { batches: { batch: string }[]; cursor: string }
    expect(batches.map(({ batch }) => batch)).toEqual([names[2], names[1]])
    const rest = await ask('GET', `${path}?limit=2&cursor=${encodeURIComponent(cursor)}`)
    expect(rest.body).toMatchObject({ batches: [{ batch: names[0], status: 'RUNNING' }] })
    expect(rest.body).not.toHaveProperty('cursor')
    expect((await ask('GET', '/models/ada/none/batches')).status).toBe(404)
  })
})

describe('results in more than one object', () => {
  /** A batch that is done, as one is whose results are too large to be joined. */
  async function done(format: 'csv' | 'jsonl' | 'npy'): Promise<string> {
    const batch = await begin({ format })
    await workOn(ports, batch)
    const item = await ports.table.get('batches#ada/iris', batch)
    const result = { ...(item!['result'] as object), object: null }
    await ports.table.put({ ...item!, result })
    return batch
  }

  /** Asks where shards of these names are damaged. */
  const damagedAt = (keys: RegExp) => createApi(damaging(ports, keys))

  async function expectResumable(batch: string, { rows }: { rows: number }): Promise<void> {
    const { body } = await ask('GET', `${path}/${batch}`)
    expect(body).toMatchObject({ status: 'FAILED', rowsDone: rows })
    expect(body['failedRanges']).toMatchObject([{ from: 100, to: 150, error: 'ShardDamaged' }])
    const resumed = await ask('POST', `${path}/${batch}/resume`)
    expect(resumed.status).toBe(202)
    await workOn(ports, batch, { execution: resumed.body['execution'] as string })
    expect((await ask('GET', `${path}/${batch}`)).body).toMatchObject({
      status: 'SUCCEEDED',
      rowsDone: 150,
      failedRanges: [],
    })
    const used = await ask('GET', '/usage')
    expect(used.body['usage']).toMatchObject({ batchRows: 150 })
  }

  it.each(['csv', 'jsonl', 'npy'] as const)('are one answer of %s', async (format) => {
    const batch = await done(format)
    const results = await bytesOf(`${path}/${batch}/results`)
    expect(predictionsOf(format, results)).toHaveLength(150)
    const page = await bytesOf(`${path}/${batch}/results?offset=30&limit=60`)
    expect(predictionsOf(format, page)).toEqual(predictionsOf(format, results).slice(30, 90))
  })

  it('are cut off before the end of a damaged shard, which is predicted anew', async () => {
    const batch = await done('csv')
    const request = new Request(`http://localhost${path}/${batch}/results`)
    const response = await damagedAt(/shards\/000002/).fetch(request, { caller: ada })
    expect(response.status).toBe(200)
    let bytes = 0
    const read = async () => {
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) bytes += chunk.length
    }
    await expect(read()).rejects.toThrow('the results of rows 100 to 149 are not what was written')
    expect(bytes).toBeLessThan(Number(response.headers.get('content-length')))
    expect(bytes).toBeGreaterThan(0)
    await expectResumable(batch, { rows: 100 })
  })

  it.each([90, 120])('are refused with a page from row %i in a damaged shard', async (offset) => {
    const batch = await done('csv')
    const damaged = asker(damagedAt(/shards\/000002/), ada)
    const before = await damaged('GET', `${path}/${batch}/results?offset=0&limit=100`)
    expect(before.status).toBe(200)
    const refused = await damaged('GET', `${path}/${batch}/results?offset=${offset}&limit=20`)
    expect([refused.status, refused.body['type']]).toEqual([
      409,
      'urn:millrace:error:ResultsDamaged',
    ])
    await expectResumable(batch, { rows: 100 })
  })

  it('are not given up where the store fails', async () => {
    const batch = await done('csv')
    const failing = readingThrough(ports, (read, key, options) => {
      if (!/shards/.test(key)) return read(key, options)
      throw new MillraceError('StorageFailed', 'slow down')
    })
    const answer = await asker(createApi(failing), ada)('GET', `${path}/${batch}/results?offset=0`)
    expect(answer.status).toBe(503)
    expect((await ask('GET', `${path}/${batch}`)).body).toMatchObject({ status: 'SUCCEEDED' })
  })

  it('are found for a page without reading what is known of all others', async () => {
    const batch = await begin({ rangeRows: 1 })
    await workOn(ports, batch)
    const query = vi.spyOn(ports.table, 'query')
    const page = await ask('GET', `${path}/${batch}/results?offset=120&limit=5`)
    expect(page.headers.get('x-batch-rows')).toBe('120-124')
    const found = await Promise.all(query.mock.results.map(({ value }) => value as Promise<Found>))
    const shards = found.flatMap(({ items }) => items).filter(({ sk }) => sk.startsWith('shard#'))
    expect(shards.length).toBeLessThanOrEqual(1 + 20)
  })
})

type Found = Awaited<ReturnType<Table['query']>>

describe('the embedded platform', () => {
  let dataDir: string
  let platform: Platform

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'millrace-batches-'))
    platform = await openPlatform({ dataDir, logger: new RecordingLogger() })
    const metadata = { configuration: JSON.stringify(learning) }
    await platform.ports.objects.put('uploads/ada/iris.npy', irisNpy(), { metadata })
  })

  afterAll(async () => {
    await platform.close()
    await rm(dataDir, { recursive: true })
  })

  const oneRow = { instances: [[5.1, 3.5, 1.4, 0.2]] }
  const asked = (method: string, at: string, body?: object) =>
    fetch(new URL(at, platform.url), {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })

  it('predicts a dataset in every format as it does row by row', async () => {
    const answers = async () => (await asked('POST', '/models/ada/iris/predictions', oneRow)).status
    await expect.poll(answers).toBe(200)
    const instances = irisRows().map((row) => row.slice(0, 4))
    const online = await asked('POST', '/models/ada/iris/predictions', { instances })
    const { predictions } = (await online.json()) as { predictions: number[] }
    for (const format of ['csv', 'jsonl', 'npy'] as const) {
      const accepted = await asked('POST', path, { format })
      const { batch } = (await accepted.json()) as { batch: string }
      const status = async () => {
        const answer = await asked('GET', `${path}/${batch}`)
        return ((await answer.json()) as { status: string }).status
      }
      await expect.poll(status).toBe('SUCCEEDED')
      const results = await asked('GET', `${path}/${batch}/results`)
      const bytes = new Uint8Array(await results.arrayBuffer())
      expect(results.headers.get('content-length')).toBe(String(bytes.length))
      expect(predictionsOf(format, bytes)).toEqual(predictions)
    }
  })
})

async function bytesOf(at: string): Promise<Uint8Array> {
  const response = await api.fetch(new Request(`http://localhost${at}`), { caller: ada })
  expect(response.status).toBe(200)
  return new Uint8Array(await response.arrayBuffer())
}

function predictionsOf(format: 'csv' | 'jsonl' | 'npy', bytes: Uint8Array): number[] {
  if (format === 'npy') return [...(parseNpy(bytes).data as Float64Array)]
  if (format === 'csv') return [...(parseCsv(bytes).columns[1]!.values as Float64Array)]
  const text = new TextDecoder().decode(bytes).trimEnd()
  if (text === '') return []
  return text.split('\n').map((line) => (JSON.parse(line) as { prediction: number }).prediction)
}
