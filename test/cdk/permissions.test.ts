import { beforeAll, describe, expect, it } from 'vitest'
import { createApi } from '../../api/app.ts'
import { portMethods, type PortMethod, type Use } from '../../cdk/permissions.ts'
import { batchTaskUses, serviceUses, taskUses } from '../../cdk/uses.ts'
import { matchesPattern, uploadPattern, type ObjectCreatedEvent } from '../../events/index.ts'
import { authorizerHandler } from '../../platform/aws/authorizer-function.ts'
import { batch } from '../../platform/local/batch.ts'
import { training } from '../../platform/local/training.ts'
import {
  executionEndedEvent,
  memoryPorts,
  putUpload,
  runTask,
  runWorkflow,
  uploadEvent,
  type MemoryPorts,
} from '../../platform/testing/index.ts'
import type { Ports } from '../../platform/ports/index.ts'
import { handleMessage, sweep } from '../../tasks/index.ts'
import { countServed } from '../../tasks/usage.ts'
import { createDatasets } from '../../tasks/datasets.ts'
import { formatModel } from '../../tasks/names.ts'
import { promote } from '../../tasks/promote.ts'
import type { AnyTask } from '../../tasks/task.ts'
import { irisNpy, irisRows, npyOf } from '../fixtures/iris.ts'
import { covers, recordedPorts } from './recorded-ports.ts'
import { listOf, ofType, statementsOf, synthesized, written } from './synthesized.ts'

const declared: Readonly<Record<string, readonly Use[]>> = {
  ...taskUses,
  ...batchTaskUses,
  ...serviceUses,
}

/** What each function asked of its ports in the scenario below. */
const recorded = new Map<string, Set<string>>(
  Object.keys(declared).map((name) => [name, new Set()]),
)

beforeAll(scenario, 120_000)

describe('what the functions are allowed', () => {
  it.each(Object.keys(declared))('%s asks for nothing beyond', (name) => {
    const uses = [...recorded.get(name)!]
    expect(uses).not.toEqual([])
    const refused = uses.filter((use) => !declared[name]!.some((one) => covers(one, use)))
    expect(refused).toEqual([])
  })

  it.each(Object.keys(declared))('%s makes use of all of it', (name) => {
    const uses = [...recorded.get(name)!]
    const idle = declared[name]!.filter((one) => !uses.some((use) => covers(one, use)))
    expect(idle).toEqual([])
  })

  it('covers every task of the workflows, and no more', () => {
    expect(Object.keys(taskUses).sort()).toEqual(training.tasks.map(({ name }) => name).sort())
    expect(Object.keys(batchTaskUses).sort()).toEqual(batch.tasks.map(({ name }) => name).sort())
  })

  it('knows every method of the ports', () => {
    const { objects, table, queue, bus, log, executions } = memoryPorts()
    const ports: Partial<Record<string, object>> = { objects, table, queue, bus, log, executions }
    const missing = everyMethod.filter((use) => {
      const [port = '', method = ''] = use.split('.')
      return !(method in ports[port]!)
    })
    expect(missing).toEqual([])
  })
})

type GuardedPort = 'objects' | 'table' | 'queue' | 'bus' | 'log' | 'executions'
type MethodName<Port> = {
  [Name in keyof Port]: Port[Name] extends (...given: never[]) => unknown ? Name & string : never
}[keyof Port]
type MethodOfPorts = { [Port in GuardedPort]: `${Port}.${MethodName<Ports[Port]>}` }[GuardedPort]

/** Compiles only while what can be allowed are the methods of the ports: none beyond, none missing. */
const everyMethod: readonly PortMethod[] = ((methods: readonly MethodOfPorts[]) => methods)(
  portMethods,
)

describe('the upload rule', () => {
  it('never matches what the platform itself writes', () => {
    const keys = [...recorded.values()]
      .flatMap((uses) => [...uses])
      .filter((use) => use.startsWith('objects.put '))
      .map((use) => use.slice('objects.put '.length))
    expect(keys.length).toBeGreaterThan(5)
    expect(keys.some((key) => key.endsWith('.npy'))).toBe(true)
    const matched = keys.filter((key) => matchesPattern(uploadPattern, uploadEvent(key)))
    expect(matched).toEqual([])
  })

  it('could not, since no role but that of the API may write under uploads/', () => {
    const { template } = synthesized()
    const writers = Object.keys(ofType(template, 'AWS::IAM::Policy')).filter((id) =>
      statementsOf(template, id).some(
        ({ Action, Resource }) =>
          listOf(Action).includes('s3:PutObject') &&
          listOf(Resource).some((resource) => />\/(uploads\/.*|\*)$/.test(written(resource))),
      ),
    )
    expect(writers).toEqual([expect.stringMatching(/^PlatformApiRole/)])
  })
})

