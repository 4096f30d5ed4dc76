import { beforeAll, describe, expect, it } from 'vitest'
import { createApi, type ApiOptions } from '../../api/app.ts'
import type { AccessEntry } from '../../api/access-log.ts'
import { MillraceError } from '../../platform/ports/index.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { irisNpy, noisyIrisNpy } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'
import {
  byFetch,
  byShortWay,
  flower,
  iris,
  json,
  named,
  read,
  type Answer,
  type Way,
} from './prediction-ways.ts'

let ports: MemoryPorts

beforeAll(async () => {
  ports = memoryPorts()
  await train(ports, 'uploads/ada/iris.npy', irisNpy(), {
    configuration: { algorithms: ['majority'] },
  })
  await train(ports, 'uploads/ada/iris.npy', noisyIrisNpy(1))
  await train(ports, 'uploads/ada/homes.csv', homes(), {
    configuration: { algorithms: ['gradient-boosting'] },
  })
  await train(ports, 'uploads/bob/iris.npy', irisNpy())
})

/** Two numbers, of which some are missing, and a category. */
function homes(): Uint8Array {
  const lines = Array.from({ length: 60 }, (_, i) => {
    const rooms = i % 11 === 0 ? '' : String((i * 7) % 20)
    return `${rooms},${(i * 13) % 17},${i % 2 === 0 ? 'flat' : 'house'},${i % 2 === 0 ? i : 100 + i}`
  })
  return new TextEncoder().encode(['rooms,floor size,kind,price', ...lines].join('\n'))
}

const opened = (options: ApiOptions = {}) => {
  const entries: AccessEntry[] = []
  const api = createApi(ports, { accessLog: (entry) => entries.push(entry), ...options })
  return { api, entries }
}

const errorsOf = ({ body }: Answer) =>
  (body['errors'] as { field: string; message: string }[] | undefined) ?? []

