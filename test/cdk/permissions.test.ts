import { beforeAll, describe, expect, it } from 'vitest'
import { createApi } from '../../api/app.ts'
import { portMethods, type PortMethod, type Use } from '../../cdk/permissions.ts'
import { serviceUses, taskUses } from '../../cdk/uses.ts'
import { matchesPattern, uploadPattern, type ObjectCreatedEvent } from '../../events/index.ts'
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
import { recordOutcome, sweep } from '../../tasks/index.ts'
import { promote } from '../../tasks/promote.ts'
import type { AnyTask } from '../../tasks/task.ts'
import { irisNpy, irisRows, npyOf } from '../fixtures/iris.ts'
import { covers, recordedPorts } from './recorded-ports.ts'
import { listOf, ofType, statementsOf, synthesized, written } from './synthesized.ts'

const declared: Readonly<Record<string, readonly Use[]>> = { ...taskUses, ...serviceUses }

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

  it('covers every task of the workflow, and no more', () => {
    expect(Object.keys(taskUses).sort()).toEqual(training.tasks.map(({ name }) => name).sort())
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

  it('lets predictions read models and the registry, and nothing else', () => {
    const actions = statementsOf(template, 'PlatformPredictionsRole').flatMap(({ Action }) =>
      listOf(Action),
    )
    expect(actions.sort()).toEqual([
      'dynamodb:GetItem',
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      's3:GetObject',
      's3:GetObjectVersion',
      's3:ListBucket',
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
    await runTask(recordOutcome, ended, recording(ports, 'outcomes'))
  }
  await putUpload(ports.objects, 'uploads/lost.npy', irisNpy())
  ports.clock.advance(3_600_000)
  await runTask(sweep, { graceSeconds: 300 }, recording(ports, 'sweep'))
  await askApi(ports, drifting.input)
}

async function train(ports: MemoryPorts, name: string, key: string, bytes: Uint8Array) {
  const input = await putUpload(ports.objects, key, bytes)
  ports.executions.set({ workflow: 'training', name })
  const tasks = training.tasks.map((task): AnyTask => ({
    ...task,
    run: (payload, given, context) => task.run(payload, recording(given, task.name), context),
  }))
  const run = await runWorkflow({ ...training, tasks }, { input, ports, name })
  expect(run.status).toBe('SUCCEEDED')
  ports.executions.set({ workflow: 'training', name, status: run.status })
  return { run, input }
}

async function askApi(ports: MemoryPorts, { detail }: ObjectCreatedEvent): Promise<void> {
  const { key, 'version-id': versionId = '' } = detail.object
  ports.executions.set({ workflow: 'training', name: 'running' })
  ports.executions.set({ workflow: 'training', name: 'failed', status: 'FAILED' })
  const row = JSON.stringify({ userID: 'ada', array: [6.5, 2.8, 4.6, 1.5] })
  const rows = JSON.stringify({ instances: [[6.5, 2.8, 4.6, 1.5]] })
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
    ['POST', '/models/ada/iris/predictions', rows],
  ] as const) {
    const headers = { 'content-type': 'application/json' }
    const request = new Request(`http://api${path}`, { method, headers, body: body ?? null })
    expect([path, (await api.fetch(request)).status]).toEqual([path, 200])
  }
  const { predictions } = createApi(recording(ports, 'predictions'))
  await predictions.answer('/prediction', 'application/json', row)
  await predictions.answer('/models/ada/iris/predictions', 'application/json', rows)
}

function recording(ports: Ports, name: string): Ports {
  return recordedPorts(ports, (use) => recorded.get(name)!.add(use))
}