describe('the role of a function', () => {
  const { template } = synthesized()
  const actionsOn = (prefix: string, resource: RegExp) =>
    statementsOf(template, prefix)
      .filter(({ Resource }) => listOf(Resource).some((one) => resource.test(written(one))))
      .flatMap(({ Action }) => listOf(Action))
      .sort()

  it('allows what its uses need, each on its own resource', () => {
    expect(actionsOn('PlatformTrainingClaimRole', /Bucket\w+\.Arn>\/uploads\/\*$/)).toEqual([
      's3:GetObject',
      's3:GetObjectVersion',
    ])
    expect(actionsOn('PlatformTrainingClaimRole', /Bucket\w+\.Arn>$/)).toEqual(['s3:ListBucket'])
    expect(actionsOn('PlatformTrainingClaimRole', /Table\w+\.Arn>$/)).toEqual([
      'dynamodb:ConditionCheckItem',
      'dynamodb:DeleteItem',
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:UpdateItem',
    ])
    expect(actionsOn('PlatformTrainingClaimRole', /:execution:Millrace-training:\*$/)).toEqual([
      'states:DescribeExecution',
    ])
  })

  it('lets a write look whether its folders are objects', () => {
    expect(actionsOn('PlatformTrainingTrainRole', /Bucket\w+\.Arn>\/models$/)).toEqual([
      's3:GetObject',
    ])
  })

  it('lets predictions read models and the registry, write what was predicted, and no more', () => {
    const actions = statementsOf(template, 'PlatformPredictionsRole').flatMap(({ Action }) =>
      listOf(Action),
    )
    expect(actions.sort()).toEqual([
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:UpdateItem',
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      's3:AbortMultipartUpload',
      's3:GetObject',
      's3:GetObject',
      's3:GetObject',
      's3:GetObjectVersion',
      's3:GetObjectVersion',
      's3:ListBucket',
      's3:PutObject',
    ])
  })
})

/** Uploads of every kind, what follows them, and the API's routes, on recorded ports. */
async function scenario(): Promise<void> {
  const ports = memoryPorts()
  const key = 'uploads/ada/iris.npy'
  const sidecar = new TextEncoder().encode('{"algorithms":["majority"]}')
  const accepted = await train(ports, 'accepted', key, irisNpy())
  // A task may run twice.
  await runTask(promote, accepted.run.calls['Promote']![0], recording(ports, 'Promote'))
  await ports.objects.put(`${key}.json`, sidecar)
  await train(ports, 'configured', key, irisNpy())
  await train(ports, 'duplicate', key, irisNpy())
  const moved = irisRows().map((row) => [row[0]! + 0.83, ...row.slice(1)])
  const drifting = await train(ports, 'drifting', key, npyOf(moved))
  await train(ports, 'rejected', 'uploads/ada/broken.npy', irisNpy().subarray(0, 500))
  await train(ports, 'misnamed', 'uploads/__proto__/iris.npy', irisNpy())

  const unversioned = structuredClone(accepted.input)
  delete unversioned.detail.object['version-id']
  for (const [name, input] of [
    ['accepted', unversioned],
    ['drifting', drifting.input],
  ] as const) {
    const output = { outcome: 'registered' }
    const ended = executionEndedEvent('training', name, 'SUCCEEDED', { input, output })
    await runTask(handleMessage, ended, recording(ports, 'messages'))
  }
  await putUpload(ports.objects, 'uploads/lost.npy', irisNpy())
  ports.clock.advance(3_600_000)
  await runTask(sweep, { graceSeconds: 300 }, recording(ports, 'sweep'))
  await askApi(ports, drifting.input)
  await askForDatasets(ports)
  await askForTrainings(ports)
  await askForBatches(ports)
  await askForDeadLetters(ports)
  await countUsage(ports)
  await askForUploads(ports)
  await askForAccounts(ports)
  await askForModels(ports)
}

async function train(ports: MemoryPorts, name: string, key: string, bytes: Uint8Array) {
  const input = await putUpload(ports.objects, key, bytes)
  return { run: await runTraining(ports, name, input), input }
}

