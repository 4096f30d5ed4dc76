import { beforeAll, describe, expect, it } from 'vitest'
import { createApi } from '../../api/app.ts'
import type { MemoryPorts } from '../../platform/testing/index.ts'
import { driftStatus } from '../../tasks/drift-status.ts'
import { createMonitors } from '../../tasks/monitors.ts'
import { copyOf, logOf, serveParts, timeOf, trainedPorts } from '../fixtures/watched.ts'
import { asker } from './ask.ts'

let ports: MemoryPorts
let unserved: MemoryPorts

beforeAll(async () => {
  unserved = await trainedPorts()
  ports = await copyOf(unserved)
  await serveParts(ports, 700, { wrong: (n) => (n < 400 ? 0.02 : 0.6) })
  await createMonitors(ports).watch(await logOf(ports, '0'))
})

const ask = (path: string, of = ports) => asker(createApi(of))('GET', path)

describe('GET /models/{user}/{dataset}/drift', () => {
  it('tells streams, labels, the metric beside that at registration, and detections', async () => {
    const { status, body } = await ask('/models/ada/parts/drift')
    expect(status).toBe(200)
    const told = driftStatus.parse(body)
    expect(told).toMatchObject({
      model: 'ada/parts',
      version: 0,
      from: timeOf(0),
      to: timeOf(699),
      requests: 700,
      rows: 700,
      broken: 0,
      labels: { counted: 700, repeated: 0 },
      metric: { name: 'accuracy', rows: 500 },
    })
    expect(told.metric!.value).toBeLessThan(told.metric!.registered - 0.2)
    expect(told.streams.map(({ name }) => name)).toEqual([
      expect.stringMatching(/^feature:/),
      expect.stringMatching(/^feature:/),
      'missing',
      'prediction:1',
      'error',
    ])
    const error = told.streams.at(-1)!
    expect(error.blocks.some(({ isDrift }) => isDrift)).toBe(true)
    expect(error.blocks.at(-1)!.away).toBeGreaterThan(1)
    expect(told.detections[0]).toMatchObject({ stream: 'error', severity: 'high' })
  })

  it('gives as many blocks as asked for, the latest', async () => {
    const blocksOf = async (query: string) =>
      driftStatus.parse((await ask(`/models/ada/parts/drift?${query}`)).body).streams[0]!.blocks
    const all = await blocksOf('blocks=64')
    expect(await blocksOf('blocks=5')).toEqual(all.slice(-5))
    expect(await blocksOf('blocks=0')).toEqual([])
  })

  it('is empty of a version that has served nothing', async () => {
    const { status, body } = await ask('/models/ada/parts/drift?version=0', unserved)
    expect(status).toBe(200)
    expect(body).toMatchObject({ version: 0, rows: 0, metric: null, streams: [], detections: [] })
  })

  it.each([
    ['/models/ada/none/drift', 404, 'ModelNotFound'],
    ['/models/ada/parts/drift?version=9', 404, 'ModelNotFound'],
    ['/models/ada/parts/drift?version=x', 400, 'RequestInvalid'],
    ['/models/ada/parts/drift?blocks=65', 400, 'RequestInvalid'],
    ['/models/ada/none/drift/detections', 404, 'ModelNotFound'],
    ['/models/ada/parts/drift/detections?cursor=AAAA', 400, 'CursorInvalid'],
  ])('GET %s answers %i', async (path, status, type) => {
    const answer = await ask(path)
    expect(answer.status).toBe(status)
    expect(answer.body['type']).toMatch(new RegExp(`${type}$`))
  })
})

it('GET /models/{user}/{dataset}/drift/detections gives pages, the newest first', async () => {
  const all = (await ask('/models/ada/parts/drift/detections')).body['detections'] as {
    detectedAt: string
  }[]
  expect(all.length).toBeGreaterThan(0)
  const times = all.map(({ detectedAt }) => detectedAt)
  expect(times).toEqual(times.toSorted().toReversed())
  const paged: unknown[] = []
  for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
    const more = cursor === undefined ? '' : `&cursor=${cursor}`
    const { body } = await ask(`/models/ada/parts/drift/detections?limit=1${more}`)
    paged.push(...(body['detections'] as unknown[]))
    cursor = body['cursor'] as string | undefined
  }
  expect(paged).toEqual(all)
})
