import { beforeAll, describe, expect, it } from 'vitest'
import { createApi, type Api, type ApiOptions } from '../../api/app.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { removeModel } from '../../tasks/model-removal.ts'
import { irisNpy, noisyIrisNpy } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'
import { byFetch, flower, iris, json, named, read } from './prediction-ways.ts'

let ports: MemoryPorts

beforeAll(async () => {
  ports = memoryPorts()
  await train(ports, 'uploads/ada/iris.npy', irisNpy(), {
    configuration: { algorithms: ['majority'] },
  })
  await train(ports, 'uploads/ada/iris.npy', noisyIrisNpy(1))
})

const opened = (options: ApiOptions = {}) => ({ api: createApi(ports, options) })

describe('GET /predictions/{id}', () => {
  const made = async (api: Api, body: object = { instances: [flower] }, path = iris) =>
    (await byFetch(api, path, body)).body['id'] as string

  it('tells what was asked and answered, by what, and the uploaded object behind it', async () => {
    const { api } = opened()
    const id = await made(api, { instances: [flower, [5.1, 3.5, 1.4, 0.2]] }, `${iris}?version=1`)
    const { status, body } = await read(api, `/predictions/${id}`)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      id,
      model: 'ada/iris',
      version: 1,
      task: 'classification',
      at: '2026-01-01T00:00:00.000Z',
      key: null,
      instances: [flower, [5.1, 3.5, 1.4, 0.2]],
      predictions: [1, 0],
      classes: [0, 1, 2],
      feedback: [],
    })
    const { body: version } = await read(api, '/models/ada/iris/versions/1')
    const { algorithm, source, trainingId, execution, registeredAt } = version
    expect(body['lineage']).toEqual({
      ...{ algorithm, source, trainingId, execution, registeredAt },
      deleted: false,
    })
    expect(source).toMatchObject({ key: 'uploads/ada/iris.npy' })
  })

  it('tells the same of as many rows as there can be', async () => {
    const { api } = opened()
    const instances = Array.from({ length: 10_000 }, (_, i) => [i / 7, i / 3, i / 11, i / 13])
    const { body } = await read(api, `/predictions/${await made(api, { instances })}`)
    expect(body['instances']).toEqual(instances)
    expect(body['predictions']).toHaveLength(10_000)
  })

  it('goes on telling it when the model was deleted', async () => {
    const own = memoryPorts()
    await train(own, 'uploads/ada/iris.npy', irisNpy(), {
      configuration: { algorithms: ['majority'] },
    })
    const api = createApi(own)
    const id = await made(api)
    await removeModel(own, { user: 'ada', dataset: 'iris' })
    const { status, body } = await read(api, `/predictions/${id}`)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      version: 0,
      lineage: { source: { key: 'uploads/ada/iris.npy' }, deleted: true },
    })
  })

  it('is 404 for what is none and for what is another’s, in the same words', async () => {
    const { api } = opened({ admission: named })
    const key = { 'x-api-key': 'ada:owner' }
    const { body } = await byFetch(api, iris, { instances: [flower] }, key)
    const id = body['id'] as string
    const as = async (who: string, path: string) => {
      const headers = { 'x-api-key': who }
      const response = await api.fetch(new Request(`http://localhost${path}`, { headers }))
      return { status: response.status, text: await response.text() }
    }
    expect((await as('ada:reader', `/predictions/${id}`)).status).toBe(200)
    expect((await as('ada:predictor', `/predictions/${id}`)).status).toBe(403)
    const foreign = await as('bob:owner', `/predictions/${id}`)
    const none = await as('bob:owner', `/predictions/${id.replace(/\d{16}$/, '9'.repeat(16))}`)
    expect([foreign.status, none.status]).toEqual([404, 404])
    expect(foreign.text.replace(id, '')).toBe(
      none.text.replace(id.replace(/\d{16}$/, '9'.repeat(16)), ''),
    )
    expect((await as('ada:owner', '/predictions/none')).status).toBe(400)
    const label = {
      method: 'POST',
      headers: { ...json, 'x-api-key': 'bob:owner' },
      body: '{"label":1}',
    }
    const given = await api.fetch(new Request(`http://localhost/predictions/${id}/feedback`, label))
    expect(given.status).toBe(404)
  })
})

describe('POST /predictions/{id}/feedback', () => {
  const predicted = async (rows: number) => {
    const { api } = opened()
    const { body } = await byFetch(api, iris, { instances: Array(rows).fill(flower) })
    const id = body['id'] as string
    return {
      id,
      give: (given: unknown) => byFetch(api, `/predictions/${id}/feedback`, given),
      labels: async () =>
        (
          (await read(api, `/predictions/${id}`)).body['feedback'] as {
            row: number
            label: unknown
          }[]
        ).map(({ row, label }) => [row, label]),
    }
  }

  it('takes the label of one row, and of all rows', async () => {
    const one = await predicted(1)
    expect((await one.give({ label: 2 })).body).toEqual({
      ...{ prediction: one.id, recorded: 1, repeated: 0, kept: [] },
    })
    expect(await one.labels()).toEqual([[0, 2]])
    const three = await predicted(3)
    expect((await three.give({ label: 1, row: 2 })).body).toMatchObject({ recorded: 1 })
    expect((await three.give({ labels: [0, null, 2] })).body).toMatchObject({
      recorded: 1,
      kept: [{ row: 2, label: 1 }],
    })
    expect((await three.give({ labels: [0, null, 2], replace: true })).body).toMatchObject({
      recorded: 1,
      repeated: 1,
    })
    expect(await three.labels()).toEqual([
      [0, 0],
      [2, 2],
    ])
  })

  it.each<[string, number, unknown, string]>([
    ['no label', 1, {}, 'label'],
    ['a label that is none', 1, { label: null }, 'label'],
    ['a label of another type', 1, { label: 'setosa' }, ''],
    ['a label beyond doubles', 1, '{"label":1e400}', 'label'],
    ['a lone surrogate', 1, '{"label":"\\ud800"}', 'label'],
    ['no row of several', 2, { label: 1 }, 'row'],
    ['a row that is not there', 2, { label: 1, row: 2 }, ''],
    ['a row below 0', 2, { label: 1, row: -1 }, 'row'],
    ['too few labels', 2, { labels: [1] }, 'labels'],
    ['both', 1, { label: 1, labels: [1] }, 'label'],
    ['what is unknown', 1, { label: 1, user: 'bob' }, 'user'],
    ['a label twice', 1, '{"label":1,"label":2}', 'label'],
    ['an array', 1, [1], ''],
  ])('refuses %s', async (_, rows, body, told) => {
    const { give, labels } = await predicted(rows)
    const refused = await give(body)
    expect(refused).toMatchObject({
      status: 400,
      body: { type: 'urn:millrace:error:RequestInvalid' },
    })
    expect(refused.body['detail']).toContain(told)
    expect(await labels()).toEqual([])
  })
})
