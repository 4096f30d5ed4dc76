import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { seededRandom } from '../../ml/data/index.ts'
import type { ServingDrift } from '../../events/index.ts'
import type { Log, LogRecord, Table } from '../../platform/ports/index.ts'
import { maxItemBytes } from '../../platform/ports/item.ts'
import type { MemoryPorts } from '../../platform/testing/index.ts'
import { monitorHeadOf } from '../../tasks/drift-records.ts'
import { createMonitorStore } from '../../tasks/monitor-store.ts'
import { createMonitors } from '../../tasks/monitors.ts'
import { removeModel } from '../../tasks/model-removal.ts'
import { npyOf } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'
import {
  copyOf,
  detections,
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

const stateOf = async (of: MemoryPorts) => (await monitorIn(of)).state()

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

it('two versions that answer in turn are written with the batch, and not with each record', async () => {
  const rows = Array.from({ length: 60 }, (_, i) => [...partsRow(seededRandom(i)), i % 2])
  await train(ports, 'uploads/ada/parts.npy', npyOf(rows), {
    configuration: { algorithms: ['majority'] },
  })
  const key = 'predictions/ada/parts/0'
  for (let n = 0; n < 100; n++) {
    await ports.log.append(key, [predictionOf([[10, 0]], n, { version: n % 2 })])
  }
  let written = 0
  const table = tableWith(ports.table, {
    transact(writes) {
      written++
      return ports.table.transact(writes)
    },
  })
  await createMonitors({ ...ports, table }).watch(await logOf(ports, '0'))
  expect(written).toBe(1)
  const other = await createMonitorStore(ports.table).monitor(watched, 1)
  expect(other!.monitor.describe().records).toBe(50)
  expect((await monitorIn(ports)).describe().records).toBe(50)
})

it('a model whose records cannot be read holds up no other model of the batch', async () => {
  await ports.log.append('predictions/bob/parts/0', [predictionOf([[10, 0]], 0)])
  const [broken] = await ports.log.read('predictions/bob/parts/0')
  await serveParts(ports, 20)
  const records = await logOf(ports, '0')
  const table = tableWith(ports.table, {
    get: (pk, sk) =>
      pk.includes('bob/parts') ? Promise.reject(new Error('no')) : ports.table.get(pk, sk),
  })
  const monitors = createMonitors({ ...ports, table })
  await monitors.watch(records.slice(0, 10))
  // It is given up on, and goes on with the next batch.
  await expect(monitors.watch([broken!, ...records.slice(10, 20)])).rejects.toThrow('no')
  await monitors.watch(records.slice(20))
  expect((await monitorIn(ports)).describe().records).toBe(40)
})

it('what was not watched for long is written as it is read, so that it need not be read at once', async () => {
  await serveParts(ports, 5)
  await createMonitors(ports).watch(await logOf(ports, '0'))
  const more = Array.from({ length: 100 }, () => predictionOf([], 6))
  for (let i = 0; i < 102; i++) await ports.log.append('predictions/ada/parts/0', more)
  const records = await logOf(ports, '0')
  let pages = 0
  const log: Log = {
    append: (key, given) => ports.log.append(key, given),
    get: (key, position) => ports.log.get(key, position),
    subscribe: (consumer, handler) => ports.log.subscribe(consumer, handler),
    async read(key, options) {
      if (pages++ > 100) throw new Error('the process ends here')
      return ports.log.read(key, options)
    },
  }
  await expect(createMonitors({ ...ports, log }).watch(records.slice(-1))).rejects.toThrow('ends')
  expect((await monitorIn(ports)).describe().records).toBe(10 + 10_000)
  await createMonitors(ports).watch(records.slice(-1))
  expect((await monitorIn(ports)).describe().records).toBe(records.length)
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
  return tableWith(table, {
    async transact(writes) {
      if (transactions++ % n === 0) throw new Error('the disk is full')
      return table.transact(writes)
    },
  })
}

function tableWith(table: Table, changes: Partial<Table>): Table {
  return {
    get: (pk, sk) => table.get(pk, sk),
    put: (item, options) => table.put(item, options),
    query: (pk, options) => table.query(pk, options),
    update: (pk, sk, change, options) => table.update(pk, sk, change, options),
    delete: (pk, sk, options) => table.delete(pk, sk, options),
    transact: (writes) => table.transact(writes),
    ...changes,
  }
}
