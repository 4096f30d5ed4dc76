import { hash, randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { streamPartBytes } from '../../platform/ports/index.ts'
import { memoryPorts, runTask, type MemoryPorts } from '../../platform/testing/index.ts'
import type { BatchShard } from '../../tasks/batch-shapes.ts'
import { createBatches } from '../../tasks/batches.ts'
import { piecesOrRemoval } from '../../tasks/checked-shards.ts'
import { PartDigests } from '../../tasks/part-digests.ts'
import { predictRange } from '../../tasks/predict-range.ts'
import { irisModel, planOf, readingThrough, registerIris, withManyRows } from '../fixtures/batch.ts'

let ports: MemoryPorts

beforeEach(async () => {
  ports = memoryPorts()
  await registerIris(ports)
})

const sha256 = (bytes: Uint8Array) => hash('sha256', bytes, 'base64')

function digestsOf(bytes: Uint8Array, chunk = bytes.length): string[] {
  const digests = new PartDigests()
  for (let at = 0; at < bytes.length; at += chunk) digests.add(bytes.subarray(at, at + chunk))
  return digests.end()
}

describe('digests of parts', () => {
  it.each([
    ['a part', streamPartBytes, 1],
    ['two', 2 * streamPartBytes, 2],
    ['a byte more', 2 * streamPartBytes + 1, 3],
  ])('are one of each part of %s, however its bytes come', (_, size, count) => {
    const bytes = randomBytes(size)
    const parts = Array.from({ length: count }, (__, i) =>
      sha256(bytes.subarray(i * streamPartBytes, (i + 1) * streamPartBytes)),
    )
    for (const chunk of [size, 1_000_003, streamPartBytes]) {
      expect(digestsOf(bytes, chunk)).toEqual(parts)
    }
  })

  it('are noted of a result that has more than one', async () => {
    const key = 'inputs/ada/iris/1.npy'
    const given = withManyRows(ports, key, { rows: 100_000, columns: 4 })
    const order = { model: 'ada/iris', file: { key }, format: 'jsonl', rangeRows: 80_000 }
    const { batch, list } = await planOf(given, 'b', order)
    for (const range of list) await runTask(predictRange, { batch, range }, given)
    const [large, small] = await createBatches(ports.table).shards(irisModel, 'b')
    expect(large!.object.size).toBeGreaterThan(streamPartBytes)
    const { key: shard, versionId } = large!.object
    expect(large!.parts).toEqual(digestsOf(await ports.objects.read(shard, { versionId })))
    expect(small).not.toHaveProperty('parts')
  })
})

describe('a piece of a shard', () => {
  const bytes = randomBytes(2 * streamPartBytes + 1000)
  const border = streamPartBytes

  async function noted(): Promise<BatchShard> {
    await planOf(ports, 'b', { model: 'ada/iris', rangeRows: 150 })
    const put = await ports.objects.put('shards/0', bytes)
    const object = { ...put, sha256: put.sha256! }
    const rows = { index: 0, from: 0, to: 150, failed: 0, failures: [] }
    const shard = { ...rows, object, parts: digestsOf(bytes) }
    const marks = { rows: [], offsets: [] }
    return createBatches(ports.table).addShard(irisModel, 'b', { shard, marks, time: 0, ranges: 1 })
  }

  it.each([
    [0, 10],
    [border - 10, border],
    [border - 10, border + 10],
    [10, bytes.length],
    [bytes.length - 10, bytes.length],
  ])('is its bytes %i to %i', async (start, end) => {
    const { objects, table } = ports
    const store = { objects, batches: createBatches(table) }
    const read = piecesOrRemoval(store, { model: irisModel, batch: 'b', shard: await noted() })
    expect(Buffer.compare(await read(start, end), bytes.subarray(start, end))).toBe(0)
  })

  it('is refused where a byte of its parts is another one, and the shard is taken out', async () => {
    const shard = await noted()
    const { objects } = readingThrough(ports, async (read, key, options = {}) => {
      const part = (await read(key, options)).slice()
      // One byte of the second part.
      const at = border + 500 - (options.start ?? 0)
      if (key === 'shards/0' && at >= 0 && at < part.length) part[at]! ^= 1
      return part
    })
    const batches = createBatches(ports.table)
    const read = piecesOrRemoval({ objects, batches }, { model: irisModel, batch: 'b', shard })
    await read(0, border)
    expect(await batches.shards(irisModel, 'b')).toHaveLength(1)
    await expect(read(border + 1000, border + 1010)).rejects.toThrow('not what was written')
    expect(await batches.shards(irisModel, 'b')).toEqual([])
  })
})
