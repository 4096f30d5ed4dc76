import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPlatform, type Platform } from '../../platform/local/platform.ts'
import { irisNpy } from '../fixtures/iris.ts'
import { shareCompute } from '../platform/local/shared-compute.ts'

let directory: string
let platform: Platform

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-requests-'))
  platform = await openPlatform({ dataDir: directory })
  shareCompute(platform)
})

afterEach(async () => {
  await platform.close()
  await rm(directory, { recursive: true, force: true })
})

async function ask(method: string, path: string, body?: unknown) {
  const response = await fetch(`${platform.url}${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
  }
}

const ended = (name: string) =>
  expect
    .poll(async () => (await ask('GET', `/executions/${name}`)).body['status'])
    .toBe('SUCCEEDED')

const columns = [
  { name: 'x', type: 'number' },
  { name: 'y', type: 'number' },
  { name: 'kind', type: 'text' },
]
const rows = Array.from({ length: 160 }, (_, i) => ({
  x: i,
  y: (i * 7) % 31,
  kind: i % 2 === 0 ? 'even' : 'odd',
}))

describe('a training that is asked for', () => {
  it('learns from rows that were appended, once however often it is asked for', async () => {
    await ask('PUT', '/datasets/ada/parity', { columns, target: 'kind' })
    expect((await ask('POST', '/datasets/ada/parity/rows', rows)).status).toBeLessThan(300)
    const request = {
      algorithms: ['majority'],
      hyperparameters: { svc: { C: 1, tol: 0.1 }, majority: {} },
      metric: 'macroF1',
      split: { heldOut: 0.4 },
    }
    const first = await ask('PUT', '/models/ada/parity', request)
    expect(first.status).toBe(202)
    const name = first.body['execution'] as string
    expect(first.headers.get('location')).toBe(`/executions/${name}`)
    const second = await ask('PUT', '/models/ada/parity', request)
    const reordered = await ask('PUT', '/models/ada/parity', {
      ...request,
      hyperparameters: { majority: {}, svc: { tol: 0.1, C: 1 } },
    })
    for (const again of [second, reordered]) {
      expect(again.body).toEqual(first.body)
      expect(again.headers.get('location')).toBe(`/executions/${name}`)
    }
    await ended(name)
    expect((await ask('GET', '/models/ada/parity')).body).toMatchObject({
      versions: [{ version: 0, algorithm: 'majority', metric: 'macroF1' }],
    })
    const { body } = await ask('GET', '/models/ada/parity/versions/0')
    expect(body).toMatchObject({
      source: { key: 'datasets/ada/parity/1.csv' },
      execution: name,
      metric: 'macroF1',
      split: { heldOut: 0.4 },
      decision: { metric: 'macroF1' },
    })
    expect(await platform.ports.queue.deadLetters()).toEqual([])
  })

  it('of an upload with other settings is another training, under another name if asked', async () => {
    await platform.ports.objects.put('uploads/ada/iris.npy', irisNpy(), {
      metadata: { configuration: '{"algorithms":["majority"]}' },
    })
    await expect.poll(async () => (await ask('GET', '/datasets/ada/iris')).status).toBe(200)
    const { status, body } = await ask('PUT', '/models/ada/flowers', {
      dataset: 'ada/iris',
      datasetVersion: 0,
      algorithms: ['logistic-regression'],
      trials: 1,
    })
    expect(status).toBe(202)
    await ended(body['execution'] as string)
    expect((await ask('GET', '/models/ada/flowers/versions/0')).body).toMatchObject({
      algorithm: 'logistic-regression',
      source: { key: 'uploads/ada/iris.npy' },
    })
  })

  it('by 000’s route is of the dataset that changed last', async () => {
    await ask('PUT', '/datasets/ada/parity', { columns, target: 'kind' })
    await ask('POST', '/datasets/ada/parity/rows', rows)
    const { status, body } = await ask('POST', '/train', { userID: 'ada' })
    expect([status, body['model'], body['datasetVersion']]).toEqual([200, 'ada/parity', 1])
    expect(body['MessageId']).toMatch(/^[0-9a-f-]{36}$/)
  })

  it.each([
    ['no such dataset', '/models/ada/none', {}, 404],
    ['no such version', '/models/ada/parity', { datasetVersion: 9 }, 404],
    ['an algorithm that is none', '/models/ada/parity', { algorithms: ['guess'] }, 400],
    ['an option that is none', '/models/ada/parity', { hyperparameters: { svc: { c: 1 } } }, 400],
    [
      'a metric of another task',
      '/models/ada/parity',
      { task: 'regression', metric: 'macroF1' },
      400,
    ],
    ['a metric that is none', '/models/ada/parity', { metric: 'r3' }, 400],
    ['a share that is none', '/models/ada/parity', { split: { heldOut: 1 } }, 400],
    ['another split', '/models/ada/parity', { split: { heldOut: 0.2, seed: 1 } }, 400],
    ['a name that is none', '/models/ada/parity', { dataset: '../x/y' }, 400],
  ])('is refused for %s, and nothing is queued', async (_, path, body, status) => {
    await ask('PUT', '/datasets/ada/parity', { columns, target: 'kind' })
    expect((await ask('PUT', path, body)).status).toBe(status)
    expect((await ask('GET', '/executions')).body).toMatchObject({ executions: [] })
  })
})

it('a message that nobody understands ends with the dead letters', async () => {
  expect(await platform.ports.queue.receive()).toEqual([])
  await platform.ports.queue.send({ task: 'dance', userID: 'ada' })
  const lines = async () => (await platform.ports.queue.deadLetters()).length
  // It comes again after its time, which is not waited for here: it is neither lost nor acknowledged.
  expect(await lines()).toBe(0)
})
