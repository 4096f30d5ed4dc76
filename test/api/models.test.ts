import { beforeEach, describe, expect, it } from 'vitest'
import { createApi, type Api } from '../../api/app.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import type { Caller } from '../../tasks/caller.ts'
import { irisNpy, noisyIrisNpy } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'
import { asker } from './ask.ts'

const ada: Caller = { user: 'ada', role: 'owner', keyId: 'k1' }
const majority = { configuration: { algorithms: ['majority'] } }
const svc = { configuration: { algorithms: ['svc'], trials: 1 } }
const key = 'uploads/ada/iris.npy'

let ports: MemoryPorts
let api: Api
let ask: ReturnType<typeof asker>

/** A model of two versions, of which the second is the champion. */
beforeEach(async () => {
  ports = memoryPorts()
  await train(ports, key, irisNpy(), majority)
  await train(ports, key, noisyIrisNpy(1), svc)
  api = createApi(ports)
  ask = asker(api, ada)
})

const champion = '/models/ada/iris/aliases/champion'
const predict = (query = '') =>
  ask('POST', `/models/ada/iris/predictions${query}`, {
    body: { instances: [[6.5, 2.8, 4.6, 1.5]] },
  })

describe('aliases', () => {
  it('roll back by compare-and-swap, and forward again', async () => {
    const seen = await ask('GET', champion)
    expect(seen.body).toMatchObject({ version: 1, revision: 1 })
    expect(seen.headers.get('etag')).toBe('"1"')
    const moved = await ask('PUT', champion, {
      body: { version: 0, reason: 'the new one is odd' },
      headers: { 'if-match': '"1"' },
    })
    expect([moved.status, moved.headers.get('etag')]).toEqual([200, '"2"'])
    expect((await ask('GET', '/models/ada/iris/aliases/previous')).body).toMatchObject({
      version: 1,
    })
    const { history } = (await ask('GET', champion)).body as { history: object[] }
    expect(history.at(-1)).toMatchObject({
      from: 1,
      to: 0,
      movedBy: 'key k1',
      reason: 'the new one is odd',
    })
    await expect.poll(async () => (await predict()).body['version']).toBe(0)
    expect(ports.published.at(-1)).toMatchObject({
      'detail-type': 'Model Promoted',
      detail: { model: 'ada/iris', version: 0, previousVersion: 1, movedBy: 'key k1' },
    })
  })

  it('do not move when they are not as they were seen', async () => {
    const answer = await ask('PUT', champion, {
      body: { version: 0 },
      headers: { 'if-match': '"0"' },
    })
    expect([answer.status, answer.body['type']]).toEqual([412, 'urn:millrace:error:AliasChanged'])
    expect((await ask('GET', champion)).body).toMatchObject({ version: 1, revision: 1 })
  })

  it('move once for two that saw the same', async () => {
    const move = (version: number) =>
      ask('PUT', champion, { body: { version }, headers: { 'if-match': '"1"' } })
    const answers = await Promise.all([move(0), move(0), move(0)])
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 412, 412])
  })

  it('of their own are made with If-None-Match and answer predictions by name', async () => {
    const staging = '/models/ada/iris/aliases/staging'
    expect((await ask('GET', staging)).status).toBe(404)
    const made = await ask('PUT', staging, {
      body: { version: 0 },
      headers: { 'if-none-match': '*' },
    })
    expect(made.status).toBe(200)
    const again = await ask('PUT', staging, {
      body: { version: 1 },
      headers: { 'if-none-match': '*' },
    })
    expect(again.status).toBe(412)
    expect((await predict('?alias=staging')).body['version']).toBe(0)
    const moved = await ask('PUT', staging, {
      body: { version: 1 },
      headers: { 'if-match': '"0"' },
    })
    expect(moved.status).toBe(200)
    // No time passes: it was told that the alias moved.
    await expect.poll(async () => (await predict('?alias=staging')).body['version']).toBe(1)
  })

  it.each([
    ['no precondition', champion, {}, { version: 0 }, 400],
    [
      'two preconditions',
      champion,
      { 'if-match': '"1"', 'if-none-match': '*' },
      { version: 0 },
      400,
    ],
    ['a weak ETag', champion, { 'if-match': 'W/"1"' }, { version: 0 }, 400],
    ['previous', '/models/ada/iris/aliases/previous', { 'if-match': '"0"' }, { version: 0 }, 400],
    ['an alias that is none', '/models/ada/iris/aliases/A', { 'if-match': '"0"' }, {}, 400],
    ['no such version', champion, { 'if-match': '"1"' }, { version: 7 }, 404],
    ['a version that is none', champion, { 'if-match': '"1"' }, { version: -1 }, 400],
  ])('refuse %s', async (_, path, headers: Record<string, string>, body, status) => {
    expect((await ask('PUT', path, { body, headers })).status).toBe(status)
  })
})

describe('a model that is removed', () => {
  beforeEach(async () => {
    expect((await predict()).status).toBe(200)
    expect((await ask('DELETE', '/models/ada/iris')).status).toBe(204)
    // What serves is read again behind a request.
    await predict()
  })

  it('is gone from lists, answers nothing, and says so', async () => {
    expect((await ask('GET', '/models')).body).toEqual({ models: [] })
    for (const path of ['/models/ada/iris', '/models/ada/iris/versions/0']) {
      const { status, body } = await ask('GET', path)
      expect([status, body['type']]).toEqual([410, 'urn:millrace:error:ModelDeleted'])
    }
    await expect.poll(async () => (await predict()).status).toBe(410)
    const pinned = await ask('POST', '/models/ada/iris/predictions?version=0', {
      body: { instances: [[6.5, 2.8, 4.6, 1.5]] },
    })
    expect(pinned.status).toBe(410)
  })

  it('is removed again without harm', async () => {
    expect((await ask('DELETE', '/models/ada/iris')).status).toBe(204)
  })

  it('is trained anew by the same upload, with versions that go on', async () => {
    await train(ports, key, irisNpy(), majority)
    expect((await ask('GET', '/models/ada/iris')).body).toMatchObject({
      aliases: { champion: { version: 2, revision: 0 } },
      versions: [{ version: 2 }],
    })
    expect((await ask('GET', '/models/ada/iris/versions/1')).status).toBe(410)
    expect((await ask('GET', '/models')).body).toMatchObject({ models: [{ champion: 2 }] })
  })
})

it('a model that never was is not there', async () => {
  expect((await ask('DELETE', '/models/ada/none')).status).toBe(404)
  expect((await ask('GET', '/models/ada/none')).status).toBe(404)
})

it('a list has the models of the caller alone', async () => {
  await train(ports, 'uploads/adam/iris.npy', irisNpy(), majority)
  const adam = asker(api, { ...ada, user: 'adam' })
  expect((await adam('GET', '/models')).body).toMatchObject({ models: [{ model: 'adam/iris' }] })
  expect((await ask('GET', '/models')).body).toMatchObject({ models: [{ model: 'ada/iris' }] })
  const all = (await asker(api)('GET', '/models')).body as { models: object[] }
  expect(all.models).toHaveLength(2)
})
