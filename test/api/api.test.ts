import { beforeAll, describe, expect, it } from 'vitest'
import { createApi, type Api } from '../../api/app.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { createRegistry } from '../../tasks/registry.ts'
import { irisNpy, noisyIrisNpy } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'

const flower = [6.5, 2.8, 4.6, 1.5]
const predictions = '/models/ada/iris/predictions'

let ports: MemoryPorts
let api: Api

beforeAll(async () => {
  ports = memoryPorts()
  await train(ports, 'uploads/ada/iris.npy', irisNpy())
  api = createApi(ports)
})

async function ask(path: string, init: RequestInit = {}) {
  const response = await api.fetch(new Request(`http://localhost${path}`, init))
  const text = await response.text()
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    text,
    body: JSON.parse(text) as Record<string, unknown>,
  }
}

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  ask(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

describe('predictions', () => {
  it('answers for the model a user promoted last', async () => {
    const { status, body } = await post('/prediction', { userID: 'ada', array: flower })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      model: 'ada/iris',
      version: 0,
      predictions: [1],
      classes: [0, 1, 2],
    })
    expect(body['id']).toMatch(/^ada~iris~0~\d{16}$/)
  })

  it('answers many rows in their order, by a version if one is named', async () => {
    const { body } = await post(`${predictions}?version=0`, {
      instances: [[5.1, 3.5, 1.4, 0.2], flower, [6.3, 3.3, 6, 2.5]],
    })
    expect(body['predictions']).toEqual([0, 1, 2])
  })

  it('gives probabilities where the model has them, null where not', async () => {
    const other = memoryPorts()
    await train(other, 'uploads/ada/logistic.npy', irisNpy(), {
      configuration: { algorithms: ['logistic-regression'] },
    })
    const response = await createApi(other).fetch(
      new Request('http://localhost/models/ada/logistic/predictions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ instances: [flower] }),
      }),
    )
    const { probabilities } = (await response.json()) as { probabilities: number[][] }
    expect(probabilities[0]!.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12)
  })

  it('answers with the labels of a CSV', async () => {
    const other = memoryPorts()
    const lines = [
      'a,b,kind',
      ...Array.from({ length: 40 }, (_, i) => `${i},${(i * 7) % 40},${i < 20 ? 'low' : 'high'}`),
    ]
    const run = await train(
      other,
      'uploads/ada/kinds.csv',
      new TextEncoder().encode(lines.join('\n')),
    )
    expect(run.output).toMatchObject({ outcome: 'registered' })
    const response = await createApi(other).fetch(
      new Request('http://localhost/prediction', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ userID: 'ada', array: [1, 7] }),
      }),
    )
    expect(await response.json()).toMatchObject({ predictions: ['low'], classes: ['high', 'low'] })
  })
})

