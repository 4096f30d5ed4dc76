import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApi, type Api } from '../../api/app.ts'
import type { LocalObjects } from '../../platform/local/objects.ts'
import { serve, type LocalServer } from '../../platform/local/server.ts'
import { withUploads } from '../../platform/local/uploads.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { createAccounts } from '../../tasks/accounts.ts'
import type { Caller } from '../../tasks/caller.ts'
import { freePlan, createPlans } from '../../tasks/plans.ts'
import { countTraining, monthOf } from '../../tasks/usage.ts'
import { openStore, testDirectory, type TestDirectory } from '../platform/local/directory.ts'
import { asker } from './ask.ts'

const ada: Caller = { user: 'ada', role: 'trainer', keyId: 'k1' }
const ben: Caller = { user: 'ben', role: 'owner', keyId: 'k2' }
const mebibyte = 1024 ** 2
const partSize = 5 * mebibyte
const day = 24 * 3600 * 1000
const path = '/datasets/ada/iris/uploads'

interface Signed {
  readonly url: string
  readonly headers: Record<string, string>
  readonly size: number
  readonly partNumber: number
}

interface Multipart {
  readonly uploadId: string
  readonly key: string
  readonly partCount: number
  readonly parts: Signed[]
}

let directory: TestDirectory
let objects: LocalObjects
let ports: Omit<MemoryPorts, 'objects' | 'clock'> & {
  objects: LocalObjects
  clock: TestDirectory['clock']
}
let api: Api
let server: LocalServer

