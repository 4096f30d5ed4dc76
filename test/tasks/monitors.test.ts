import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { seededRandom } from '../../ml/data/index.ts'
import type { ServingDrift } from '../../events/index.ts'
import type { LogRecord, Table } from '../../platform/ports/index.ts'
import { maxItemBytes } from '../../platform/ports/item.ts'
import type { MemoryPorts } from '../../platform/testing/index.ts'
import { detectionOf, driftPartition, monitorHeadOf } from '../../tasks/drift-records.ts'
import { createMonitorStore } from '../../tasks/monitor-store.ts'
import { createMonitors } from '../../tasks/monitors.ts'
import { removeModel } from '../../tasks/model-removal.ts'
import { npyOf } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'
import {
  began,
  copyOf,
  feedbackOf,
  logOf,
  monitorIn,
  partsRow,
  predictionOf,
  serveParts,
  timeOf,
  trainedPorts,
  watched,
} from '../fixtures/watched.ts'

let trained: MemoryPorts
let ports: MemoryPorts

beforeAll(async () => {
  trained = await trainedPorts()
})

beforeEach(async () => {
  ports = await copyOf(trained)
})

async function detections({ table }: MemoryPorts): Promise<ServingDrift[]> {
  const { items } = await table.query(driftPartition(watched), {
    prefix: 'detection#',
    limit: 1000,
  })
  return items.map(detectionOf)
}

const stateOf = async (of: MemoryPorts) => (await monitorIn(of)).state()

const published = () => ports.published.filter((event) => event['detail-type'] === 'Drift Detected')

describe('each record counts once', () => {
  let records: LogRecord[]
  let undisturbed: unknown
  let found: ServingDrift[]

  beforeAll(async () => {
    const served = await copyOf(trained)
    // The error rises, so that what was detected is part of what must be equal.
    await serveParts(served, 700, { wrong: (n) => (n < 400 ? 0.02 : 0.6) })
    records = await logOf(served, '0')
    await createMonitors(served).watch(records)
    undisturbed = await stateOf(served)
    found = await detections(served)
    expect(found.length).toBeGreaterThan(0)
  })

  async function expectTheSame() {
    expect(await stateOf(ports)).toEqual(undisturbed)
    expect(await detections(ports)).toEqual(found)
  }

  it('in whatever batches they come, and however often', async () => {
    const random = seededRandom(11)
    const monitors = createMonitors(ports)
    for (let to = 0; to < records.length;) {
      const from = Math.max(0, to - Math.floor(random() * 50))
      to = Math.min(records.length, to + 1 + Math.floor(random() * 100))
      await monitors.watch(records.slice(from, to))
    }
    await expectTheSame()
  })

  it('whoever goes on after every batch', async () => {
    for (let from = 0; from < records.length; from += 97) {
      await createMonitors(ports).watch(records.slice(from, from + 97))
    }
    await expectTheSame()
  })

  it('where what was in memory alone is lost', async () => {
    await ports.log.append(
      'predictions/ada/parts/0',
      records.map(({ record }) => record),
    )
    const logged = await logOf(ports, '0')
    for (let from = 0; from < logged.length; from += 300) {
      // Dies before it writes the last batches, which the log takes as handled.
      const monitors = createMonitors(ports, { unwrittenMs: 1e9 })
      for (let at = from; at < from + 300; at += 50) {
        await monitors.watch(logged.slice(at, Math.min(at + 50, from + 300)))
      }
    }
    const last = createMonitors(ports)
    await last.watch(logged.slice(-1))
    await expectTheSame()
  })

  it('where the table fails in between', async () => {
    const failing = { ...ports, table: failingTable(ports.table, 3) }
    const monitors = createMonitors(failing)
    let failures = 0
    for (let from = 0; from < records.length; from += 40) {
      for (;;) {
        try {
          await monitors.watch(records.slice(from, from + 40))
          break
        } catch {
          failures++
        }
      }
    }
    expect(failures).toBeGreaterThan(5)
    await expectTheSame()
  })

  it('when two take turns, each of which knows less than the table', async () => {
    await ports.log.append(
      'predictions/ada/parts/0',
      records.map(({ record }) => record),
    )
    const logged = await logOf(ports, '0')
    const readers = [createMonitors(ports), createMonitors(ports)]
    for (let from = 0, turn = 0; from < logged.length; from += 80, turn++) {
      await readers[turn % 2]!.watch(logged.slice(from, from + 80))
    }
    await expectTheSame()
  })

  it('when two read the same log side by side', async () => {
    const [one, other] = [createMonitors(ports), createMonitors(ports)]
    for (let from = 0; from < records.length; from += 80) {
      const batch = records.slice(from, from + 80)
      await Promise.all([one.watch(batch), other.watch(batch)])
    }
    await expectTheSame()
  })
})

