import { beforeAll, describe, expect, it, vi } from 'vitest'
import { maxBodyBytes } from '../../../api/requests.ts'
import { apiFunction } from '../../../platform/aws/api-function.ts'
import type { HttpAnswer } from '../../../platform/aws/http-answer.ts'
import type { HttpEvent } from '../../../platform/aws/http-event.ts'
import { predictionsHandler } from '../../../platform/aws/predictions-function.ts'
import { memoryPorts, type MemoryPorts } from '../../../platform/testing/index.ts'
import { createRegistry } from '../../../tasks/registry.ts'
import { irisNpy, npyOf } from '../../fixtures/iris.ts'
import { train } from '../../fixtures/train.ts'
import { httpApiEvent, inBase64, restApiEvent, type Asked } from './http-events.ts'
import { lambdaContext, memoryRuntime } from './memory-runtime.ts'

const flower = [6.5, 2.8, 4.6, 1.5]
const prediction: Asked = { path: '/prediction', body: { userID: 'ada', array: flower } }
const predictions = '/models/ada/iris/predictions'

let ports: MemoryPorts

beforeAll(async () => {
  ports = memoryPorts()
  await train(ports, 'uploads/ada/iris.npy', irisNpy())
})

/** Both functions answer predictions: a REST API may send all to the one. */
const handlers: [string, (event: HttpEvent) => Promise<HttpAnswer>][] = [
  ['predictions', (event) => predictionsHandler(() => ports)(event)],
  ['api', (event) => apiFunction(() => memoryRuntime(ports))(event, lambdaContext())],
]

describe.each(handlers)('the %s function', (name, handler) => {
  const answerTo = async (event: HttpEvent) => {
    const { statusCode, headers, body } = await handler(event)
    return { statusCode, type: headers['content-type'], body: JSON.parse(body) as object }
  }

  it.each([
    ['an HTTP API', httpApiEvent(prediction)],
    ['a named stage of it', httpApiEvent({ ...prediction, stage: 'prod' })],
    ['a stage named as a route', httpApiEvent({ ...prediction, stage: 'prediction' })],
    ['a domain of its own', httpApiEvent({ ...prediction, stage: 'a', domainName: 'ml.example' })],
    ['a REST API', restApiEvent(prediction)],
    ['a body in Base64', inBase64(httpApiEvent(prediction))],
    ['a REST API with a body in Base64', inBase64(restApiEvent(prediction))],
  ])('answers a prediction through %s', async (_, event) => {
    expect(await answerTo(event)).toMatchObject({
      statusCode: 200,
      type: 'application/json',
      body: { model: 'ada/iris', predictions: [1], classes: [0, 1, 2] },
    })
  })

  it.each([
    ['HTTP', httpApiEvent],
    ['REST', restApiEvent],
  ])('reads the path and the query of a request through a %s API', async (_, eventOf) => {
    const asked = { path: `${predictions}?version=0`, body: { instances: [flower, flower] } }
    expect(await answerTo(eventOf(asked))).toMatchObject({
      statusCode: 200,
      body: { version: 0, predictions: [1, 1] },
    })
    const missing = { ...asked, path: `${predictions}?version=7` }
    expect(await answerTo(eventOf(missing))).toMatchObject({
      statusCode: 404,
      type: 'application/problem+json',
      body: { type: 'urn:millrace:error:ModelNotFound' },
    })
  })

  it('tells the gateway’s id of the request, and logs it', async () => {
    const event = httpApiEvent(prediction)
    const requestContext = { ...event.requestContext, requestId: 'JKJaXmPLvHcESHA=' }
    const { headers } = await handler({ ...event, requestContext })
    expect(headers['x-request-id']).toBe('JKJaXmPLvHcESHA=')
    expect(ports.logLines.at(-1)).toMatchObject({
      message: 'request',
      fields: { requestId: 'JKJaXmPLvHcESHA=', route: 'POST /prediction', status: 200 },
    })
  })

  it('does a request with an Idempotency-Key once', async () => {
    const asking = (body: object) => {
      const event = httpApiEvent({ path: '/prediction', body })
      return handler({ ...event, headers: { ...event.headers, 'idempotency-key': `of-${name}` } })
    }
    const first = await asking({ userID: 'ada', array: flower })
    const again = await asking({ userID: 'ada', array: flower })
    expect([first.statusCode, first.headers['idempotent-replayed']]).toEqual([200, undefined])
    expect(again).toMatchObject({ statusCode: 200, body: first.body })
    expect(again.headers['idempotent-replayed']).toBe('true')
    const other = await asking({ userID: 'ada', array: [5.1, 3.5, 1.4, 0.2] })
    expect(other.statusCode).toBe(422)
  })

  const hostile: [string, Asked, number, string][] = [
    ['a body that is no JSON', { ...prediction, body: '{"array"' }, 400, 'RequestInvalid'],
    ['no body', { path: '/prediction' }, 400, 'RequestInvalid'],
    [
      'a body that is not said to be JSON',
      { ...prediction, contentType: 'text/csv' },
      415,
      'MediaTypeUnsupported',
    ],
    [
      'a body over the limit',
      { ...prediction, body: ' '.repeat(maxBodyBytes + 1) },
      413,
      'BodyTooLarge',
    ],
    [
      'a row of another width',
      { path: '/prediction', body: { userID: 'ada', array: [1] } },
      400,
      'InstancesInvalid',
    ],
    ['another method', { ...prediction, method: 'PUT' }, 405, 'MethodNotAllowed'],
    ['a route that there is not', { ...prediction, path: '/predictions' }, 404, 'RouteNotFound'],
    [
      'a path with a question mark in it',
      { ...prediction, path: '/models/a%3Fb/c/predictions', body: { instances: [flower] } },
      400,
      'RequestInvalid',
    ],
    [
      'a path of another host',
      { ...prediction, path: '//evil.example/prediction' },
      404,
      'RouteNotFound',
    ],
  ]
  it.each(hostile)('refuses %s', async (_, asked, status, name) => {
    for (const event of [httpApiEvent(asked), restApiEvent(asked)]) {
      expect(await answerTo(event)).toMatchObject({
        statusCode: status,
        type: 'application/problem+json',
        body: { type: `urn:millrace:error:${name}`, status },
      })
    }
  })

  it.each([[{}], [null], ['text'], [{ requestContext: {} }], [{ rawPath: 7, httpMethod: 'GET' }]])(
    'throws for what is no request of API Gateway: %j',
    async (event) => {
      await expect(handler(event as never)).rejects.toMatchObject({ name: 'RequestInvalid' })
    },
  )
})

