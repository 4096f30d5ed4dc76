import { expect } from 'vitest'
import { createApi } from '../../api/app.ts'
import type { Use } from '../../cdk/permissions.ts'
import {
  batchTaskUses,
  retrainingEndUses,
  retrainingTaskUses,
  serviceUses,
  taskUses,
} from '../../cdk/uses.ts'
import type { ObjectCreatedEvent } from '../../events/index.ts'
import { authorizerHandler } from '../../platform/aws/authorizer-function.ts'
import { predictionsHandler } from '../../platform/aws/predictions-function.ts'
import { batch } from '../../platform/local/batch.ts'
import { training } from '../../platform/local/training.ts'
import {
  executionEndedEvent,
  memoryPorts,
  putUpload,
  runTask,
  runWorkflow,
  type MemoryPorts,
} from '../../platform/testing/index.ts'
import type { Objects, ObjectVersion, Ports } from '../../platform/ports/index.ts'
import { handleMessage, sweep } from '../../tasks/index.ts'
import { countServed } from '../../tasks/usage.ts'
import { createDatasets } from '../../tasks/datasets.ts'
import { createMonitors } from '../../tasks/monitors.ts'
import { formatModel } from '../../tasks/names.ts'
import { createPredictionLog } from '../../tasks/prediction-log.ts'
import { promote } from '../../tasks/promote.ts'
import { train as learn } from '../../tasks/train.ts'
import type { AnyTask } from '../../tasks/task.ts'
import { irisNpy, irisRows, npyOf } from '../fixtures/iris.ts'
import { httpApiEvent } from '../platform/aws/http-events.ts'
import { recordedPorts } from './recorded-ports.ts'
import { recordRetrainings } from './recorded-retraining.ts'

/** What each function is allowed. */
export const declared: Readonly<Record<string, readonly Use[]>> = {
  ...taskUses,
  ...batchTaskUses,
  ...retrainingTaskUses,
  RecordRetraining: retrainingEndUses,
  ...serviceUses,
}

/** What each function asked of its ports in the scenario. */
export const recorded = new Map<string, Set<string>>(
  Object.keys(declared).map((name) => [name, new Set()]),
)

/** Uploads of every kind, what follows them, and the API's routes, on recorded ports. */
export async function recordScenario(): Promise<void> {
  const ports = memoryPorts()
  const key = 'uploads/ada/iris.npy'
  const sidecar = new TextEncoder().encode('{"algorithms":["majority"]}')
  const accepted = await train(ports, 'accepted', key, irisNpy())
  // A task may run twice.
  await runTask(promote, accepted.run.calls['Promote']![0], recording(ports, 'Promote'))
  await runTask(learn, accepted.run.calls['Train']![0], recording(ports, 'Train'))
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
  await watchServed(ports)
  await askForUploads(ports, '/datasets/ada/sent/uploads')
  await askForUploads(ports, '/models/ada/iris/inputs')
  await askForAccounts(ports)
  await askForModels(ports)
  await recordRetrainings(ports, { recording, runTraining })
  // The same task in a larger function.
  recorded.set('TrainLarge', recorded.get('Train')!)
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

/**
 * Batches of datasets and of files, in rows and in columns, and of what was appended to, which is made
 * one object. In each a shard is damaged, and one is resumed.
 */
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
  const key = 'inputs/ada/iris/flowers.npy'
  await ports.objects.put(key, npyOf(irisRows()))
  const byColumns = 'inputs/ada/iris/by-columns.npy'
  await ports.objects.put(byColumns, irisNpy())
  const path = '/models/ada/iris/batches'
  const run = async (execution: string, given: MemoryPorts) => {
    const { input } = await ports.executions.describe('batch', execution)
    const tasks = batch.tasks.map((task): AnyTask => ({
      ...task,
      async run(payload, taken, context) {
        // A task may run twice.
        await task.run(payload, recording(taken, task.name), context)
        return task.run(payload, recording(taken, task.name), context)
      },
    }))
    const { status } = await runWorkflow(
      { ...batch, tasks },
      { input, ports: withoutDigests(given), name: execution },
    )
    ports.executions.set({ workflow: 'batch', name: execution, status })
    return status
  }
  const begun = async (order: object) =>
    (await (await ask('POST', path, order)).json()) as { batch: string; execution: string }
  for (const order of [
    { dataset: 'ada/iris' },
    { dataset: 'ada/iris', datasetVersion: 0 },
    { dataset: 'ada/flowers' },
    { dataset: 'ada/strangers' },
    { file: { key } },
    { file: { key: byColumns } },
  ]) {
    const { batch: name } = await begun(order)
    expect(await run(name, withDamagedShard(ports))).toBe('SUCCEEDED')
    if (order.dataset !== 'ada/strangers') await ask('GET', `${path}/${name}/results?limit=1`)
    await ask('POST', `${path}/${name}/cancel`)
  }
  const { batch: name } = await begun({ file: { key }, rangeRows: 100 })
  const place = `batches/ada/iris/${name}/shards/000000.csv/foreign`
  await ports.objects.put(place, new Uint8Array(1))
  expect(await run(name, ports)).toBe('FAILED')
  await ask('GET', `${path}/${name}`)
  await ports.objects.delete(place)
  const resumed = await ask('POST', `${path}/${name}/resume`)
  const { execution } = (await resumed.json()) as { execution: string }
  expect(await run(execution, ports)).toBe('SUCCEEDED')
  const { batch: large } = await begun({ file: { key }, rangeRows: 2 })
  expect(await run(large, withLargeShards(ports))).toBe('SUCCEEDED')
  await ask('GET', path)
}