async function runTraining(ports: MemoryPorts, name: string, input: object) {
  ports.executions.set({ workflow: 'training', name })
  const tasks = training.tasks.map((task): AnyTask => ({
    ...task,
    run: (payload, given, context) => task.run(payload, recording(given, task.name), context),
  }))
  const run = await runWorkflow({ ...training, tasks }, { input, ports, name })
  expect(run.status).toBe('SUCCEEDED')
  ports.executions.set({ workflow: 'training', name, status: run.status })
  return run
}

/** Trainings of datasets that are there already: one that is learned, one that is rejected. */
async function askForTrainings(ports: MemoryPorts): Promise<void> {
  const api = createApi(recording(ports, 'api'))
  const columns = [
    { name: 'x', type: 'number' as const },
    { name: 'kind', type: 'text' as const },
  ]
  const rows = Array.from({ length: 160 }, (_, i) => [i, i % 2 === 0 ? 'even' : 'odd'])
  await recordUploaded(ports, 'base', 'x,kind\n1,odd\n', columns)
  for (const [dataset, some] of [
    ['base', rows],
    ['asked', rows],
    ['few', rows.slice(0, 3)],
  ] as const) {
    for (const [method, path, body] of [
      ['PUT', `/datasets/ada/${dataset}`, { columns, target: 'kind' }],
      ['POST', `/datasets/ada/${dataset}/rows`, some],
      ['PUT', `/models/ada/${dataset}`, { algorithms: ['majority'] }],
      ['PUT', `/models/ada/${dataset}`, { algorithms: ['majority'] }],
      ['POST', '/train', { userID: 'ada' }],
    ] as const) {
      const headers = { 'content-type': 'application/json' }
      const init = { method, headers, body: JSON.stringify(body) }
      const response = await api.fetch(new Request(`http://api${path}`, init))
      expect([path, response.ok]).toEqual([path, true])
    }
    for (const message of await ports.queue.receive({ limit: 10 })) {
      await runTask(handleMessage, message.body, recording(ports, 'messages'))
      const { execution } = message.body as { execution: string }
      const { input } = await ports.executions.describe('training', execution)
      await runTraining(withoutDigests(ports), execution, input as object)
      ports.executions.set({ workflow: 'training', name: execution, status: 'FAILED' })
      await runTask(handleMessage, message.body, recording(ports, 'messages'))
    }
  }
}

/** Batches of what was uploaded, and of what was appended to, which is made one object. */
async function askForBatches(ports: MemoryPorts): Promise<void> {
  const api = createApi(recording(ports, 'api'))
  const headers = { 'content-type': 'application/json' }
  const ask = async (method: string, path: string, body?: object) => {
    const text = body === undefined ? null : JSON.stringify(body)
    const response = await api.fetch(
      new Request(`http://api${path}`, { method, headers, body: text }),
    )
    expect([path, response.ok]).toEqual([path, true])
    return response
  }
  const names = ['feature_0', 'feature_1', 'feature_2', 'feature_3']
  const columns = names.map((name) => ({ name, type: 'number' as const }))
  await ask('PUT', '/datasets/ada/flowers', { columns, target: null })
  await ask('POST', '/datasets/ada/flowers/rows', [[5.1, 3.5, 1.4, 0.2]])
  await ask('PUT', '/datasets/ada/strangers', { columns: columns.slice(1), target: null })
  const path = '/models/ada/iris/batches'
  for (const dataset of ['ada/iris', 'ada/flowers', 'ada/strangers']) {
    const accepted = await ask('POST', path, { dataset })
    const { batch: name } = (await accepted.json()) as { batch: string }
    const { input } = await ports.executions.describe('batch', name)
    const tasks = batch.tasks.map((task): AnyTask => ({
      ...task,
      async run(payload, given, context) {
        // A task may run twice.
        await task.run(payload, recording(given, task.name), context)
        return task.run(payload, recording(given, task.name), context)
      },
    }))
    const run = await runWorkflow(
      { ...batch, tasks },
      { input, ports: withoutDigests(ports), name },
    )
    expect(run.status).toBe('SUCCEEDED')
    if (dataset !== 'ada/strangers') await ask('GET', `${path}/${name}/results?limit=1`)
    await ask('POST', `${path}/${name}/cancel`)
  }
  await ask('GET', path)
}

