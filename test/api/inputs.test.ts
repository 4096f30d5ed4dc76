import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createApi, type Api } from '../../api/app.ts'
import { matchesPattern, uploadPattern } from '../../events/index.ts'
import type { LocalObjects } from '../../platform/local/objects.ts'
import { serve, type LocalServer } from '../../platform/local/server.ts'
import { withUploads } from '../../platform/local/uploads.ts'
import { memoryPorts, uploadEvent, type MemoryPorts } from '../../platform/testing/index.ts'
import { createAccounts } from '../../tasks/accounts.ts'
import type { Caller } from '../../tasks/caller.ts'
import { parseInputKey } from '../../tasks/names.ts'
import { createPlans, freePlan } from '../../tasks/plans.ts'
import { irisNpy } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'
import { openStore, testDirectory, type TestDirectory } from '../platform/local/directory.ts'
import { asker } from './ask.ts'

const ada: Caller = { user: 'ada', role: 'predictor', keyId: 'k1' }
const ben: Caller = { user: 'ben', role: 'owner', keyId: 'k2' }
const mebibyte = 1024 ** 2
const partSize = 5 * mebibyte
const path = '/models/ada/iris/inputs'

interface Signed {
  readonly url: string
  readonly headers: Record<string, string>
  readonly partNumber: number
}

let directory: TestDirectory
let objects: LocalObjects
let ports: Omit<MemoryPorts, 'objects'> & { objects: LocalObjects }
let api: Api
let server: LocalServer

beforeEach(async () => {
  directory = await testDirectory()
  objects = (await openStore(directory)).objects
  const memory = memoryPorts()
  const configuration = { algorithms: ['majority'] }
  await train(memory, 'uploads/ada/iris.npy', irisNpy(), { configuration })
  ports = { ...memory, objects }
  api = createApi(ports)
  const fetch = withUploads(api, objects, directory.logger)
  server = await serve({ ...api, fetch }, { host: '127.0.0.1', port: 0 })
})

afterEach(async () => {
  await server.close()
  await directory.close()
})

const ask = (method: string, at: string, body?: unknown, caller = ada) =>
  asker(api, caller)(method, at, body === undefined ? {} : { body })

const send = (url: string, body: string | Uint8Array<ArrayBuffer>) =>
  fetch(url.replace('http://127.0.0.1', server.url), { method: 'PUT', body })

const kept = async () => (await objects.list('')).objects.map(({ key }) => key)