describe('refusals', () => {
  const cases: [string, () => ReturnType<typeof ask>, number, string, string][] = [
    [
      'a body that is not JSON',
      () => post(predictions, '{"instances": [[1'),
      400,
      'RequestInvalid',
      'JSON',
    ],
    ['an empty body', () => post(predictions, ''), 400, 'RequestInvalid', 'JSON'],
    ['no rows', () => post(predictions, { instances: [] }), 400, 'RequestInvalid', 'instances'],
    [
      'a cell that is text',
      () => post(predictions, { instances: [flower, [1, 2, 'x', 4]] }),
      400,
      'RequestInvalid',
      'instances.1.2',
    ],
    [
      'a number beyond doubles',
      () => post(predictions, '{"instances": [[1e400, 2, 3, 4]]}'),
      400,
      'RequestInvalid',
      'instances.0.0',
    ],
    [
      'a missing cell',
      () => post(predictions, { instances: [[1, 2, null, 4]] }),
      400,
      'RequestInvalid',
      'instances.0.2',
    ],
    [
      'a short row',
      () => post(predictions, { instances: [flower, [1, 2, 3]] }),
      400,
      'InstancesInvalid',
      'instances.1',
    ],
    [
      'a row of huge numbers',
      () => post(predictions, { instances: [[1e300, 1e300, 1e300, 1e300]] }),
      400,
      'InstancesInvalid',
      '',
    ],
    [
      'an unknown field',
      () => post(predictions, { instances: [flower], extra: 1 }),
      400,
      'RequestInvalid',
      'extra',
    ],
    [
      '__proto__',
      () => post(predictions, '{"__proto__": {"instances": [[1]]}}'),
      400,
      'RequestInvalid',
      'instances',
    ],
    [
      '10 MB of nested brackets',
      () => post(predictions, '['.repeat(10_000_000)),
      413,
      'BodyTooLarge',
      '',
    ],
    [
      '1 MB of nested brackets',
      () => post(predictions, '['.repeat(1_000_000)),
      400,
      'RequestInvalid',
      '',
    ],
    [
      'another media type',
      () => post(predictions, { instances: [flower] }, { 'content-type': 'text/plain' }),
      415,
      'MediaTypeUnsupported',
      'text/plain',
    ],
    [
      'an unknown model',
      () => post('/models/ada/nothing/predictions', { instances: [flower] }),
      404,
      'ModelNotFound',
      'ada/nothing',
    ],
    [
      'an unknown version',
      () => post(`${predictions}?version=9`, { instances: [flower] }),
      404,
      'ModelNotFound',
      '9',
    ],
    [
      'a version that is no number',
      () => post(`${predictions}?version=-1`, { instances: [flower] }),
      400,
      'RequestInvalid',
      'version',
    ],
    ...['', '0x0', '1e0', ' 0', '1.0', '9'.repeat(20)].map((version): (typeof cases)[number] => [
      `the version "${version}"`,
      () => post(`${predictions}?version=${version}`, { instances: [flower] }),
      400,
      'RequestInvalid',
      'version',
    ]),
    [
      'a user without a model',
      () => post('/prediction', { userID: 'bob', array: flower }),
      404,
      'ModelNotFound',
      'bob',
    ],
    [
      'a user named __proto__',
      () => post('/prediction', { userID: '__proto__', array: flower }),
      400,
      'RequestInvalid',
      'userID',
    ],
    [
      'a user named ../ada',
      () => post('/prediction', { userID: '../ada', array: flower }),
      400,
      'RequestInvalid',
      'userID',
    ],
    [
      'a model named %2e%2e',
      () => post('/models/%2e%2e%2f/iris/predictions', { instances: [flower] }),
      400,
      'RequestInvalid',
      'user',
    ],
    ['a model with a NUL', () => ask('/models/ada%00/iris'), 400, 'RequestInvalid', 'user'],
    ['a model named __proto__', () => ask('/models/__proto__/iris'), 400, 'RequestInvalid', 'user'],
    ['an unknown route', () => ask('/nowhere'), 404, 'RouteNotFound', '/nowhere'],
    ['an unknown execution', () => ask('/executions/none'), 404, 'ExecutionNotFound', 'none'],
    [
      'an execution name that is none',
      () => ask('/executions/..%2f..'),
      400,
      'RequestInvalid',
      'name',
    ],
    ['a limit that is none', () => ask('/models?limit=1000'), 400, 'RequestInvalid', 'limit'],
    ['a cursor of another query', () => ask('/models?cursor=xyz'), 400, 'CursorInvalid', ''],
  ]

  it.each(cases)('refuses %s', async (_, request, status, name, told) => {
    const answer = await request()
    expect(answer.status).toBe(status)
    expect(answer.type).toBe('application/problem+json')
    expect(answer.body).toMatchObject({ type: `urn:millrace:error:${name}`, status })
    expect(answer.body['detail']).toContain(told)
    expect(answer.text).not.toMatch(/\bat .*\.ts|node_modules/)
  })

  it('names the methods of a path that has another one', async () => {
    const answer = await api.fetch(new Request('http://localhost/prediction'))
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe('POST')
    expect(await answer.json()).toMatchObject({ type: 'urn:millrace:error:MethodNotAllowed' })
  })

  it.each(['/prediction?trace=1', '/%70rediction'])('takes %s for /prediction', async (path) => {
    const answer = await post(path, { userID: 'ada', array: flower })
    expect(answer.status).toBe(200)
  })

  it('names every field that is wrong', async () => {
    const { body } = await post(predictions, { instances: [['a', 2, 'b', 4]] })
    expect((body['errors'] as { field: string }[]).map((one) => one.field)).toEqual([
      'instances.0.0',
      'instances.0.2',
    ])
  })

  it('tells a fault of ours as such, and logs its cause', async () => {
    const broken = memoryPorts()
    broken.table.get = () => Promise.reject(new Error('secret detail'))
    const response = await createApi(broken).fetch(new Request('http://localhost/models/a/b'))
    const text = await response.text()
    expect(response.status).toBe(500)
    expect(text).not.toContain('secret detail')
    expect(JSON.stringify(broken.logLines)).toContain('secret detail')
  })
})

