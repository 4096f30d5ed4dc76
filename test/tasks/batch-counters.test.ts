import { beforeEach, describe, expect, it, vi } from 'vitest'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { holdBatchRows, spentRowsOf } from '../../tasks/batch-quota.ts'
import type { BatchShard } from '../../tasks/batch-shapes.ts'
import { createBatches, type Batches } from '../../tasks/batches.ts'
import { monthOf, usageOf } from '../../tasks/usage.ts'
import { countsOf, irisModel as model } from '../fixtures/batch.ts'

const ranges = 100
const rows = 3 * ranges
const marks = { rows: [], offsets: [] }

let ports: MemoryPorts
let batches: Batches

beforeEach(async () => {
  ports = memoryPorts()
  batches = createBatches(ports.table)
  const record = { batch: 'b', model: 'ada/iris', version: 0, dataset: null, datasetVersion: null }
  const batch = { ...record, format: 'csv' as const, rows, createdAt: '2026-01-01T00:00:00.000Z' }
  await batches.add(model, batch)
  await batches.plan(model, batch, { plan: objectOf('plan'), ranges })
})

function objectOf(key: string) {
  return { bucket: 'millrace', key, versionId: 'v', sha256: 'a'.repeat(64), size: 10 }
}

/** Of three rows, the first of which the model could not take. */
function shardOf(index: number): BatchShard {
  const range = { index, from: index * 3, to: index * 3 + 3 }
  return { ...range, failed: 1, failures: [], object: objectOf(`shards/${index}`) }
}

const add = (index: number, of = ranges) =>
  batches.addShard(model, 'b', {
    shard: shardOf(index),
    marks,
    time: ports.clock.now(),
    ranges: of,
  })

const all = Array.from({ length: ranges }, (_, index) => index)
const usage = () => usageOf(ports.table, 'ada', monthOf(ports.clock.now()))

describe('the ranges of a large batch', () => {
  it('are counted once each, however often and at whatever time they are done', async () => {
    await Promise.all([...all, ...all.toReversed()].map((index) => add(index)))
    expect(await countsOf(ports, 'b')).toEqual({
      ...{ rows, ranges, rangesDone: ranges, rowsDone: rows, rowsFailed: ranges },
    })
    expect(await usage()).toMatchObject({ predictions: 2 * ranges, batchRows: 2 * ranges })
  })

  it('change no item in more than a sixteenth of their transactions', async () => {
    const transact = vi.spyOn(ports.table, 'transact')
    for (const index of all) await add(index)
    const changed = transact.mock.calls.flatMap(([writes]) =>
      writes.map((write) => {
        const { pk, sk } =
          'put' in write
            ? write.put
            : 'update' in write
              ? write.update
              : 'delete' in write
                ? write.delete
                : write.check
        return `${pk} ${sk}`
      }),
    )
    const times = [...Map.groupBy(changed, (key) => key).values()].map(({ length }) => length)
    const most = Math.max(...times)
    expect(most).toBe(Math.ceil(ranges / 16))
  })

  it('are taken out of the counts once, and a batch that was done is so no more', async () => {
    for (const index of all) await add(index)
    const result = { rows, failed: ranges, missing: 0, object: null, manifest: objectOf('m') }
    await batches.finish(model, 'b', result)
    await Promise.all([1, 2, 2, 1].map((index) => batches.removeShard(model, 'b', shardOf(index))))
    expect(await batches.find(model, 'b')).toMatchObject({
      ...{ rangesDone: ranges - 2, rowsDone: rows - 6, rowsFailed: ranges - 2, result: null },
    })
    expect(await usage()).toMatchObject({ batchRows: 2 * (ranges - 2) })
    await add(1)
    await batches.finish(model, 'b', { ...result, manifest: objectOf('later') })
    expect(await batches.find(model, 'b')).toMatchObject({
      ...{ rangesDone: ranges - 1, result: { manifest: { key: 'later' } } },
    })
  })

  it('are counted together with those of the head, and taken out where they were counted', async () => {
    // As all were, before there were other counters.
    for (const index of [0, 1, 2]) await add(index, 3)
    for (const index of [3, 4]) await add(index)
    expect(await batches.find(model, 'b')).toMatchObject({ rangesDone: 5, rowsDone: 15 })
    await batches.removeShard(model, 'b', shardOf(1))
    await batches.removeShard(model, 'b', shardOf(3))
    expect(await batches.find(model, 'b')).toMatchObject({ rangesDone: 3, rowsDone: 9 })
    const head = await ports.table.get('batches#ada/iris', 'b')
    expect(head).toMatchObject({ rangesDone: 2 })
  })

  it('are spent of the month by being held, and not again when they are done', async () => {
    const held = { batch: 'b', rows, isLimited: true }
    expect(await holdBatchRows(ports, 'ada', held)).toBeNull()
    const spent = () => spentRowsOf(ports.table, 'ada', monthOf(ports.clock.now()))
    expect(await spent()).toEqual({ predicted: 0, held: rows })
    for (const index of all) await add(index)
    expect(await spent()).toEqual({ predicted: 0, held: rows })
  })
})
