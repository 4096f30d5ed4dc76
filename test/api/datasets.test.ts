import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createApi, type Api } from '../../api/app.ts'
import { abandonedSeconds } from '../../api/idempotency.ts'
import { MillraceError } from '../../platform/ports/index.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import type { Caller } from '../../tasks/caller.ts'
import { irisNpy } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'

const stones = '/datasets/ada/stones'
const schema = {
  columns: [
    { name: 'carat', type: 'number' },
    { name: 'price', type: 'number' },
    { name: 'cut', type: 'text' },
  ],
  target: 'price',
}
const row = { carat: 0.5, price: 900, cut: 'Ideal' }

let ports: MemoryPorts
let api: Api

beforeEach(() => {
  ports = memoryPorts()
  api = createApi(ports)
})

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown> & {
    readonly errors?: readonly { field: string; message: string }[]
    readonly versions?: readonly Record<string, unknown>[]
    readonly datasets?: readonly Record<string, unknown>[]
    readonly columns?: readonly Record<string, unknown>[]
  }
}

async function ask(
  method: string,
  path: string,
  {
    body,
    headers,
    caller,
  }: { body?: unknown; headers?: Record<string, string>; caller?: Caller } = {},
): Promise<Answer> {
  const request = new Request(`http://localhost${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const response = await api.fetch(request, { caller })
  const text = await response.text()
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Answer['body'] }
}

const append = (body: unknown, headers: Record<string, string> = {}) =>
  ask('POST', `${stones}/rows`, { body, headers })
const ndjson = { 'content-type': 'application/x-ndjson' }
const isOf = (error: string) => ({ type: `urn:millrace:error:${error}` })

describe('a dataset', () => {
  it('is made, appended to, described, listed and removed', async () => {
    expect(await ask('PUT', stones, { body: schema })).toMatchObject({
      status: 201,
      body: {
        dataset: 'ada/stones',
        version: 0,
        versionCount: 1,
        rows: 0,
        columnCount: 3,
        target: 'price',
      },
    })
    expect((await ask('PUT', stones, { body: schema })).status).toBe(200)
    const appended = await append([row, [1, 2000, null]])
    expect(appended).toEqual({
      status: 201,
      body: { dataset: 'ada/stones', version: 1, appended: 2, rows: 2, bytes: 22 },
    })
    const described = await ask('GET', `${stones}?statistics=computed`)
    expect(described.body).toMatchObject({
      dataset: 'ada/stones',
      version: 1,
      versionCount: 2,
      origin: 'append',
      rows: 2,
      target: 'price',
      columns: [
        { name: 'carat', type: 'number', statistics: { count: 2, mean: 0.75 } },
        { name: 'price', type: 'number', statistics: { max: 2000 } },
        { name: 'cut', type: 'text', statistics: { missing: 1, distinct: 1, mean: null } },
      ],
    })
    const first = await ask('GET', `${stones}?version=0`)
    expect(first.body).toMatchObject({ version: 0, rows: 0, origin: 'created', source: null })
    expect(first.body.columns?.[0]).toEqual({ name: 'carat', type: 'number', statistics: null })
    expect((await ask('GET', '/datasets')).body.datasets).toMatchObject([
      { dataset: 'ada/stones', version: 1, rows: 2 },
    ])
    expect((await ask('DELETE', stones)).status).toBe(204)
    expect(await ask('GET', stones)).toMatchObject({ status: 404, body: isOf('DatasetNotFound') })
    expect((await ask('GET', '/datasets')).body).toEqual({ datasets: [] })
  })

  it('has the rows of a repeated append once, also where its first answer was lost', async () => {
    await ask('PUT', stones, { body: schema })
    const put = ports.table.put.bind(ports.table)
    vi.spyOn(ports.table, 'put').mockImplementation(async (item, options) => {
      if ('status' in item) throw new MillraceError('StorageFailed', 'the process died')
      return put(item, options)
    })
    const headers = { 'idempotency-key': 'once' }
    const first = await append([row], headers)
    expect(first).toMatchObject({ status: 201, body: { version: 1, rows: 1 } })
    await append([row])
    ports.clock.advance(abandonedSeconds * 1000)
    expect(await append([row], headers)).toEqual(first)
    expect((await ask('GET', stones)).body).toMatchObject({ version: 2, rows: 2 })
  })

  it('has versions in pages, the newest first', async () => {
    await ask('PUT', stones, { body: schema })
    for (let i = 0; i < 4; i++) await append([row])
    const found: unknown[] = []
    let path: string | undefined = `${stones}/versions?limit=2`
    while (path !== undefined) {
      const { status, body } = await ask('GET', path)
      expect(status).toBe(200)
      found.push(...(body.versions ?? []).map(({ version }) => version))
      const { cursor } = body
      path = typeof cursor === 'string' ? `${stones}/versions?limit=2&cursor=${cursor}` : undefined
    }
    expect(found).toEqual([4, 3, 2, 1, 0])
    const other = await ask('GET', `${stones}/versions?cursor=abc`)
    expect(other).toMatchObject({ status: 400, body: isOf('CursorInvalid') })
  })

  it('that was uploaded has the statistics that validation found', async () => {
    await train(ports, 'uploads/ada/iris.npy', irisNpy())
    const { body } = await ask('GET', '/datasets/ada/iris')
    expect(body).toMatchObject({ origin: 'upload', format: 'npy', rows: 150, target: 'target' })
    expect(body.columns?.[0]).toMatchObject({ name: 'feature_0', statistics: { min: 4.3 } })
    const removed = await ask('DELETE', '/datasets/ada/iris')
    expect(removed).toMatchObject({ status: 409, body: isOf('DatasetInUse') })
    expect((await ask('DELETE', '/datasets/ada/iris?archive=true')).status).toBe(204)
    expect((await ask('GET', '/datasets/ada/iris')).status).toBe(404)
    expect((await ask('GET', '/models/ada/iris')).status).toBe(200)
  })

  it('of other columns is refused', async () => {
    await ask('PUT', stones, { body: schema })
    const other = await ask('PUT', stones, { body: { ...schema, target: 'carat' } })
    expect(other).toMatchObject({ status: 409, body: isOf('DatasetExists') })
  })

  it.each([
    ['no columns', { columns: [], target: null }, 'columns'],
    ['a target of none', { ...schema, target: 'x' }, 'target'],
    [
      'two columns of one name',
      { columns: [schema.columns[0], schema.columns[0]], target: null },
      'columns',
    ],
    ['an unknown type', { columns: [{ name: 'a', type: 'date' }], target: null }, 'columns.0.type'],
    [
      'a name with blanks',
      { columns: [{ name: ' a', type: 'text' }], target: null },
      'columns.0.name',
    ],
    [
      '__proto__',
      { columns: [{ name: '__proto__', type: 'text' }], target: null },
      'columns.0.name',
    ],
    ['more than is asked', { ...schema, rows: [] }, 'body'],
  ])('is refused with %s', async (_, body, field) => {
    const { status, body: problem } = await ask('PUT', stones, { body })
    expect([status, problem.errors?.[0]?.field]).toEqual([400, field])
    expect((await ask('GET', stones)).status).toBe(404)
  })
})

describe('rows', () => {
  beforeEach(async () => {
    expect((await ask('PUT', stones, { body: schema })).status).toBe(201)
  })

  it('come as lines of JSON, too', async () => {
    const lines = [JSON.stringify(row), '', JSON.stringify([1, 2, 'Fair']), ''].join('\r\n')
    expect(await append(lines, ndjson)).toMatchObject({
      status: 201,
      body: { appended: 2, rows: 2 },
    })
  })

  it('that are sent again with the same Idempotency-Key are appended once', async () => {
    const key = { 'idempotency-key': 'one' }
    const answers = [await append([row], key), await append([row], key)]
    expect(answers[1]).toEqual(answers[0])
    expect((await ask('GET', stones)).body).toMatchObject({ rows: 1 })
  })

  it.each<[string, string, Record<string, string>, string, string]>([
    [
      'text for a number',
      '[{"carat":1,"price":2,"cut":"a"},[1,"2","a"]]',
      {},
      'RowsInvalid',
      'rows.1.price',
    ],
    [
      'a column that is not there',
      '[{"carat":1,"price":2,"cut":"a","x":1}]',
      {},
      'RowsInvalid',
      'rows.0.x',
    ],
    [
      '__proto__',
      '[{"carat":1,"price":2,"cut":"a","__proto__":{"x":1}}]',
      {},
      'RowsInvalid',
      'rows.0.__proto__',
    ],
    ['an infinite number', '[[1e400,2,"a"]]', {}, 'RowsInvalid', 'rows.0.carat'],
    [
      'an integer beyond doubles',
      '[[1,2,"a"],[9007199254740993,2,"a"]]',
      {},
      'RowsInvalid',
      'rows.1.0',
    ],
    [
      'such an integer by name',
      '{"carat":-12345678901234567891,"price":2,"cut":"a"}',
      ndjson,
      'RowsInvalid',
      'rows.0.carat',
    ],
    [
      'a name that stands twice',
      '[{"carat":1,"carat":2,"price":2,"cut":"a"}]',
      {},
      'RequestInvalid',
      'carat',
    ],
    [
      'a name that stands twice in a line',
      '[1,2,"a"]\n{"carat":1,"c\\u0061rat":2,"price":2,"cut":"a"}',
      ndjson,
      'RowsInvalid',
      'rows.1.carat',
    ],
    ['a line that is not JSON', '[1,2,"a"]\n[NaN,2,"a"]', ndjson, 'RowsInvalid', 'rows.1'],
    ['a line that nests without end', '['.repeat(100_000), ndjson, 'RowsInvalid', 'rows.0'],
    ['an object of rows', '{"rows":[[1,2,"a"]]}', {}, 'RequestInvalid', 'body'],
    ['no rows', '[]', {}, 'RowsInvalid', 'rows'],
    ['no lines', '\n\n', ndjson, 'RowsInvalid', 'rows'],
  ])('with %s are refused, all of them', async (_, body, headers, error, field) => {
    const answer = await append(body, headers)
    expect(answer).toMatchObject({ status: 400, body: isOf(error) })
    expect(answer.body.errors?.[0]?.field).toBe(field)
    expect((await ask('GET', stones)).body).toMatchObject({ version: 0, rows: 0 })
  })

  it('of a number that JSON has not are no JSON', async () => {
    expect(await append('[[NaN,2,"a"]]')).toMatchObject({
      status: 400,
      body: isOf('RequestInvalid'),
    })
  })

  it('keep long fractions and integers that doubles hold', async () => {
    const body = '[[0.12345678901234567,9007199254740992,"9007199254740993"]]'
    expect((await append(body)).status).toBe(201)
  })

  it('name at most 20 faults', async () => {
    const lines = Array.from({ length: 1000 }, () => 'x').join('\n')
    for (const answer of [await append(lines, ndjson), await append(Array(1000).fill([1]))]) {
      expect(answer.status).toBe(400)
      expect(answer.body.errors).toHaveLength(20)
    }
  })

  it('are at most 6 MB and 100,000, as JSON or as lines', async () => {
    expect(await append(' '.repeat(6 * 1024 * 1024 + 1))).toMatchObject({ status: 413 })
    const many = Array(100_001).fill('[1,2,"a"]')
    for (const answer of [
      await append(`[${many.join(',')}]`),
      await append(many.join('\n'), ndjson),
    ]) {
      expect(answer).toMatchObject({ status: 400, body: isOf('RowsInvalid') })
    }
    expect(await append(`[${many.slice(1).join(',')}]`)).toMatchObject({
      status: 201,
      body: { rows: 100_000 },
    })
  })

  it('of another media type are not taken', async () => {
    const answer = await append('a,b\n1,2', { 'content-type': 'text/csv' })
    expect(answer).toMatchObject({ status: 415, body: isOf('MediaTypeUnsupported') })
  })

  it('of a dataset that is not there are refused as that', async () => {
    const answer = await ask('POST', '/datasets/ada/other/rows', { body: [row] })
    expect(answer).toMatchObject({ status: 404, body: isOf('DatasetNotFound') })
  })

  it('appended at one moment are all there, once', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => append([[i, i, 'a']])))
    expect(new Set(answers.map(({ body }) => body['version'])).size).toBe(50)
    const { body } = await ask('GET', `${stones}?statistics=computed`)
    expect(body).toMatchObject({ version: 50, rows: 50 })
    expect(body.columns?.[0]).toMatchObject({ statistics: { distinct: 50, min: 0, max: 49 } })
  })
})

describe('who asks', () => {
  const ada: Caller = { user: 'ada', role: 'owner', keyId: 'a' }
  const bob: Caller = { user: 'bob', role: 'owner', keyId: 'b' }

  it('finds what belongs to others as little as what does not exist', async () => {
    await ask('PUT', stones, { body: schema, caller: ada })
    for (const [method, path, body] of [
      ['GET', stones],
      ['GET', `${stones}/versions`],
      ['PUT', stones, schema],
      ['DELETE', stones],
      ['POST', `${stones}/rows`, [row]],
    ] as const) {
      const answer = await ask(method, path, { body, caller: bob })
      expect(answer).toMatchObject({ status: 404, body: isOf('DatasetNotFound') })
    }
    expect((await ask('GET', '/datasets', { caller: bob })).body).toEqual({ datasets: [] })
    expect((await ask('GET', '/datasets?user=ada', { caller: bob })).body).toEqual({ datasets: [] })
    expect((await ask('GET', '/datasets', { caller: ada })).body.datasets).toHaveLength(1)
    expect((await ask('GET', '/datasets?user=ada')).body.datasets).toHaveLength(1)
    expect((await ask('GET', '/datasets?user=bob')).body.datasets).toEqual([])
  })

  it.each<[Caller['role'], number[]]>([
    ['owner', [200, 201, 204]],
    ['trainer', [200, 201, 403]],
    ['reader', [200, 403, 403]],
    ['predictor', [403, 403, 403]],
  ])('may do as %s what the role allows', async (role, expected) => {
    await ask('PUT', stones, { body: schema, caller: ada })
    const caller = { ...ada, role }
    const found = [
      await ask('GET', stones, { caller }),
      await ask('POST', `${stones}/rows`, { body: [row], caller }),
      await ask('DELETE', stones, { caller }),
    ]
    expect(found.map(({ status }) => status)).toEqual(expected)
  })
})