describe('uploads', () => {
  const request = (configuration: object) =>
    post('/datasets/ada/iris/uploads', { size: 100, configuration })

  it('are given a place with a configuration that there can be', async () => {
    const known = { algorithms: ['gradient-boosting', 'ridge'], trials: 4 }
    expect((await request(known)).status).toBe(201)
    expect((await request({ ...known, task: 'regression' })).status).toBe(201)
  })

  it.each<[string, object, string, RegExp]>([
    [
      'an unknown algorithm',
      { algorithms: ['svd'] },
      'algorithms',
      /no algorithm "svd"; there are svc/,
    ],
    ['a name of objects', { algorithms: ['__proto__'] }, 'algorithms', /no algorithm/],
    [
      'an algorithm of another task',
      { task: 'regression', algorithms: ['svc'] },
      'algorithms',
      /svc is for classification, not for regression/,
    ],
    ['an unknown option', { hyperparameters: { svc: { D: 1 } } }, 'hyperparameters', /"D"/],
    ['no trials', { trials: 0 }, 'trials', /1/],
    ['an unknown task', { task: 'ranking' }, 'task', /classification/],
  ])('refuses %s before the bytes are sent', async (_, configuration, field, message) => {
    const { status, body } = await request(configuration)
    expect(status).toBe(400)
    expect(body).toMatchObject({
      type: 'urn:millrace:error:RequestInvalid',
      errors: [
        { field: `configuration.${field}`, message: expect.stringMatching(message) as string },
      ],
    })
  })
})

describe('the registry over HTTP', () => {
  it('lists models, describes one, and tells a version whole', async () => {
    expect((await ask('/models')).body).toMatchObject({
      models: [
        {
          model: 'ada/iris',
          champion: 0,
          task: 'classification',
          algorithm: expect.any(String) as string,
          metric: 'accuracy',
          score: expect.any(Number) as number,
        },
      ],
    })
    expect((await ask('/models/ada/iris')).body).toMatchObject({
      aliases: { champion: { version: 0 } },
      versions: [{ version: 0 }],
    })
    expect((await ask('/models/ada/iris/versions/0')).body).toMatchObject({
      source: { key: 'uploads/ada/iris.npy' },
      decision: { verdict: 'first' },
      drift: { verdict: 'first-version' },
    })
    expect((await ask('/models/ada/none')).status).toBe(404)
  })

  it('describes itself', async () => {
    const { body } = await ask('/openapi.json')
    expect(Object.keys(body['paths'] as object)).toEqual(
      expect.arrayContaining([
        '/prediction',
        '/models/{user}/{dataset}/predictions',
        '/executions',
      ]),
    )
  })
})

describe('the model in memory', () => {
  it('follows a promotion within the stated time, without waiting for it', async () => {
    const own = memoryPorts()
    await train(own, 'uploads/ada/iris.npy', irisNpy(), {
      configuration: { algorithms: ['majority'] },
    })
    const { models } = createApi(own)
    const name = { user: 'ada', dataset: 'iris' }
    expect((await models.alias(name, 'champion')).version).toBe(0)
    await train(own, 'uploads/ada/iris.npy', noisyIrisNpy(1))
    expect(await createRegistry(own.table, own.clock).alias(name, 'champion')).toMatchObject({
      version: 1,
    })
    expect((await models.alias(name, 'champion')).version).toBe(0)
    models.invalidate(name)
    expect((await models.alias(name, 'champion')).version).toBe(0)
    await expect.poll(async () => (await models.alias(name, 'champion')).version).toBe(1)
  })

  it('goes on with the version in memory when the next cannot be read', async () => {
    const own = memoryPorts()
    await train(own, 'uploads/ada/iris.npy', irisNpy(), {
      configuration: { algorithms: ['majority'] },
    })
    const { models } = createApi(own)
    const name = { user: 'ada', dataset: 'iris' }
    await models.alias(name, 'champion')
    own.table.get = () => Promise.reject(new Error('unreachable'))
    own.clock.advance(5000)
    expect((await models.alias(name, 'champion')).version).toBe(0)
    await expect.poll(() => JSON.stringify(own.logLines)).toContain('unreachable')
    expect((await models.alias(name, 'champion')).version).toBe(0)
  })
})