describe.each<[string, Way]>([
  ['fetch', byFetch],
  ['the short way', byShortWay],
])('predictions by %s', (_, ask) => {
  it('take rows as arrays and as named features, in any order, side by side', async () => {
    const { api } = opened()
    const instances = [[3, 4, 'flat'], { kind: 'flat', rooms: 3, 'floor size': 4 }]
    const { status, body } = await ask(api, '/models/ada/homes/predictions', { instances })
    expect(status).toBe(200)
    const [first, second] = body['predictions'] as number[]
    expect(second).toBe(first)
    expect(body['imputed']).toBeUndefined()
  })

  it('refuse unknown and missing features, each by its name', async () => {
    const { api } = opened()
    const instances: object[] = [
      { kind: 'flat', rooms: 3, 'floor size': 4, garden: 1 },
      { kind: 'flat', rooms: 3 },
      { kind: 'flat', rooms: 3, constructor: 2, 'floor size': 4 },
    ]
    const text = JSON.stringify({ instances }).replace('"constructor":2', '"__proto__":2')
    const refused = await ask(api, '/models/ada/homes/predictions', text)
    expect(refused).toMatchObject({
      status: 400,
      body: { type: 'urn:millrace:error:InstancesInvalid' },
    })
    expect(errorsOf(refused)).toMatchObject([
      { field: 'instances.0.garden', message: expect.stringContaining('floor size') as string },
      { field: 'instances.1.floor size', message: expect.stringContaining('impute') as string },
      { field: 'instances.2.__proto__' },
    ])
  })

  it.each([
    ['in the query', '?impute=true', {}],
    ['in the body', '', { impute: true }],
  ])('impute what is left out where that is asked for %s, and tell it', async (_, query, more) => {
    const { api } = opened()
    const instances = [{ kind: 'flat', 'floor size': 4 }, [3, 4, 'flat'], [null, 4, 'flat']]
    const { status, body } = await ask(api, `/models/ada/homes/predictions${query}`, {
      instances,
      ...more,
    })
    expect(status).toBe(200)
    const answered = body['predictions'] as number[]
    expect(answered[0]).toBe(answered[2])
    expect(body['imputed']).toEqual([
      { row: 0, features: ['rooms'] },
      { row: 2, features: ['rooms'] },
    ])
  })

  it('impute nothing for a model that takes no missing values', async () => {
    const { api } = opened()
    const { body: model } = await read(api, '/models/ada/iris')
    expect(model).toMatchObject({ aliases: { champion: { version: 1 } } })
    const refused = await ask(api, `${iris}?impute=true`, { instances: [{}] })
    expect(refused.status).toBe(400)
    expect(errorsOf(refused)).toHaveLength(4)
    expect(errorsOf(refused)[0]!.message).toContain('no missing values')
  })

  it.each([
    ['a number beyond doubles', '{"instances":[[1e400,2,"flat"]]}', 'instances.0.0'],
    ['one in a named row', '{"instances":[{"rooms":-1e999}]}', 'instances.0.rooms'],
    ['text for a number', { instances: [['3', 4, 'flat']] }, 'instances.0.0'],
    ['a truth value', { instances: [[true, 4, 'flat']] }, 'instances.0.0'],
    ['an array for a value', { instances: [[[3], 4, 'flat']] }, 'instances.0.0'],
    ['an object for a value', { instances: [{ rooms: {} }] }, 'instances.0.rooms'],
    ['a number for a row', { instances: [3] }, 'instances.0'],
    ['nothing for a row', { instances: [null] }, 'instances.0'],
    ['a lone surrogate', '{"instances":[[3,4,"\\ud800"]]}', 'instances.0.2'],
    ['a long text', { instances: [[3, 4, 'x'.repeat(257)]] }, 'instances.0.2'],
    ['a name twice', '{"instances":[{"rooms":1,"rooms":2}]}', 'rooms'],
    ['a field twice', '{"instances":[[3,4,"flat"]],"instances":[]}', 'instances'],
    ['__proto__', '{"instances":[[3,4,"flat"]],"__proto__":{"impute":true}}', 'body'],
    ['no rows', { instances: [] }, 'instances'],
    ['too many rows', { instances: Array(10_001).fill([3, 4, 'flat']) }, 'instances'],
    ['instances of no array', { instances: { length: 1 } }, 'instances'],
  ])('refuse %s with its field', async (_, body, field) => {
    const { api } = opened()
    const refused = await ask(api, '/models/ada/homes/predictions', body)
    expect(refused).toMatchObject({
      status: 400,
      body: { type: 'urn:millrace:error:RequestInvalid' },
    })
    expect(errorsOf(refused)[0]!.field).toBe(field)
  })

  it('answer by an alias or a version, and name the version', async () => {
    const { api } = opened()
    const versionBy = async (query: string) =>
      (await ask(api, `${iris}${query}`, { instances: [flower] })).body['version']
    expect(await versionBy('')).toBe(1)
    expect(await versionBy('?alias=champion')).toBe(1)
    expect(await versionBy('?alias=previous')).toBe(0)
    expect(await versionBy('?version=0')).toBe(0)
    expect(await versionBy('?alias=previous&version=0')).toBe(0)
    for (const [query, status] of [
      ['?alias=challenger', 404],
      ['?alias=previous&version=1', 404],
      ['?alias=__proto__', 400],
      ['?alias=', 400],
      ['?impute=yes', 400],
    ] as const) {
      expect((await ask(api, `${iris}${query}`, { instances: [flower] })).status).toBe(status)
    }
  })

  it('admit by key, permission and tenant, whose models alone there are', async () => {
    const { api, entries } = opened({ admission: named })
    const statusFor = async (path: string, key: string | undefined, body: object) =>
      (await ask(api, path, body, key === undefined ? {} : { 'x-api-key': key })).status
    const rows = { instances: [flower] }
    expect(await statusFor(iris, undefined, rows)).toBe(401)
    expect(await statusFor(iris, 'ada:reader', rows)).toBe(403)
    expect(await statusFor(iris, 'bob:owner', rows)).toBe(404)
    expect(await statusFor(iris, 'ada:predictor', rows)).toBe(200)
    expect(entries.map(({ status, route, caller }) => [status, route, caller?.keyId])).toEqual([
      [401, 'POST /models/{user}/{dataset}/predictions', undefined],
      [403, 'POST /models/{user}/{dataset}/predictions', 'key of ada'],
      [404, 'POST /models/{user}/{dataset}/predictions', 'key of bob'],
      [200, 'POST /models/{user}/{dataset}/predictions', 'key of ada'],
    ])
    const row = { array: flower }
    expect(await statusFor('/prediction', 'bob:owner', { userID: 'ada', ...row })).toBe(404)
    expect(await statusFor('/prediction', 'bob:owner', { userID: 'nobody', ...row })).toBe(404)
    expect(await statusFor('/prediction', 'bob:reader', row)).toBe(403)
    // Without a user it is the caller's own model.
    const { body } = await ask(api, '/prediction', row, { 'x-api-key': 'bob:owner' })
    expect(body).toMatchObject({ model: 'bob/iris' })
  })

  it('tell another model apart from none by nothing', async () => {
    const { api } = opened({ admission: named })
    const key = { 'x-api-key': 'bob:owner' }
    const texts = []
    for (const path of [iris, '/models/ada/nothing/predictions']) {
      texts.push(JSON.stringify((await ask(api, path, { instances: [flower] }, key)).body))
    }
    expect(texts[0]).toBe(texts[1])
  })

  it('have the id that the request came with, or a new one, also when they fail', async () => {
    const { api, entries } = opened()
    const given = await ask(api, iris, { instances: [flower] }, { 'x-request-id': 'mine-7' })
    expect(given.headers['x-request-id']).toBe('mine-7')
    const failed = await ask(api, iris, 'none')
    expect(failed.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
    expect(failed.headers['content-type']).toBe('application/problem+json')
    expect(entries.map(({ requestId }) => requestId)).toEqual([
      'mine-7',
      failed.headers['x-request-id'],
    ])
    const lines = entries.map((entry) => ({ ...entry, milliseconds: 0 }))
    expect(JSON.stringify(lines)).not.toContain('4.6')
  })

  it('spend what they cost, and tell what is left', async () => {
    const spent: unknown[] = []
    const { api } = opened({
      admission: named,
      quotas: {
        spend(caller, user, rows) {
          spent.push([caller.keyId, user, rows])
          if (rows === 2) {
            const headers = { 'retry-after': '7', ratelimit: '"rows";r=0;t=7' }
            throw new MillraceError('QuotaExceeded', 'two are too many', { details: { headers } })
          }
          return { ratelimit: `"rows";r=${9 - rows}` }
        },
        refund: () => undefined,
      },
    })
    const key = { 'x-api-key': 'ada:owner' }
    const one = await ask(api, iris, { instances: [flower] }, key)
    expect(one).toMatchObject({ status: 200, headers: { ratelimit: '"rows";r=8' } })
    const two = await ask(api, iris, { instances: [flower, flower] }, key)
    expect(two).toMatchObject({
      status: 429,
      headers: { 'retry-after': '7', ratelimit: '"rows";r=0;t=7' },
      body: { type: 'urn:millrace:error:QuotaExceeded' },
    })
    await ask(api, '/prediction', { userID: 'ada', array: flower }, key)
    expect(spent).toEqual([
      ['key of ada', 'ada', 1],
      ['key of ada', 'ada', 2],
      ['key of ada', 'ada', 1],
    ])
  })

  it('are in the log before they are answered, and not when the log fails', async () => {
    const own: MemoryPorts = { ...ports }
    const appended: unknown[] = []
    const log = Object.create(ports.log) as typeof ports.log
    log.append = async (key, records) => {
      appended.push(key)
      return ports.log.append(key, records)
    }
    const api = createApi({ ...own, log }, { predictionShard: '5' })
    const { body } = await ask(api, iris, { instances: [flower] })
    expect(appended).toEqual(['predictions/ada/iris/5'])
    expect(body['id']).toMatch(/^ada~iris~5~\d{16}$/)
    log.append = () => Promise.reject(new MillraceError('StorageFailed', 'the disk is full'))
    const failed = await ask(api, iris, { instances: [flower] })
    expect(failed).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    expect(JSON.stringify(failed.body)).not.toContain('predictions')
  })
})

describe('the short way', () => {
  it('takes predictions alone, and none that is to be done once', () => {
    const { shortWay } = opened().api
    const takes = (method: string, path: string, headers = {}) =>
      shortWay.takes({ method, path, headers })
    expect(takes('POST', iris)).toBe(true)
    expect(takes('GET', iris)).toBe(false)
    expect(takes('POST', '/predictions/a/feedback')).toBe(false)
    expect(takes('POST', iris, { 'idempotency-key': 'k' })).toBe(false)
  })

  it('answers what is no prediction as the routes do', async () => {
    const { api } = opened()
    const body = () => '{}'
    const answer = (method: string, path: string) =>
      api.shortWay.answer({ method, path, headers: {}, body })
    expect(await answer('POST', '/models')).toMatchObject({ status: 404 })
    expect(await answer('PUT', iris)).toMatchObject({ status: 405, headers: { allow: 'POST' } })
  })

  it('reads no body of who may not ask', async () => {
    const { api } = opened({ admission: named })
    let isRead = false
    const body = () => {
      isRead = true
      return '{}'
    }
    const answer = await api.shortWay.answer({ method: 'POST', path: iris, headers: json, body })
    expect([answer.status, isRead]).toEqual([401, false])
  })
})

describe('a prediction with an Idempotency-Key', () => {
  it('is made once, and answered again with its id', async () => {
    const { api } = opened()
    const key = { 'idempotency-key': 'once' }
    const first = await byFetch(api, iris, { instances: [flower] }, key)
    const again = await byFetch(api, iris, { instances: [flower] }, key)
    expect(again.body).toEqual(first.body)
    expect(again.headers['idempotent-replayed']).toBe('true')
  })
})
