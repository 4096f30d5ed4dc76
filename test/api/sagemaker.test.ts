import { beforeAll, describe, expect, it } from 'vitest'
import type { Admission } from '../../api/admission.ts'
import { createApi, type Api } from '../../api/app.ts'
import { csvRows } from '../../api/csv-rows.ts'
import { MillraceError } from '../../platform/ports/index.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { irisNpy } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'

let ports: MemoryPorts
let api: Api

beforeAll(async () => {
  ports = memoryPorts()
  await train(ports, 'uploads/ada/iris.npy', irisNpy(), {
    configuration: { algorithms: ['logistic-regression'] },
  })
  api = createApi(ports, { sagemakerModel: 'ada/iris' })
})

const invoke = async (body: string, headers: Record<string, string>, asked: Api = api) => {
  const init = { method: 'POST', body, headers }
  const response = await asked.fetch(new Request('http://localhost/invocations', init))
  return { status: response.status, headers: response.headers, text: await response.text() }
}

const ping = (asked: Api) => asked.fetch(new Request('http://localhost/ping'))

const json = { 'content-type': 'application/json' }
const csv = { 'content-type': 'text/csv' }
const rows = '{"instances":[[6.5,2.8,4.6,1.5],[5.1,3.5,1.4,0.2]]}'

describe('GET /ping', () => {
  it('answers once the model does', async () => {
    expect((await ping(api)).status).toBe(200)
    const empty = createApi(memoryPorts(), { sagemakerModel: 'ada/iris' })
    expect((await ping(empty)).status).toBe(404)
  })

  it('is no route, nor are invocations, without a model for it', async () => {
    const plain = createApi(ports)
    const answers = [await ping(plain), await invoke(rows, json, plain)]
    expect(answers.map(({ status }) => status)).toEqual([404, 404])
    expect(await (await ping(plain)).json()).toMatchObject({
      type: 'urn:millrace:error:RouteNotFound',
    })
  })

  it('is for a model that can be named', () => {
    expect(() => createApi(ports, { sagemakerModel: '../iris' })).toThrow('a name is')
  })
})

