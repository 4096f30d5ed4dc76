import { beforeAll, describe, expect, it } from 'vitest'
import { portMethods, type PortMethod } from '../../cdk/permissions.ts'
import { batchTaskUses, retrainingTaskUses, taskUses } from '../../cdk/uses.ts'
import { matchesPattern, uploadPattern } from '../../events/index.ts'
import { batch } from '../../platform/local/batch.ts'
import { retraining } from '../../platform/local/retraining.ts'
import { training } from '../../platform/local/training.ts'
import { memoryPorts, uploadEvent } from '../../platform/testing/index.ts'
import type { Ports } from '../../platform/ports/index.ts'
import { covers } from './recorded-ports.ts'
import { listOf, ofType, statementsOf, synthesized, written } from './synthesized.ts'
import { declared, recorded, recordScenario } from './recorded-scenario.ts'

beforeAll(recordScenario)

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
    expect(Object.keys(retrainingTaskUses).sort()).toEqual(
      retraining.tasks.map(({ name }) => name).sort(),
    )
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
      'dynamodb:DeleteItem',
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
