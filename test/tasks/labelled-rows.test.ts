import { beforeEach, describe, expect, it } from 'vitest'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { createLabelledRows } from '../../tasks/labelled-rows.ts'
import { datasetOfRows } from '../../tasks/retraining-dataset.ts'
import { parseNpy } from '../../ml/data/index.ts'
import { before, drawnRows, drifting, label, serve, trainChampion } from '../fixtures/drifting.ts'

let ports: MemoryPorts
const { signal } = new AbortController()

beforeEach(async () => {
  ports = memoryPorts()
  await trainChampion(ports, { configuration: { algorithms: ['majority'] } })
})

const start = { cursor: {}, rows: 0 }
const key = 'predictions/ada/parts/0'

function since(from: Record<string, string> = {}) {
  const changedSince = new Date(ports.clock.now()).toISOString()
  return createLabelledRows(ports, { model: drifting, version: 0, changedSince, from })
}

describe('labelled rows since a change', () => {
  it('are those that were predicted since, however late their labels come', async () => {
    const early = await serve(ports, drawnRows(5, 1), null)
    ports.clock.advance(1000)
    const rows = since()
    const late = await serve(ports, drawnRows(7, 2), null)
    ports.clock.advance(86_400_000)
    await label(ports, early, [1, 0, 1, 0, 1])
    await label(ports, late, [1, 0, 1])
    expect(await rows.count(start, 3, signal)).toMatchObject({ rows: 3 })
    expect(await rows.instances(signal)).toEqual(
      drawnRows(7, 2)
        .slice(0, 3)
        .map((instance, i) => ({ instance, label: [1, 0, 1][i] })),
    )
  })

  it('count once, with their last label', async () => {
    const rows = since()
    const id = await serve(ports, drawnRows(4, 1), before)
    // As a process that died between the append and its note of it.
    const again = (await ports.log.read(key)).at(-1)!.record
    await ports.log.append(key, [again, again])
    await label(ports, id, [9, 9], true)
    expect(await rows.count(start, 4, signal)).toMatchObject({ rows: 4 })
    const labels = (await rows.instances(signal)).map((row) => row.label)
    expect(labels).toEqual([9, 9, ...drawnRows(4, 1).slice(2).map(before)])
  })

  it('are counted on from where a count ended', async () => {
    const rows = since()
    await serve(ports, drawnRows(4, 1), before)
    const first = await rows.count(start, 100, signal)
    expect(first).toMatchObject({ rows: 4, cursor: { 0: expect.any(String) as string } })
    expect(await rows.count(first, 100, signal)).toEqual(first)
    await serve(ports, drawnRows(3, 2), before, { shard: '7' })
    const next = await rows.count(first, 100, signal)
    expect(next.rows).toBe(7)
    expect(Object.keys(next.cursor)).toEqual(['0', '7'])
    expect(await rows.count(first, 100, signal)).toEqual(next)
  })

  it('are counted exactly where they are enough, though the log has some twice', async () => {
    const rows = since()
    await serve(ports, drawnRows(4, 1), before)
    const first = await rows.count(start, 8, signal)
    const again = (await ports.log.read(key)).at(-1)!.record
    await ports.log.append(key, [again])
    expect((await rows.count(first, 8, signal)).rows).toBe(4)
    // Below what is needed they may be counted twice, never too seldom.
    expect((await rows.count(first, 9, signal)).rows).toBe(8)
  })

  it('are counted though one reading does not come to the end of the log', async () => {
    const rows = since()
    await serve(ports, drawnRows(4, 1), before)
    const others = Array.from({ length: 100 }, () => ({}))
    for (let i = 0; i < 201; i++) await ports.log.append(key, others)
    const first = await rows.count(start, 100, signal)
    expect(first).toMatchObject({ isBehind: true, rows: 4 })
    expect(await rows.count(first, 100, signal)).toMatchObject({ isBehind: false, rows: 4 })
  })

  it('come in the order of their predictions, from all shards', async () => {
    const rows = since()
    for (const [i, shard] of ['3', '1', '3', '2'].entries()) {
      await serve(ports, [[i, 0]], before, { shard })
      ports.clock.advance(1000)
    }
    const found = await rows.instances(signal)
    expect(found.map(({ instance }) => instance[0])).toEqual([0, 1, 2, 3])
  })

  it('are not those before the place where the log is read from', async () => {
    const rows = since({ 0: '0000000000000002' })
    await serve(ports, drawnRows(4, 1), before)
    await serve(ports, drawnRows(3, 2), before)
    expect(
      await rows.count({ ...start, cursor: { 0: '0000000000000002' } }, 1, signal),
    ).toMatchObject({
      rows: 3,
    })
    expect(await rows.instances(signal)).toHaveLength(3)
  })

  it('are found beside records of other versions, and of what is none', async () => {
    const rows = since()
    const id = await serve(ports, drawnRows(2, 1), before)
    const good = (await ports.log.read(key)).at(-1)!.record
    await ports.log.append(key, [
      { ...good, version: 1 },
      { ...good, model: 'bob/parts' },
      { ...good, prediction: '../../x' },
      { ...good, prediction: id.replace(/\d$/, '9') },
      { ...good, labels: 'all' },
      { kind: 'feedback' },
      { kind: 'else' },
      {},
      { kind: 'prediction', contents: [] },
      { ...good, labels: [{ row: 1e9, label: 1, predicted: 1, replaced: null }] },
      { ...good, labels: [{ row: -1, label: 1, predicted: 1, replaced: null }] },
    ])
    expect(await rows.instances(signal)).toHaveLength(2)
  })

  it('are read in large requests whose contents are an object, while that is there', async () => {
    const rows = since()
    const wide = Array.from({ length: 9000 }, (_, i) => [i / 9007, i / 10_007])
    const id = await serve(ports, wide, null)
    await label(ports, id, [1, 0])
    expect(await rows.instances(signal)).toHaveLength(2)
    const { objects } = await ports.objects.list('predictions/')
    expect(objects).toHaveLength(1)
    await ports.objects.put(objects[0]!.key, Buffer.from('{}'))
    expect(await rows.instances(signal)).toHaveLength(2)
  })
})