it('records of several shards count once each, in whatever order the shards come', async () => {
  const shards = ['0', '7', '15']
  for (const [i, shard] of shards.entries()) {
    await serveParts(ports, 150, { seed: 20 + i, shard })
  }
  const monitors = createMonitors(ports)
  const [zero, seven, fifteen] = await Promise.all(shards.map((shard) => logOf(ports, shard)))
  await monitors.watch([...fifteen!.slice(0, 100), ...zero!.slice(0, 10)])
  await monitors.watch(zero!)
  await monitors.watch([...seven!, ...fifteen!])
  const described = (await monitorIn(ports)).describe()
  expect(described).toMatchObject({ records: 900, requests: 450, rows: 450, broken: 0 })
  expect(described.labels.counted).toBe(450)
  for (const { plan, count } of described.streams)
    expect([plan.name, count]).toEqual([plan.name, 450])
})

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

describe('hostile records', () => {
  it('are counted and left out, and hold up nothing', async () => {
    const key = 'predictions/ada/parts/0'
    const row = [10, 0]
    await ports.log.append(key, [
      predictionOf([row], 0),
      { kind: 'note' },
      { kind: 'prediction', version: -1 },
      { kind: 'prediction', version: 99, model: 'ada/parts', at: timeOf(0) },
      { kind: 'prediction', version: 0 },
      predictionOf([row], 1, { at: 'yesterday' }),
      predictionOf([row], 1, { model: 'bob/parts' }),
      predictionOf([[1, 2, 3]], 1),
      predictionOf([row], 1, { contents: { instances: [row], predictions: [] } }),
      predictionOf([row], 1, { contents: 'x' }),
      predictionOf([row], 1, { contents: null }),
      predictionOf([row], 1, {
        contents: null,
        object: { bucket: 'b', key: 'predictions/none', versionId: 'v', sha256: 'x', size: 1 },
      }),
      { kind: 'feedback', version: 0, labels: 'all' },
      predictionOf([row], 2),
    ])
    await ports.log.append('predictions/ada/parts/__proto__', [predictionOf([row], 0)])
    await ports.log.append('predictions/ada/parts/0/more', [predictionOf([row], 0)])
    const others = await ports.log.read('predictions/ada/parts/__proto__')
    await createMonitors(ports).watch([...others, ...(await logOf(ports, '0'))])
    expect((await monitorIn(ports)).describe()).toMatchObject({ requests: 2, rows: 2, broken: 9 })
  })

  it('have values that blind nothing: text, nothing, 1e300 and constants', async () => {
    const rows = Array.from({ length: 300 }, (_, i) => [
      [1e300, -1e300, null, 'text', 10][i % 5],
      7,
    ])
    await ports.log.append('predictions/ada/parts/0', [predictionOf(rows, 0)])
    await createMonitors(ports).watch(await logOf(ports, '0'))
    await serveParts(ports, 400)
    await createMonitors(ports).watch(await logOf(ports, '0'))
    const { streams } = (await monitorIn(ports)).describe()
    expect(streams[0]).toMatchObject({ skipped: 60, count: 180 + 400 })
    for (const { blocks } of streams) {
      for (const { mean, deviation } of blocks) {
        expect(Math.abs(mean)).toBeLessThanOrEqual(4)
        expect(deviation).toBeLessThanOrEqual(4)
      }
    }
    // It goes on finding changes.
    const before = (await detections(ports)).length
    await serveParts(ports, 300, { shift: () => 2, seed: 9 })
    await createMonitors(ports).watch(await logOf(ports, '0'))
    expect((await detections(ports)).length).toBeGreaterThan(before)
  })
})