describe('rows to predict', () => {
  it('are taken whole, each time under a key of its own, of which no upload rule knows', async () => {
    const keys: string[] = []
    for (let i = 0; i < 2; i++) {
      const { status, body } = await ask('POST', path, { format: 'csv', size: 4 })
      expect([status, body['kind']]).toEqual([201, 'single'])
      expect((await send(body['url'] as string, 'a\n1\n')).status).toBe(200)
      keys.push(body['key'] as string)
    }
    expect((await kept()).sort()).toEqual(keys.sort())
    expect(new Set(keys).size).toBe(2)
    for (const key of keys) {
      expect(parseInputKey(key)).toEqual({ user: 'ada', dataset: 'iris', format: 'csv' })
      expect(matchesPattern(uploadPattern, uploadEvent(key))).toBe(false)
    }
  })

  it('are taken in parts, and checked by their digest', async () => {
    const bytes = new Uint8Array(partSize + 3).map((_, i) => i % 251)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const request = { size: bytes.length, partSize, sha256 }
    const { body } = await ask('POST', path, request)
    const { uploadId, key, parts } = body as unknown as {
      uploadId: string
      key: string
      parts: Signed[]
    }
    const again = await ask('POST', `${path}/${uploadId}/parts`, { partNumbers: [2] })
    expect(again.body).toMatchObject({ parts: [{ partNumber: 2, size: 3 }] })
    const sent = await Promise.all(
      parts.map(async ({ url, partNumber }) => {
        const start = (partNumber - 1) * partSize
        const { headers } = await send(url, bytes.slice(start, start + partSize))
        return { partNumber, etag: headers.get('etag')! }
      }),
    )
    const done = await ask('POST', `${path}/${uploadId}/complete`, { parts: sent })
    expect(done).toMatchObject({ status: 200, body: { key, sha256, size: bytes.length } })
    expect(await kept()).toEqual([key])
  })

  it('may be of any size that S3 takes, in as many parts', async () => {
    const { body } = await ask('POST', path, { size: 5 * 1024 ** 4 })
    expect(body).toMatchObject({ partSize: 525 * mebibyte, partCount: 9987 })
    const small = await ask('POST', path, { size: 600 * mebibyte })
    expect(small.body).toMatchObject({ partSize: 16 * mebibyte })
    const many = await ask('POST', path, { size: 10_001 * partSize, partSize })
    expect([many.status, many.body['errors']]).toEqual([
      400,
      [{ field: 'partSize', message: expect.stringContaining('10001 parts') as string }],
    ])
  })

  it('are aborted, and then nothing is left', async () => {
    const { body } = await ask('POST', path, { size: 3, partSize })
    const at = `${path}/${body['uploadId'] as string}`
    expect((await ask('DELETE', at)).status).toBe(204)
    expect((await ask('POST', `${at}/parts`, { partNumbers: [1] })).status).toBe(404)
    expect((await ports.table.query('uploads#ada')).items).toEqual([])
  })

  it('are asked for once by one Idempotency-Key', async () => {
    const options = { body: { size: 3 }, headers: { 'idempotency-key': 'mine' } }
    const first = await asker(api, ada)('POST', path, options)
    expect((await asker(api, ada)('POST', path, options)).text).toBe(first.text)
  })

  it('are for a model that is there, and answers', async () => {
    const none = await ask('POST', '/models/ada/none/inputs', { size: 3 })
    expect([none.status, none.body['type']]).toEqual([404, 'urn:millrace:error:ModelNotFound'])
    const owner: Caller = { ...ada, role: 'owner' }
    expect((await ask('DELETE', '/models/ada/iris', undefined, owner)).status).toBe(204)
    expect((await ask('POST', path, { size: 3 })).status).toBe(410)
  })

  it('are not there for others, and no way to the uploads of datasets', async () => {
    const { body } = await ask('POST', path, { size: 3, partSize })
    const ofInput = body['uploadId'] as string
    const trainer: Caller = { ...ada, role: 'trainer' }
    const uploads = '/datasets/ada/iris/uploads'
    const started = await ask('POST', uploads, { size: 3, partSize }, trainer)
    const ofDataset = started.body['uploadId'] as string
    const unknown = 'A'.repeat(32)
    for (const [at, caller, uploadId] of [
      [path, ada, ofDataset],
      [uploads, trainer, ofInput],
      [path, ben, ofInput],
      ['/models/ben/iris/inputs', ben, ofInput],
      ['/models/ada/other/inputs', ada, ofInput],
    ] as const) {
      for (const [method, action, sent] of [
        ['POST', '/complete', { parts: [{ partNumber: 1, etag: 'x' }] }],
        ['POST', '/parts', { partNumbers: [1] }],
        ['DELETE', '', undefined],
      ] as const) {
        const found = await ask(method, `${at}/${uploadId}${action}`, sent, caller)
        const missing = await ask(method, `${at}/${unknown}${action}`, sent, caller)
        expect([at, found.status]).toEqual([at, 404])
        expect(found.text).toBe(missing.text)
      }
    }
    expect((await ask('POST', path, { size: 3 }, { ...ada, role: 'reader' })).status).toBe(403)
    expect((await ports.table.query('uploads#ada')).items).toHaveLength(2)
  })

  it.each([
    { size: 5 * 1024 ** 4 + 1 },
    { size: -1 },
    { size: 3, format: 'jsonl' },
    { size: 3, partSize: partSize - 1 },
    { size: 3, partSize: 5 * 1024 ** 3 + 1 },
    { size: 3, configuration: {} },
    {},
  ])('of the request %j are refused', async (body) => {
    expect((await ask('POST', path, body)).status).toBe(400)
  })
})

it('the plan of a user limits inputs as all that is kept, and usage tells of them', async () => {
  const plan = { ...freePlan, storedBytes: 100 }
  await createPlans(ports.table).setPlan('small', plan)
  await createAccounts(ports.table, ports.clock).createUser('ada', { plan: 'small' })
  await objects.put('inputs/ada/iris/one.csv', new Uint8Array(40))
  expect((await ask('POST', path, { size: 40, partSize })).status).toBe(201)
  const refused = await ask('POST', path, { size: 21 })
  expect([refused.status, refused.body['type']]).toEqual([429, 'urn:millrace:error:QuotaExceeded'])
  const usage = await ask('GET', '/usage', undefined, { ...ada, role: 'reader' })
  expect(usage.body).toMatchObject({ usage: { storedBytes: 40 } })
})