/** As S3 knows none of objects that came in parts. */
function withoutDigests(ports: MemoryPorts): MemoryPorts {
  const head: Ports['objects']['head'] = async (key, options) => {
    const { sha256, ...version } = await ports.objects.head(key, options)
    expect(sha256).toBeDefined()
    return version
  }
  const objects = new Proxy(ports.objects, {
    get(target, name) {
      if (name === 'head') return head
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  return { ...ports, objects }
}

async function countUsage(ports: MemoryPorts): Promise<void> {
  const { table, log } = recording(ports, 'usage')
  await countServed(table, await ports.log.read('predictions/ada/iris/0'))
  await log.subscribe('usage', async () => undefined)()
}

/** Aliases that are moved by hand, and models that are removed. */
async function askForModels(ports: MemoryPorts): Promise<void> {
  const api = createApi(recording(ports, 'api'))
  for (const [method, path, headers, body] of [
    ['GET', '/usage?user=ada', {}, undefined],
    ['PUT', '/models/ada/iris/aliases/champion', { 'if-match': '"0"' }, { version: 0 }],
    ['DELETE', '/models/ada/iris', {}, undefined],
  ] as const) {
    const init = {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      body: body === undefined ? null : JSON.stringify(body),
    }
    const response = await api.fetch(new Request(`http://api${path}`, init))
    expect([path, response.status]).not.toEqual([path, 500])
  }
}

async function askApi(ports: MemoryPorts, { detail }: ObjectCreatedEvent): Promise<void> {
  const { key, 'version-id': versionId = '' } = detail.object
  ports.executions.set({ workflow: 'training', name: 'running' })
  ports.executions.set({ workflow: 'training', name: 'failed', status: 'FAILED' })
  const row = JSON.stringify({ userID: 'ada', array: [6.5, 2.8, 4.6, 1.5] })
  const rows = JSON.stringify({ instances: [[6.5, 2.8, 4.6, 1.5]] })
  // More than a record of the log takes.
  const manyRows = JSON.stringify({ instances: Array(10_000).fill([20 / 3, 8 / 3, 14 / 3, 4 / 3]) })
  const api = createApi(recording(ports, 'api'))
  for (const [method, path, body] of [
    ['GET', '/models'],
    ['GET', '/models/ada/iris'],
    ['GET', '/models/ada/iris/versions/0'],
    ['GET', `/uploads/delivery?${new URLSearchParams({ key, versionId }).toString()}`],
    ['GET', '/executions'],
    ['GET', '/executions/accepted'],
    ['GET', '/executions/accepted/events'],
    ['POST', '/executions/running/stop'],
    ['POST', '/executions/failed/redrive'],
    ['POST', '/uploads', JSON.stringify({ user: 'ada', dataset: 'iris', size: 100 })],
    // As a path that API Gateway takes for another than the predictions'.
    ['POST', '/prediction', row],
    ['POST', '/models/ada/iris/predictions', manyRows],
    // Where the last one stands in the log.
    ['GET', '/predictions/ada~iris~0~0000000000000002'],
    ['POST', '/predictions/ada~iris~0~0000000000000001/feedback', '{"label":1}'],
  ] as const) {
    const headers = { 'content-type': 'application/json' }
    const request = new Request(`http://api${path}`, { method, headers, body: body ?? null })
    expect([path, (await api.fetch(request)).status]).toEqual([path, 200])
  }
  const { predictions } = createApi(recording(ports, 'predictions'))
  for (const [path, body] of [
    ['/prediction', row],
    ['/models/ada/iris/predictions', rows],
    ['/models/ada/iris/predictions', manyRows],
  ] as const) {
    const asked = { path, contentType: 'application/json', credentials: {}, body: () => body }
    await predictions.answer(asked)
  }
}

/** Messages that were given up on. */
async function askForDeadLetters(ports: MemoryPorts): Promise<void> {
  const sent = [await ports.queue.send('to be dropped'), await ports.queue.send('to be replayed')]
  while ((await ports.queue.receive({ limit: 10, visibilitySeconds: 0 })).length > 0);
  const api = createApi(recording(ports, 'api'))
  for (const [method, path] of [
    ['GET', ''],
    ['DELETE', `/${sent[0]!.messageId}`],
    ['POST', `/${sent[1]!.messageId}/replay`],
  ] as const) {
    const request = new Request(`http://api/queue/dead-letters${path}`, { method })
    expect([path, (await api.fetch(request)).status]).toEqual([path, 200])
  }
}

/** Uploads in parts: one that is completed, twice, and one that is aborted. */
async function askForUploads(ports: MemoryPorts): Promise<void> {
  const api = createApi(recording(ports, 'api'))
  const path = '/datasets/ada/sent/uploads'
  const ask = async (method: string, at: string, body?: object) => {
    const headers = { 'content-type': 'application/json' }
    const init = { method, headers, body: body === undefined ? null : JSON.stringify(body) }
    const response = await api.fetch(new Request(`http://api${at}`, init))
    expect([at, response.ok]).toEqual([at, true])
    return response
  }
  const start = async () =>
    (await (
      await ask('POST', path, { format: 'csv', size: 1, partSize: 5 * 1024 ** 2 })
    ).json()) as { uploadId: string; parts: [{ url: string; headers: Record<string, string> }] }
  const { uploadId, parts } = await start()
  const [{ url, headers }] = parts
  const sent = { url, headers: new Headers(headers), body: [new Uint8Array(1)] }
  const { etag } = await ports.objects.acceptUpload(sent)
  const completion = { parts: [{ partNumber: 1, etag }] }
  await ask('POST', `${path}/${uploadId}/complete`, completion)
  await ask('POST', `${path}/${uploadId}/complete`, completion)
  // As when the process died before it noted what the upload became.
  await ports.table.update('uploads#ada', `sent#${uploadId}`, { set: { versionId: null } })
  await ask('POST', `${path}/${uploadId}/complete`, completion)
  await ask('DELETE', `${path}/${(await start()).uploadId}`)
  await ask('POST', '/pre-signed-s3-url', { userID: 'ada' })
}

/** Users, keys and who they stand for. */
async function askForAccounts(ports: MemoryPorts): Promise<void> {
  const api = createApi(recording(ports, 'api'))
  const ask = async (method: string, path: string, body?: object) => {
    const headers = { 'content-type': 'application/json' }
    const text = body === undefined ? null : JSON.stringify(body)
    const response = await api.fetch(
      new Request(`http://api${path}`, { method, headers, body: text }),
    )
    expect([path, response.ok]).toEqual([path, true])
    return (await response.json()) as Record<string, string>
  }
  await ask('POST', '/users', { name: 'ada' })
  const { id, key } = await ask('POST', '/users/ada/keys', { role: 'owner' })
  const handler = authorizerHandler(() => recording(ports, 'authorizer'))
  const asked = await handler({ requestContext: {}, headers: { 'x-api-key': key } })
  expect(asked).toMatchObject({ isAuthorized: true })
  for (const path of ['/users', '/users/ada', '/users/ada/keys']) await ask('GET', path)
  await ask('PUT', '/users/ada/plan', { plan: 'default' })
  await ask('DELETE', `/users/ada/keys/${id}`)
  await ask('DELETE', '/users/ada')
}

/** Datasets that are made, uploaded, appended to, described and removed. */
async function askForDatasets(ports: MemoryPorts): Promise<void> {
  const uploaded = { user: 'ada', dataset: 'uploaded' }
  const schema = { columns: [{ name: 'a', type: 'number' as const }], target: null }
  await recordUploaded(ports, uploaded.dataset, 'a\n1\n', schema.columns)
  const api = createApi(recording(ports, 'api'))
  const made = '/datasets/ada/made'
  for (const [method, path, body] of [
    ['PUT', made, schema],
    ['POST', `${made}/rows`, [[1], [2]]],
    ['GET', `${made}?statistics=computed`],
    ['GET', `${made}/versions`],
    ['DELETE', `${made}?archive=true`],
    ['PUT', made, schema],
    ['DELETE', made],
    ['POST', `/datasets/${formatModel(uploaded)}/rows`, [[3]]],
    ['GET', `/datasets/${formatModel(uploaded)}?statistics=computed`],
    ['GET', '/datasets'],
    ['DELETE', `/datasets/${formatModel(uploaded)}`],
  ] as const) {
    const headers = { 'content-type': 'application/json' }
    const text = body === undefined ? null : JSON.stringify(body)
    const request = new Request(`http://api${path}`, { method, headers, body: text })
    expect([path, (await api.fetch(request)).ok]).toEqual([path, true])
  }
}

async function recordUploaded(
  ports: MemoryPorts,
  dataset: string,
  text: string,
  columns: readonly { readonly name: string; readonly type: 'number' | 'text' }[],
): Promise<void> {
  const bytes = new TextEncoder().encode(text)
  const put = await ports.objects.put(`uploads/ada/${dataset}.csv`, bytes)
  const { bucket, key, versionId, size } = put
  await createDatasets(ports).recordUpload({
    source: { bucket, key, versionId, size, sha256: '' },
    sequencer: '01',
    schema: { columns: [...columns], target: columns.length > 1 ? columns.at(-1)!.name : null },
    rows: 1,
    lineEnd: '\n',
    report: { key: 'none', versionId: 'none' },
  })
}

function recording(ports: Ports, name: string): Ports {
  return recordedPorts(ports, (use) => recorded.get(name)!.add(use))
}