/** One whose bytes are others when they are first read. */
function withDamagedShard(ports: MemoryPorts): MemoryPorts {
  let isDamaged = false
  const read: Ports['objects']['read'] = async (key, options) => {
    const bytes = await ports.objects.read(key, options)
    if (isDamaged || !key.includes('/shards/')) return bytes
    isDamaged = true
    return bytes.map((byte) => byte ^ 1)
  }
  return { ...ports, objects: replaced(ports.objects, { read }) }
}

/** Together more than one object has. */
function withLargeShards(ports: MemoryPorts): MemoryPorts {
  const large = (version: ObjectVersion): ObjectVersion =>
    version.key.includes('/shards/') ? { ...version, size: 1024 ** 3 } : version
  const put: Objects['put'] = async (...given) => large(await ports.objects.put(...given))
  const head: Objects['head'] = async (...given) => large(await ports.objects.head(...given))
  return { ...ports, objects: replaced(ports.objects, { put, head }) }
}

/** As S3 knows none of objects that came in parts. */
function withoutDigests(ports: MemoryPorts): MemoryPorts {
  const head: Ports['objects']['head'] = async (key, options) => {
    const { sha256, ...version } = await ports.objects.head(key, options)
    expect(sha256).toBeDefined()
    return version
  }
  return { ...ports, objects: replaced(ports.objects, { head }) }
}

/** The same with some methods in the place of its own. */
function replaced<Port extends object>(port: Port, methods: Partial<Port>): Port {
  return new Proxy(port, {
    get(target, name) {
      if (Object.hasOwn(methods, name)) return Reflect.get(methods, name)
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

async function countUsage(ports: MemoryPorts): Promise<void> {
  const { table, log } = recording(ports, 'usage')
  await countServed(table, await ports.log.read('predictions/ada/iris/0'))
  await log.subscribe('usage', async () => undefined)()
}

/** Requests of which one has too many rows for a record, and a change that is detected. */
async function watchServed(ports: MemoryPorts): Promise<void> {
  const { log, ...others } = recording(ports, 'monitors')
  const predictions = createPredictionLog(ports)
  const row = irisRows()[0]!.slice(0, 4)
  for (const count of [1, 1, 20_000]) {
    const instances = Array.from({ length: count }, () => row.map((value) => value + 7))
    const answers = { predictions: instances.map(() => 1), probabilities: null, classes: null }
    await predictions.record({
      model: { user: 'ada', dataset: 'iris' },
      version: 0,
      task: 'classification',
      key: null,
      contents: { instances, ...answers },
    })
  }
  const records = (await ports.log.read('predictions/ada/iris/0')).slice(-3)
  await createMonitors({ ...others, log }).watch(records.slice(0, 1))
  // Another process missed one.
  await createMonitors({ ...others, log }).watch(records.slice(2))
  await log.subscribe('monitors', async () => undefined)()
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
    ['POST', '/datasets/ada/iris/uploads', JSON.stringify({ size: 100 })],
    // As a path that API Gateway takes for another than the predictions'.
    ['POST', '/prediction', row],
    ['POST', '/models/ada/iris/predictions', manyRows],
    // Where the last one stands in the log.
    ['GET', '/predictions/ada~iris~0~0000000000000002'],
    ['POST', '/predictions/ada~iris~0~0000000000000001/feedback', '{"label":1}'],
  ] as const) {
    const headers = { 'content-type': 'application/json' }
    const request = new Request(`http://api${path}`, { method, headers, body: body ?? null })
    expect([path, (await api.fetch(request)).ok]).toEqual([path, true])
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
  const predict = predictionsHandler(() => recording(ports, 'predictions'))
  for (const body of [row, '{}']) {
    const event = httpApiEvent({ path: '/prediction', body })
    await predict({
      ...event,
      headers: { ...event.headers, 'idempotency-key': `row-${body === row}` },
    })
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
    expect([path, (await api.fetch(request)).ok]).toEqual([path, true])
  }
}

/** Uploads of a place: whole, and in parts of which one is completed, twice, and one is aborted. */
async function askForUploads(ports: MemoryPorts, path: string): Promise<void> {
  const api = createApi(recording(ports, 'api'))
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
  const [, dataset] = /\/ada\/([a-z]+)\//.exec(path)!
  await ports.table.update('uploads#ada', `${dataset}#${uploadId}`, { set: { versionId: null } })
  await ask('POST', `${path}/${uploadId}/complete`, completion)
  await ask('DELETE', `${path}/${(await start()).uploadId}`)
  await ask('POST', path, { size: 1 })
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