describe('their dataset', () => {
  const numeric = { featureNames: ['a', 'b'], categories: [null, null], classes: [0, 1] }
  const text = { featureNames: ['a', 'c'], categories: [null, ['x', 'y']], classes: ['no', 'yes'] }

  it('is a .npy where all are numbers', () => {
    const rows = [
      { instance: [1, null], label: 1 },
      { instance: [2, 3], label: 0 },
    ]
    const made = datasetOfRows(rows, numeric, 'target')
    expect(made).toMatchObject({ format: 'npy', rows: 2 })
    const { shape, data } = parseNpy(made.bytes)
    expect([shape, [...data]]).toEqual([
      [2, 3],
      [1, NaN, 1, 2, 3, 0],
    ])
  })

  it('is a CSV with the names of the columns where some are text', () => {
    const rows = [
      { instance: [1, 'x'], label: 'yes' },
      { instance: [null, 'a,"b"\nc'], label: 'no' },
    ]
    const made = datasetOfRows(rows, text, 'bought')
    expect(made).toMatchObject({ format: 'csv', rows: 2 })
    expect(Buffer.from(made.bytes).toString()).toBe('a,c,bought\n1,x,yes\n,"a,""b""\nc",no\n')
  })

  it('leaves out what does not fit the model, or no table can hold', () => {
    const rows = [
      { instance: [1, 'x'], label: 'yes' },
      { instance: [1], label: 'yes' },
      { instance: ['1', 'x'], label: 'yes' },
      { instance: [1, 'x\0y'], label: 'yes' },
      { instance: [1, 'x'], label: 'y\0' },
      { instance: [1, 'x'], label: 1 },
    ]
    expect(datasetOfRows(rows, text, 'bought').rows).toBe(1)
    expect(datasetOfRows([{ instance: [1, 2], label: '1' }], numeric, 't').rows).toBe(0)
  })

  it.each(['', 'NA', 'nan', 'null'])(
    'leaves out the label %j, which a CSV takes for a missing one and a training refuses',
    (label) => {
      const rows = [
        { instance: [1, 'x'], label: 'yes' },
        { instance: [2, 'x'], label },
      ]
      expect(datasetOfRows(rows, text, 'bought').rows).toBe(1)
    },
  )

  it('leaves out numbers that are too large for a training', () => {
    const rows = [
      { instance: [1, 2], label: -1e140 },
      { instance: [1, 2], label: 1e141 },
      { instance: [1, -1e141], label: 1 },
    ]
    expect(datasetOfRows(rows, { ...numeric, classes: null }, 't').rows).toBe(1)
  })
})
