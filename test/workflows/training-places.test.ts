import { expect, it } from 'vitest'
import type { Json, JsonObject } from '../../engine/index.ts'
import { runTaskOf } from '../../platform/aws/container.ts'
import { training } from '../../platform/local/training.ts'
import type { Objects, PlaceName } from '../../platform/ports/index.ts'
import {
  memoryPorts,
  putUpload,
  runTask,
  runWorkflow,
  type MemoryPorts,
} from '../../platform/testing/index.ts'
import { train, trainLarge } from '../../tasks/train.ts'
import { validate } from '../../tasks/validate.ts'
import { irisNpy } from '../fixtures/iris.ts'
import { memoryRuntime } from '../platform/aws/memory-runtime.ts'

const configuration = new TextEncoder().encode('{"algorithms":["majority"]}')

/** An upload, and what runs its training with one candidate, which is planned to one place. */
async function uploaded(place: PlaceName) {
  const ports = memoryPorts()
  const key = 'uploads/ada/iris.npy'
  await ports.objects.put(`${key}.json`, configuration)
  ports.executions.set({ workflow: 'training', name: 'test' })
  const input = await putUpload(ports.objects, key, irisNpy())
  const mocks = {
    async Validate(claimed: Json) {
      const found = (await runTask(validate, claimed, ports)) as JsonObject
      return { ...found, candidates: [{ algorithm: 'majority', place }] }
    },
  }
  return { ports, options: { input, ports, mocks } }
}

/** What the definition runs a container with. */
interface RunTask {
  readonly Overrides: {
    readonly ContainerOverrides: readonly [
      { readonly Environment: readonly { readonly Name: string; readonly Value: string }[] },
    ]
  }
}

function environmentOf(parameters: Json): Record<string, string> {
  const { Overrides } = parameters as unknown as RunTask
  const { Environment } = Overrides.ContainerOverrides[0]
  return Object.fromEntries(Environment.map(({ Name, Value }) => [Name, Value]))
}

it('A candidate that takes more memory is learned by the larger function', async () => {
  const { options } = await uploaded('large-function')
  const run = await runWorkflow(training, options)
  expect(run).toMatchObject({ status: 'SUCCEEDED', output: { algorithm: 'majority' } })
  expect(run.calls['TrainLarge']).toHaveLength(1)
  expect(run.calls['Train']).toEqual([])
})

it('A candidate beyond functions is learned by a container, whose answer the function finds', async () => {
  const { ports, options } = await uploaded('container')
  const containers: Json[] = []
  const run = await runWorkflow(training, {
    ...options,
    services: {
      async 'ecs:runTask'(parameters) {
        containers.push(parameters)
        const runtime = memoryRuntime(ports)
        const code = await runTaskOf(environmentOf(parameters), [train], () => runtime)
        return { LastStatus: 'STOPPED', Containers: [{ ExitCode: code }] }
      },
    },
  })
  expect(run).toMatchObject({ status: 'SUCCEEDED', output: { algorithm: 'majority' } })
  expect(containers).toHaveLength(1)
  expect(containers[0]).toMatchObject({
    NetworkConfiguration: {
      AwsvpcConfiguration: { Subnets: ['${TrainingSubnets}'] },
    },
    Overrides: { ContainerOverrides: [{ Name: 'training' }] },
  })
  expect(run.calls['Train']).toHaveLength(1)
  expect(fitsOf(ports)).toBe(1)
})

it('A container that is taken away is tried again', async () => {
  const { ports, options } = await uploaded('container')
  let containers = 0
  const run = await runWorkflow(training, {
    ...options,
    services: {
      async 'ecs:runTask'(parameters) {
        containers += 1
        if (containers < 3) throw Object.assign(new Error('spot'), { name: 'States.TaskFailed' })
        const runtime = memoryRuntime(ports)
        await runTaskOf(environmentOf(parameters), [train], () => runtime)
        return {}
      },
    },
  })
  expect(run.status).toBe('SUCCEEDED')
  expect(containers).toBe(3)
})

it('A fit is learned once, and anew when its model file is no longer what it was', async () => {
  const { ports, options } = await uploaded('function')
  const run = await runWorkflow(training, options)
  const [asked] = run.calls['Train']!
  const first = (await runTask(train, asked, ports)) as unknown as Trained
  expect(await runTask(trainLarge, asked, ports)).toEqual(first)
  expect(fitsOf(ports)).toBe(1)

  const { versionId, sha256 } = first.artifact
  const objects = damaged(ports.objects, versionId)
  const again = (await runTask(train, asked, { ...ports, objects })) as unknown as Trained
  expect(fitsOf(ports)).toBe(2)
  expect(again.artifact.sha256).toBe(sha256)
  expect(again.artifact.versionId).not.toBe(versionId)
  expect(await runTask(train, asked, ports)).toEqual(again)
})

it('Of two that learn the same at once, both answer what the first has kept', async () => {
  const { ports, options } = await uploaded('function')
  const run = await runWorkflow(training, options)
  const [asked] = run.calls['Train']!
  const { claim } = asked as { claim: { trainingId: string } }
  const other = { ...(asked as object), claim: { ...claim, trainingId: 'another' } }
  const [one, two] = await Promise.all([1, 2].map(() => runTask(train, other, ports)))
  expect(one).toEqual(two)
  expect(await runTask(train, other, ports)).toEqual(one)
  expect(fitsOf(ports)).toBe(3)
})

interface Trained {
  readonly artifact: { readonly versionId: string; readonly sha256: string }
}

function fitsOf(ports: MemoryPorts): number {
  return ports.metrics.recorded.filter(({ name }) => name === 'FitDuration').length
}

/** The same objects, one version of which has a bit that changed. */
function damaged(objects: Objects, versionId: string): Objects {
  const read: Objects['read'] = async (key, options) => {
    const bytes = await objects.read(key, options)
    if (options?.versionId === versionId) bytes[0]! ^= 1
    return bytes
  }
  return new Proxy(objects, {
    get(target, name) {
      if (name === 'read') return read
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
