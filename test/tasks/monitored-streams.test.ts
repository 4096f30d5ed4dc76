import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { seededRandom } from '../../ml/data/index.ts'
import type { MemoryPorts } from '../../platform/testing/index.ts'
import { detectionOf } from '../../tasks/drift-records.ts'
import { createMonitorStore } from '../../tasks/monitor-store.ts'
import { createMonitors } from '../../tasks/monitors.ts'
import { train } from '../fixtures/train.ts'
import {
  began,
  copyOf,
  detections,
  feedbackOf,
  logOf,
  monitorIn,
  partsRow,
  predictionOf,
  serveParts,
  timeOf,
  trainedPorts,
} from '../fixtures/watched.ts'

let trained: MemoryPorts
let ports: MemoryPorts

beforeAll(async () => {
  trained = await trainedPorts()
})

beforeEach(async () => {
  ports = await copyOf(trained)
})

const published = () => ports.published.filter((event) => event['detail-type'] === 'Drift Detected')

describe('what is detected', () => {
  it('is that errors rise, from about when they do, told and recorded once', async () => {
    await serveParts(ports, 800, { wrong: (n) => (n < 500 ? 0.02 : 0.5) })
    const records = await logOf(ports, '0')
    await createMonitors(ports).watch(records)
    await createMonitors(ports).watch(records)
    const found = await detections(ports)
    const [first] = found
    expect(first).toMatchObject({
      source: 'serving',
      model: 'ada/parts',
      version: 0,
      stream: 'error',
      severity: 'high',
    })
    const since = (Date.parse(first!.changedSince) - began) / 1000
    expect(Math.abs(since - 500)).toBeLessThanOrEqual(32)
    expect(Date.parse(first!.detectedAt)).toBeLessThan(began + 650 * 1000)
    expect(first!.after.mean).toBeGreaterThan(first!.before.mean + 0.3)
    expect(published().map(({ detail }) => detail['detection'])).toEqual(
      found.map(({ detection }) => detection),
    )
  })

  it('is that a feature moves, by its name', async () => {
    await serveParts(ports, 600, { shift: (n) => (n < 300 ? 0 : 1.5) })
    await createMonitors(ports).watch(await logOf(ports, '0'))
    const found = await detections(ports)
    expect(found[0]!.stream).toMatch(/^feature:/)
    expect(found[0]!.severity).toBe('low')
    const features = new Set(found.map(({ stream }) => stream))
    expect(features.size).toBeGreaterThan(1)
    expect([...features]).toContain('prediction:1')
  })

  it('is also that what is served was never what the version learned from', async () => {
    await serveParts(ports, 150, { shift: () => 3 })
    await createMonitors(ports).watch(await logOf(ports, '0'))
    const [first] = await detections(ports)
    expect(first!.changedSince >= timeOf(0)).toBe(true)
    expect(first!.before.count).toBeGreaterThan(200)
  })

  it('is nothing where the errors fall', async () => {
    await serveParts(ports, 900, { wrong: () => 0.6 })
    await createMonitors(ports).watch(await logOf(ports, '0'))
    const risen = (await detections(ports)).length
    expect(risen).toBeGreaterThan(0)
    await serveParts(ports, 900, { wrong: () => 0.05, seed: 8 })
    await createMonitors(ports).watch((await logOf(ports, '0')).slice(1800))
    expect(await detections(ports)).toHaveLength(risen)
  })

  it('is nothing in 20,000 rows of what the version knows', async () => {
    const random = seededRandom(77)
    const key = 'predictions/ada/parts/0'
    for (let n = 0; n < 200; n++) {
      const rows = Array.from({ length: 100 }, () => partsRow(random))
      const [position] = await ports.log.append(key, [predictionOf(rows, 2 * n)])
      const labels = rows.map(([x]) => {
        const predicted = x! > 10 ? 1 : 0
        return { predicted, label: random() < 0.03 ? 1 - predicted : predicted }
      })
      await ports.log.append(key, [feedbackOf(position!, labels, 2 * n + 1)])
    }
    await createMonitors(ports).watch(await logOf(ports, '0'))
    expect(await detections(ports)).toEqual([])
    const { window, labels } = (await monitorIn(ports)).describe()
    expect(labels.counted).toBe(20_000)
    expect(window).toMatchObject({ metric: 'accuracy', rows: 500 })
    expect(window!.value).toBeCloseTo(0.97, 1)
  })
})