describe('POST /invocations', () => {
  it('does a request with an Idempotency-Key once, and names the same prediction', async () => {
    const headers = { ...json, 'idempotency-key': 'first' }
    const [first, again] = [await invoke(rows, headers), await invoke(rows, headers)]
    expect(again).toMatchObject({ status: 200, text: first.text })
    const id = 'x-amzn-sagemaker-custom-attributes'
    expect(first.headers.get(id)).toMatch(/^prediction=ada~iris~/)
    expect(again.headers.get(id)).toBe(first.headers.get(id))
    expect(again.headers.get('idempotent-replayed')).toBe('true')
  })

  it('answers rows of JSON, and records them', async () => {
    const { status, headers, text } = await invoke(rows, json)
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('application/json')
    const answer = JSON.parse(text) as { predictions: number[]; probabilities: number[][] }
    expect(Object.keys(answer)).toEqual(['predictions', 'probabilities'])
    expect(answer.predictions).toEqual([1, 0])
    const [, id] = /^prediction=(.*),version=0$/.exec(
      headers.get('x-amzn-sagemaker-custom-attributes')!,
    )!
    const found = await api.fetch(new Request(`http://localhost/predictions/${id!}`))
    expect(await found.json()).toMatchObject({ predictions: [1, 0] })
  })

  it.each([
    ['text/csv', 'text/csv', '1\n0\n'],
    ['text/csv; header=absent', 'text/csv, */*', '1\n0\n'],
  ])('answers rows of %s as %s', async (type, accept, expected) => {
    const body = '6.5,2.8,4.6,1.5\r\n5.1,3.5,1.4,0.2\n'
    const { status, headers, text } = await invoke(body, { 'content-type': type, accept })
    expect([status, headers.get('content-type'), text]).toEqual([200, 'text/csv', expected])
    const asJson = await invoke(body, csv)
    expect(JSON.parse(asJson.text)).toMatchObject({ predictions: [1, 0] })
  })

  it('quotes labels that need it', async () => {
    const own = memoryPorts()
    const lines = Array.from(
      { length: 40 },
      (_, i) => `${i},"${i < 20 ? 'low, ""very""' : 'high'}"`,
    )
    const bytes = new TextEncoder().encode(['a,kind', ...lines].join('\n'))
    await train(own, 'uploads/ada/kinds.csv', bytes)
    const kinds = createApi(own, { sagemakerModel: 'ada/kinds' })
    const { text } = await invoke('1\n39\n', { ...csv, accept: 'text/csv' }, kinds)
    expect(text).toBe('"low, ""very"""\nhigh\n')
  })

  it.each<[string, string, Record<string, string>, number, string]>([
    ['another type', rows, { 'content-type': 'application/x-npy' }, 415, 'MediaTypeUnsupported'],
    ['no rows', '', csv, 400, 'RequestInvalid'],
    ['rows of another width', '1,2\n', csv, 400, 'InstancesInvalid'],
    ['text for a number', 'a,2,3,4\n', csv, 400, 'RequestInvalid'],
    ['an empty cell for a number', ',2,3,4\n', csv, 400, 'RequestInvalid'],
    ['a number beyond doubles', '1e400,2,3,4\n', csv, 400, 'RequestInvalid'],
    ['a quote that does not end', '"1,2,3,4\n', csv, 400, 'RequestInvalid'],
    ['a very long one', `"${'a'.repeat(1_000_000)}`, csv, 400, 'RequestInvalid'],
    ['many rows', '1,2,3,4\n'.repeat(10_001), csv, 400, 'RequestInvalid'],
    ['a body that is too large', '1'.repeat(6 * 1024 * 1024 + 1), csv, 413, 'BodyTooLarge'],
    ['no JSON', '{', json, 400, 'RequestInvalid'],
    ['an unknown field', '{"instances":[[1,2,3,4]],"a":1}', json, 400, 'RequestInvalid'],
  ])('refuses %s', async (_, body, headers, status, name) => {
    const refused = await invoke(body, headers)
    expect(refused.status).toBe(status)
    expect(JSON.parse(refused.text)).toMatchObject({ type: `urn:millrace:error:${name}` })
  })

  it('is for who may ask for predictions of that model', async () => {
    const admission: Admission = {
      admit({ apiKey }) {
        if (apiKey === undefined) throw new MillraceError('Unauthenticated', 'no key')
        return { user: apiKey, role: 'predictor', keyId: 'k' }
      },
    }
    const guarded = createApi(ports, { sagemakerModel: 'ada/iris', admission })
    const statusOf = async (key: Record<string, string>) =>
      (await invoke(rows, { ...json, ...key }, guarded)).status
    expect(await statusOf({})).toBe(401)
    expect(await statusOf({ 'x-api-key': 'bob' })).toBe(404)
    expect(await statusOf({ 'x-api-key': 'ada' })).toBe(200)
    expect((await ping(guarded)).status).toBe(200)
  })
})

describe('rows of a CSV', () => {
  it.each([
    [
      '1,2\n3,4',
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [
      '1,2\r\n3,4\r\n\r\n',
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ['a,"b","c,""d""",4', [['a', 'b', 'c,"d"', 4]]],
    ['"1", 2 ,-.5e3', [['1', 2, -500]]],
    [
      ',1,\n2,,\n',
      [
        [null, 1, null],
        [2, null, null],
      ],
    ],
    ['1,', [[1, null]]],
    ['"",x\n', [['', 'x']]],
    ['nan,Infinity,0x10', [['nan', 'Infinity', '0x10']]],
  ])('%j', (text, expected) => {
    expect(csvRows(text)).toEqual(expected)
  })

  it.each(['', '\n\n', 'a"b', '"a"b', '"a', '"a""', `"${'a'.repeat(257)}"`])(
    '%j has none',
    (text) => {
      expect(() => csvRows(text)).toThrow('instances')
    },
  )
})