beforeEach(async () => {
  directory = await testDirectory()
  objects = (await openStore(directory)).objects
  ports = { ...memoryPorts(), objects, clock: directory.clock }
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

/** Sends bytes to a presigned URL over HTTP; the server of the tests has an address of its own. */
const send = (url: string, body: string | Uint8Array<ArrayBuffer>, init: RequestInit = {}) =>
  fetch(url.replace('http://127.0.0.1', server.url), { method: 'PUT', body, ...init })

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

const bytesOf = (size: number) => new Uint8Array(size).map((_, i) => (i * 31) % 251)

async function startParts(size: number, more: object = {}): Promise<Multipart> {
  const { status, body } = await ask('POST', path, { format: 'csv', size, partSize, ...more })
  expect([status, body['kind']]).toEqual([201, 'multipart'])
  return body as unknown as Multipart
}

async function sendPart({ url, partNumber, size }: Signed, bytes: Uint8Array<ArrayBuffer>) {
  const start = (partNumber - 1) * partSize
  const response = await send(url, bytes.slice(start, start + size))
  expect(response.status).toBe(200)
  return { partNumber, etag: response.headers.get('etag')! }
}

const sendAll = ({ parts }: Multipart, bytes: Uint8Array<ArrayBuffer>) =>
  Promise.all(parts.map((part) => sendPart(part, bytes)))

const names = async () => (await objects.list('')).objects.map(({ key }) => key)

describe('a whole upload', () => {
  it('is taken at its URL, with its settings', async () => {
    const configuration = { algorithms: ['majority'] }
    const request = { format: 'csv', size: 5, contentType: 'text/csv', configuration }
    const { status, body } = await ask('POST', path, request)
    expect([status, body]).toMatchObject([201, { kind: 'single', key: 'uploads/ada/iris.csv' }])
    const { url } = body as unknown as Signed
    const taken = await send(url, 'a\n1\n2', { headers: { 'content-type': 'text/csv' } })
    expect(taken.status).toBe(200)
    expect(await objects.head('uploads/ada/iris.csv')).toMatchObject({
      versionId: taken.headers.get('x-amz-version-id'),
      contentType: 'text/csv',
      metadata: { configuration: JSON.stringify(configuration) },
    })
  })

  it('has the size and the digest that were declared', async () => {
    const request = { format: 'csv', size: 3, sha256: digest(Buffer.from('abc')) }
    const { body } = await ask('POST', path, request)
    await send((body as unknown as Signed).url, 'abd')
    const { metadata, sha256 } = await objects.head('uploads/ada/iris.csv')
    expect(metadata['sha256']).not.toBe(sha256)
  })

  it.each<[string, (url: string) => string, RequestInit]>([
    ['of another key', (url) => url.replace('ada%2Firis', 'ben%2Firis'), {}],
    ['of a later end', (url) => url.replace(/expires=\d/, 'expires=9'), {}],
    ['of another signature', (url) => url.replace(/signature=./, 'signature=!'), {}],
    ['without a signature', (url) => url.replace(/signature=.*/, ''), {}],
    ['with a larger body', (url) => url, { body: '123456' }],
    ['with a smaller body', (url) => url, { body: '1234' }],
    ['with no body', (url) => url, { body: '' }],
    ['of another type', (url) => url, { headers: { 'content-type': 'text/html' } }],
  ])('%s is refused, and leaves nothing', async (_, altered, init) => {
    const request = { format: 'csv', size: 5, contentType: 'text/csv' }
    const { url } = (await ask('POST', path, request)).body as unknown as Signed
    const given = { body: '12345', headers: { 'content-type': 'text/csv' }, ...init }
    const refused = await send(altered(url), '12345', given)
    expect(refused.status).toBe(403)
    expect(await refused.json()).toMatchObject({ type: 'urn:millrace:error:UploadRefused' })
    expect(await names()).toEqual([])
    expect((await send(url, '12345', { headers: { 'content-type': 'text/csv' } })).status).toBe(200)
  })

  it.each(['POST', 'DELETE', 'PATCH'])('by %s is refused', async (method) => {
    const { body } = await ask('POST', path, { size: 5 })
    expect((await send((body as unknown as Signed).url, '12345', { method })).status).toBe(405)
  })

  it('is refused from the moment on that its URL expires', async () => {
    const { body } = await ask('POST', path, { size: 5 })
    const { url } = body as unknown as Signed
    directory.clock.advance(3_600_000 - 1)
    expect((await send(url, '12345')).status).toBe(200)
    directory.clock.advance(1)
    expect((await send(url, '12345')).status).toBe(403)
  })
})

describe('an upload in parts', () => {
  it('becomes one version, whose digest is checked', async () => {
    const bytes = bytesOf(2 * partSize + 3)
    const upload = await startParts(bytes.length, { sha256: digest(bytes) })
    expect(upload.parts.map(({ size }) => size)).toEqual([partSize, partSize, 3])
    const parts = await sendAll(upload, bytes)
    expect(await names()).toEqual([])
    const done = await ask('POST', `${path}/${upload.uploadId}/complete`, { parts })
    expect(done).toMatchObject({ status: 200, body: { sha256: digest(bytes) } })
    const again = await ask('POST', `${path}/${upload.uploadId}/complete`, { parts })
    expect(again.body).toEqual(done.body)
    expect(await objects.versions('uploads/ada/iris.csv')).toHaveLength(1)
    expect((await ask('DELETE', `${path}/${upload.uploadId}`)).status).toBe(404)
  })

  it('is what large ones are without being asked, of at most 100 URLs at once', async () => {
    const size = 512 * mebibyte
    const { body } = await ask('POST', path, { size })
    expect(body).toMatchObject({ kind: 'multipart', partCount: 32 })
    const small = await startParts(size)
    expect([small.partCount, small.parts.length]).toEqual([103, 100])
    const more = (partNumbers: number[]) =>
      ask('POST', `${path}/${small.uploadId}/parts`, { partNumbers })
    const { body: last } = await more([101, 103])
    expect(last['parts']).toMatchObject([
      { partNumber: 101, size: partSize },
      { partNumber: 103, size: 2 * mebibyte },
    ])
    for (const none of [[], [0], [104], Array.from({ length: 101 }, (_, i) => i + 1)]) {
      expect((await more(none)).status).toBe(400)
    }
  })

  it('that is damaged on its way is refused, and stays under way', async () => {
    const bytes = bytesOf(partSize + 3)
    const upload = await startParts(bytes.length, { sha256: digest(bytes) })
    const damaged = bytes.slice()
    damaged[7] = 0
    const complete = async (parts: unknown) =>
      (await ask('POST', `${path}/${upload.uploadId}/complete`, { parts })).status
    expect(await complete(await sendAll(upload, damaged))).toBe(400)
    expect(await names()).toEqual([])
    expect(await complete(await sendAll(upload, bytes))).toBe(200)
  })

  it('is not completed of other parts than it has', async () => {
    const bytes = bytesOf(partSize + 3)
    const upload = await startParts(bytes.length)
    const [first, second] = (await sendAll(upload, bytes)) as [UploadedEtag, UploadedEtag]
    for (const parts of [
      [first],
      [second, first],
      [first, first],
      [first, { ...second, etag: first.etag }],
      [first, { ...second, etag: 'x' }],
      [first, second, { ...second, partNumber: 3 }],
    ]) {
      const { status } = await ask('POST', `${path}/${upload.uploadId}/complete`, { parts })
      expect(status).toBe(400)
    }
    expect(await names()).toEqual([])
    const parts = [first, second]
    const done = await ask('POST', `${path}/${upload.uploadId}/complete`, { parts })
    expect(done.status).toBe(200)
  })

  it('answers what it became also when that was not noted', async () => {
    const upload = await startParts(3)
    const parts = await sendAll(upload, bytesOf(3))
    vi.spyOn(ports.table, 'update').mockRejectedValueOnce(new Error('the process died'))
    expect((await ask('POST', `${path}/${upload.uploadId}/complete`, { parts })).status).toBe(500)
    const done = await ask('POST', `${path}/${upload.uploadId}/complete`, { parts })
    const [version] = await objects.versions('uploads/ada/iris.csv')
    expect(done).toMatchObject({ status: 200, body: { versionId: version!.versionId } })
  })

  it('ends when it is aborted: neither its URLs nor its id work any more', async () => {
    const upload = await startParts(3)
    const parts = await sendAll(upload, bytesOf(3))
    const at = `${path}/${upload.uploadId}`
    expect((await ask('DELETE', at)).status).toBe(204)
    expect((await send(upload.parts[0]!.url, 'abc')).status).toBe(404)
    expect((await ask('DELETE', at)).status).toBe(404)
    expect((await ask('POST', `${at}/complete`, { parts })).status).toBe(404)
    expect((await ask('POST', `${at}/parts`, { partNumbers: [1] })).status).toBe(404)
    expect(await names()).toEqual([])
  })

  it('ends after seven days', async () => {
    const { uploadId } = await startParts(3)
    directory.clock.advance(7 * day)
    const { status } = await ask('POST', `${path}/${uploadId}/parts`, { partNumbers: [1] })
    expect(status).toBe(404)
    await startParts(3)
    expect((await ports.table.query('uploads#ada')).items).toHaveLength(1)
  })

  it('is not there for others, under whatever path', async () => {
    const upload = await startParts(3)
    const parts = await sendAll(upload, bytesOf(3))
    const unknown = 'A'.repeat(32)
    for (const at of [path, '/datasets/ben/iris/uploads', '/datasets/ada/other/uploads']) {
      const caller = at.includes('other') ? ada : ben
      for (const [method, action, body] of [
        ['POST', '/complete', { parts }],
        ['POST', '/parts', { partNumbers: [1] }],
        ['DELETE', '', undefined],
      ] as const) {
        const found = await ask(method, `${at}/${upload.uploadId}${action}`, body, caller)
        const missing = await ask(method, `${at}/${unknown}${action}`, body, caller)
        expect(found.status).toBe(404)
        expect(found.text).toBe(missing.text)
      }
    }
    expect((await ask('POST', path, { size: 3 }, ben)).status).toBe(404)
    expect((await ask('POST', path, { size: 3 }, { ...ada, role: 'reader' })).status).toBe(403)
    const done = await ask('POST', `${path}/${upload.uploadId}/complete`, { parts })
    expect(done.status).toBe(200)
  })

  it('is started once for one Idempotency-Key', async () => {
    const headers = { 'idempotency-key': 'mine' }
    const body = { size: 3, partSize }
    const first = await asker(api, ada)('POST', path, { body, headers })
    expect((await asker(api, ada)('POST', path, { body, headers })).text).toBe(first.text)
  })
})

it.each([
  { size: 512 * mebibyte + 1 },
  { size: -1 },
  { size: 1.5 },
  {},
  { size: 3, partSize: partSize - 1 },
  { size: 3, format: 'exe' },
  { size: 3, contentType: 'text/csv\r\nx: y' },
  { size: 3, contentType: ' text/csv' },
  { size: 3, sha256: 'A'.repeat(64) },
  { size: 3, uploadId: 'x' },
  { size: 3, configuration: { algorithms: ['guess'] } },
])('the upload %j is refused', async (body) => {
  expect((await ask('POST', path, body)).status).toBe(400)
  expect((await ports.table.query('uploads#ada')).items).toEqual([])
})

describe('a URL as 000 asks for it', () => {
  it('takes bytes of any size up to that of a dataset', async () => {
    const { status, body } = await ask('POST', '/pre-signed-s3-url', { userID: 'ada' })
    expect([status, Object.keys(body)]).toEqual([200, ['preSignedUrl']])
    const url = body['preSignedUrl'] as string
    expect((await send(url, 'four')).status).toBe(200)
    expect((await objects.head('uploads/ada/data.npy')).size).toBe(4)
    expect((await send(url.replace('max-size=', 'max-size=9'), 'four')).status).toBe(403)
  })

  it('takes a size too, and is not for the data of others', async () => {
    const { body } = await ask('POST', '/pre-signed-s3-url', { userID: 'ada', size: 3 })
    expect((await send(body['preSignedUrl'] as string, 'four')).status).toBe(403)
    expect((await ask('POST', '/pre-signed-s3-url', { userID: 'ben' })).status).toBe(404)
    expect((await ask('POST', '/pre-signed-s3-url', { userID: '../x' })).status).toBe(400)
  })
})

describe('the plan of a user', () => {
  beforeEach(async () => {
    const plan = { ...freePlan, monthly: { predictions: null, trainedRows: 30 }, storedBytes: 100 }
    await createPlans(ports.table).setPlan('small', plan)
    await createAccounts(ports.table, ports.clock).createUser('ada', { plan: 'small' })
  })

  const refused = { status: 429, body: { type: 'urn:millrace:error:QuotaExceeded' } }

  it('limits what is kept, with what is on its way', async () => {
    await objects.put('uploads/ada/other.csv', new Uint8Array(40))
    await startParts(40)
    const more = (size: number) => ask('POST', path, { size })
    const answer = await more(21)
    expect(answer).toMatchObject(refused)
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    directory.clock.advance(5000)
    expect(await more(21)).toMatchObject(refused)
    const short = await ask('POST', '/pre-signed-s3-url', { userID: 'ada', size: 21 })
    expect(short).toMatchObject(refused)
    expect((await more(20)).status).toBe(201)
    const unlimited = await ask('POST', path, { size: 500 }, { ...ada, user: null })
    expect(unlimited.status).toBe(201)
  })

  it('limits rows that are appended', async () => {
    const columns = [{ name: 'kind', type: 'text' }]
    await ask('PUT', '/datasets/ada/kinds', { columns, target: null })
    const append = (rows: unknown) => ask('POST', '/datasets/ada/kinds/rows', rows)
    expect(await append([['x'.repeat(100)]])).toMatchObject(refused)
    expect((await append([['x']])).status).toBe(201)
  })

  it('limits the rows of a month that are trained on', async () => {
    const columns = [{ name: 'x', type: 'number' }]
    const rows = Array.from({ length: 20 }, (_, i) => [i])
    const operator = { ...ada, user: null }
    await ask('PUT', '/datasets/ada/few', { columns, target: null }, operator)
    expect((await ask('POST', '/datasets/ada/few/rows', rows, operator)).status).toBe(201)
    const train = (trials: number) => ask('PUT', '/models/ada/few', { trials })
    const first = await train(1)
    expect(first.status).toBe(202)
    const answer = await train(2)
    expect(answer).toMatchObject(refused)
    expect(Number(answer.headers.get('retry-after'))).toBe(31 * 24 * 3600)
    expect(await ask('POST', '/train', { userID: 'ada' })).toMatchObject(refused)
    // The same training is not counted again, whoever knows of it.
    expect((await train(1)).status).toBe(202)
    const counted = { training: String(first.body['execution']), rows: 20 }
    await countTraining(ports.table, ports.clock.now(), 'ada', counted)
    directory.clock.advance(5000)
    expect((await train(1)).status).toBe(202)
    expect(await train(2)).toMatchObject(refused)
    directory.clock.advance(31 * day)
    expect(monthOf(ports.clock.now())).toBe('2026-02')
    expect((await train(2)).status).toBe(202)
  })
})

interface UploadedEtag {
  readonly partNumber: number
  readonly etag: string
}