describe('labels are told apart', () => {
  const right = { label: 1, predicted: 1 }

  it('as counted, repeated, replaced, late and unknown', async () => {
    const key = 'predictions/ada/parts/0'
    const [position] = await ports.log.append(key, [
      predictionOf(
        [
          [12, 0],
          [13, 0],
        ],
        0,
      ),
    ])
    const record = feedbackOf(position!, [right, right], 1)
    const later = '0000000000999999'
    await ports.log.append(key, [
      record,
      record,
      feedbackOf(position!, [{ label: 0, predicted: 1, replaced: 1 }], 2),
      feedbackOf(position!, [right], 3, {
        predictedAt: new Date(began - 8 * 24 * 3600 * 1000).toISOString(),
        labels: [{ row: 5, replaced: null, ...right }],
      }),
      feedbackOf(later, [right], 4),
      feedbackOf(position!, [right], 4, { shard: '3' }),
      feedbackOf(position!, [right], 4, { prediction: '__proto__' }),
    ])
    await createMonitors(ports).watch(await logOf(ports, '0'))
    const { labels, streams, window } = (await monitorIn(ports)).describe()
    expect(labels).toEqual({ counted: 2, repeated: 2, replaced: 1, late: 1, unknown: 3 })
    expect(streams.find(({ plan }) => plan.name === 'error')!.count).toBe(2)
    expect(window).toMatchObject({ rows: 2, value: 1 })
  })
})

describe('a regression with categories', () => {
  const key = 'predictions/ada/homes/0'
  const base = { kind: 'prediction', model: 'ada/homes', version: 0, task: 'regression' }
  let homes: MemoryPorts

  beforeEach(async () => {
    homes = await copyOf(trained)
    const lines = Array.from({ length: 300 }, (_, i) => {
      const kind = i % 3 === 0 ? 'house' : 'flat'
      return `${i % 7 === 0 ? '' : i % 20},${kind},${(i % 20) * 10 + (i % 5) + i / 1000}`
    })
    const csv = new TextEncoder().encode(['rooms,kind,price', ...lines].join('\n'))
    await train(homes, 'uploads/ada/homes.csv', csv, {
      configuration: { algorithms: ['gradient-boosting'], trials: 1 },
    })
  })

  async function serveHomes(kindOf: (i: number) => string, errorOf: (i: number) => number) {
    for (let i = 0; i < 300; i++) {
      const predicted = (i % 20) * 10
      const instances = [[i % 7 === 0 ? null : i % 20, kindOf(i)]]
      const contents = { instances, predictions: [predicted], probabilities: null, classes: null }
      const more = { at: timeOf(i), key: null, rows: 1, contents, object: null }
      const [position] = await homes.log.append(key, [{ ...base, ...more }])
      await homes.log.append(key, [
        feedbackOf(position!, [{ label: predicted + errorOf(i), predicted }], i, {
          model: 'ada/homes',
          prediction: `ada~homes~0~${position!}`,
        }),
      ])
    }
    await createMonitors(homes).watch(await homes.log.read(key))
    const stored = await createMonitorStore(homes.table).monitor(
      { user: 'ada', dataset: 'homes' },
      0,
    )
    const { items } = await homes.table.query('drift#ada/homes', { prefix: 'detection#' })
    const streams = new Set(items.map((item) => detectionOf(item).stream))
    return { described: stored!.monitor.describe(), streams: [...streams].sort() }
  }

  const usual = (i: number) => (i % 3 === 0 ? 'house' : 'flat')

  it('has a stream for each category, what is unknown and missing, the answer and its error', async () => {
    const { described, streams } = await serveHomes(usual, (i) => (i % 5) - 2)
    expect(described.streams.map(({ plan }) => plan.name)).toEqual([
      'feature:rooms',
      'feature:kind',
      'feature:kind:unknown',
      'missing',
      'prediction',
      'error',
    ])
    expect(described.window).toMatchObject({ metric: 'rmse', rows: 300 })
    expect(described.window!.value).toBeCloseTo(Math.SQRT2, 5)
    expect(streams).not.toContain('feature:kind')
    expect(streams).not.toContain('feature:kind:unknown')
    expect(streams).not.toContain('missing')
  })

  it('tells of categories that are new, and of errors that grow', async () => {
    const kinds = (i: number) => (i < 150 ? usual(i) : 'castle')
    const { streams } = await serveHomes(kinds, (i) => (i < 150 ? (i % 5) - 2 : 80))
    expect(streams).toEqual(expect.arrayContaining(['error', 'feature:kind:unknown']))
  })
})