it('a monitor that cannot be read is told, and holds up no other version', async () => {
  await serveParts(ports, 10)
  const records = await logOf(ports, '0')
  await createMonitors(ports).watch(records.slice(0, 5))
  const place = ['monitor#ada/parts#0', 'part#0000000000'] as const
  await ports.table.put({ pk: place[0], sk: place[1], text: '{"version":2}' })
  await createMonitors(ports).watch(records.slice(5))
  expect(ports.logLines.map(({ message }) => message)).toContain('a version cannot be watched')
  const cursor = await ports.table.get('monitor#ada/parts', 'cursor')
  expect(cursor!['positions']).toEqual({ 0: records.at(-1)!.position })
})

it('predictions of a model that was deleted are not watched', async () => {
  await serveParts(ports, 10)
  await removeModel(ports, watched)
  await createMonitors(ports).watch(await logOf(ports, '0'))
  await expect(monitorIn(ports)).rejects.toThrow('no monitor')
})

it('checkpoints say from where the log is to be read for what came after a time', async () => {
  await serveParts(ports, 3000)
  const records = await logOf(ports, '0')
  await createMonitors(ports).watch(records)
  const head = monitorHeadOf(await ports.table.get('monitor#ada/parts#0', 'head'))!
  expect(head.checkpoints.length).toBeLessThanOrEqual(64)
  expect(head.positions).toEqual({ 0: records.at(-1)!.position })
  const times = head.checkpoints.map(({ at }) => at)
  expect(times).toEqual(times.toSorted())
  for (const { at, positions } of head.checkpoints) {
    const later = records.filter(({ record }) => (record['at'] as string) > at)
    expect(later.every(({ position }) => position > positions['0']!)).toBe(true)
  }
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

it('a state of fifty features fits the table', async () => {
  const wide = await copyOf(trained)
  const random = seededRandom(1)
  const drawn = () => Array.from({ length: 60 }, () => random() * 1e-5)
  const rows = Array.from({ length: 200 }, (_, i) => [...drawn(), i % 2])
  await train(wide, 'uploads/ada/wide.npy', npyOf(rows), {
    configuration: { algorithms: ['majority'], trials: 1 },
  })
  const instances = Array.from({ length: 4000 }, drawn)
  const contents = {
    instances,
    predictions: instances.map(() => 0),
    probabilities: null,
    classes: null,
  }
  const key = 'predictions/ada/wide/0'
  for (let from = 0; from < 4000; from += 200) {
    const some = instances.slice(from, from + 200)
    const part = { ...contents, instances: some, predictions: some.map(() => 0) }
    await wide.log.append(key, [predictionOf(some, from, { model: 'ada/wide', contents: part })])
  }
  await createMonitors(wide).watch(await wide.log.read(key))
  const { items } = await wide.table.query('monitor#ada/wide#0', { limit: 1000 })
  const sizes = items.map((item) => Buffer.byteLength(JSON.stringify(item)))
  expect(items.length).toBeGreaterThan(3)
  expect(Math.max(...sizes)).toBeLessThan(maxItemBytes)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(2 * 1024 * 1024)
})

/** A table of which every n-th transaction fails. */
function failingTable(table: Table, n: number): Table {
  let transactions = 0
  return {
    get: (pk, sk) => table.get(pk, sk),
    put: (item, options) => table.put(item, options),
    query: (pk, options) => table.query(pk, options),
    update: (pk, sk, change, options) => table.update(pk, sk, change, options),
    delete: (pk, sk, options) => table.delete(pk, sk, options),
    async transact(writes) {
      if (transactions++ % n === 0) throw new Error('the disk is full')
      return table.transact(writes)
    },
  }
}