describe('the predictions function', () => {
  it('appends to one of sixteen keys of the log', async () => {
    const own = { ...ports, log: memoryPorts().log }
    const handler = predictionsHandler(() => own)
    const { id } = JSON.parse((await handler(httpApiEvent(prediction))).body) as { id: string }
    const shard = Number(id.split('~')[2])
    expect(shard).toBeLessThan(16)
    const [record] = await own.log.read(`predictions/ada/iris/${shard}`)
    expect(record).toMatchObject({ record: { kind: 'prediction', rows: 1 } })
  })

  it('says that an answer is too large for Lambda to pass on', async () => {
    const wide = memoryPorts()
    const rows = Array.from({ length: 2000 }, (_, i) => [i, i % 200])
    const run = await train(wide, 'uploads/ada/kinds.npy', npyOf(rows), {
      configuration: { algorithms: ['majority'] },
    })
    expect(run).toMatchObject({ output: { outcome: 'registered' } })
    const event = httpApiEvent({
      path: '/models/ada/kinds/predictions',
      body: { instances: Array.from({ length: 10_000 }, (_, i) => [i]) },
    })
    const { statusCode, body } = await predictionsHandler(() => wide)(event)
    expect(statusCode).toBe(400)
    expect(JSON.parse(body)).toMatchObject({
      type: 'urn:millrace:error:RequestInvalid',
      detail: expect.stringContaining('fewer rows') as string,
    })
  })

  it('answers by a new champion when it was frozen since the last request', async () => {
    const own = memoryPorts()
    await train(own, 'uploads/ada/iris.npy', irisNpy())
    const handler = predictionsHandler(() => own)
    const versionOf = async () =>
      (JSON.parse((await handler(httpApiEvent(prediction))).body) as { version: number }).version
    expect(await versionOf()).toBe(0)
    const registry = createRegistry(own.table, own.clock)
    const model = { user: 'ada', dataset: 'iris' }
    const first = await registry.version(model, 0)
    await registry.register({
      claim: {
        ...({ ...first, model, format: 'npy' } as const),
        trainingId: 'another training',
        sequencer: `${first.sequencer}F`,
      },
      evaluation: {
        ...first,
        candidates: [...first.candidates],
        split: { heldOut: 0.25 },
        decision: {} as never,
      },
    })
    const promotion = { model, version: 1, championSeen: 0, execution: 'run', reason: 'better' }
    expect(await registry.promote(promotion)).toMatchObject({ outcome: 'promoted' })
    own.clock.advance(60_000)
    expect(await versionOf()).toBe(1)
  })
})

describe('the api function', () => {
  const get = async (path: string) => {
    const handler = apiFunction(() => memoryRuntime(ports))
    const event = httpApiEvent({ method: 'GET', path, stage: 'prod' })
    const { statusCode, body } = await handler(event, lambdaContext())
    return { statusCode, body: JSON.parse(body) as object }
  }

  it('answers the other routes', async () => {
    expect(await get('/models')).toMatchObject({
      statusCode: 200,
      body: { models: [{ model: 'ada/iris', champion: 0 }] },
    })
    expect(await get('/health')).toEqual({ statusCode: 200, body: { status: 'ok' } })
    expect(await get('/executions/none?workflow=training')).toMatchObject({ statusCode: 404 })
  })

  it('is a SageMaker container for the model that its environment names', async () => {
    expect(await get('/ping')).toMatchObject({ statusCode: 404 })
    vi.stubEnv('MILLRACE_SAGEMAKER_MODEL', 'ada/iris')
    try {
      expect(await get('/ping')).toMatchObject({ statusCode: 200 })
    } finally {
      vi.unstubAllEnvs()
    }
  })

  it.each(['CONNECT', 'TRACE', 'a b'])('refuses the method %s', async (method) => {
    const handler = apiFunction(() => memoryRuntime(ports))
    const event = httpApiEvent({ method, path: '/models' })
    const { statusCode, body } = await handler(event, lambdaContext())
    expect(statusCode).toBe(400)
    expect(JSON.parse(body)).toMatchObject({ type: 'urn:millrace:error:RequestInvalid' })
  })

  it('flushes what was measured', async () => {
    const runtime = memoryRuntime(ports)
    const event = httpApiEvent({ method: 'GET', path: '/health' })
    await apiFunction(() => runtime)(event, lambdaContext())
    expect(runtime.flushes).toBe(1)
  })
})
