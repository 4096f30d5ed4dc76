import { hash } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { parseCsv, parseNpy, writeNpy } from '../../ml/data/index.ts'
import { MillraceError, type Ports } from '../../platform/ports/index.ts'
import { memoryPorts, runTask, type MemoryPorts } from '../../platform/testing/index.ts'
import { createBatches } from '../../tasks/batches.ts'
import { joinBatch } from '../../tasks/join-batch.ts'
import type { Block } from '../../tasks/predict-block.ts'
import { sha256OfParts } from '../../tasks/part-digests.ts'
import { predictRange } from '../../tasks/predict-range.ts'
import { rewriteRows } from '../../tasks/rewrite-rows.ts'
import { monthOf, usageOf } from '../../tasks/usage.ts'
import {
  countsOf,
  irisFeatures,
  irisModel,
  jsonOf,
  planOf,
  readingThrough,
  registerIris,
  resultOf,
  runBatch,
  withObjects,
} from '../fixtures/batch.ts'
import { npyOf } from '../fixtures/iris.ts'

const order = { model: 'ada/iris', rangeRows: 50, format: 'npy' }

let ports: MemoryPorts

beforeEach(async () => {
  ports = memoryPorts()
  await registerIris(ports)
})

const batches = () => createBatches(ports.table)

/** Ports on which blocks are predicted that `isGood`; the others throw. */
function predictingIf(isGood: (block: Block) => boolean): MemoryPorts & { predicted: number[] } {
  const predicted: number[] = []
  const compute = {
    concurrency: 1,
    places: ports.compute.places,
    run: async (job: never, input: Block, options: never) => {
      if (!isGood(input)) throw new TypeError('torn')
      predicted.push(input.firstRow)
      return ports.compute.run(job, input as never, options)
    },
  }
  return { ...ports, compute, predicted } as unknown as MemoryPorts & { predicted: number[] }
}

const isSample = ({ rows }: Block) => rows.format === 'npy' && rows.matrix.rows === 150

async function expectedNpy(): Promise<Uint8Array> {
  const undisturbed = memoryPorts()
  await registerIris(undisturbed)
  await runBatch(undisturbed, 'b', order)
  return resultOf(undisturbed, 'b')
}

describe('a range that fails', () => {
  it('is tried again, and what failed once is not told of', async () => {
    let isTorn = true
    const given = predictingIf((block) => {
      if (isSample(block) || block.firstRow !== 50 || !isTorn) return true
      isTorn = false
      return false
    })
    const run = await runBatch(ports, 'b', order, { given })
    expect(run).toMatchObject({ status: 'SUCCEEDED', output: { rows: 150, missing: 0 } })
    expect(await batches().failedRanges(irisModel, 'b')).toEqual([])
    expect(await resultOf(ports, 'b')).toEqual(await expectedNpy())
  })

  it('is missing in the result where that is tolerated, and told of in the manifest', async () => {
    const given = predictingIf((block) => isSample(block) || block.firstRow !== 50)
    for (const format of ['npy', 'csv', 'jsonl']) {
      const input = { ...order, format, toleratedFailures: 1 }
      const run = await runBatch(ports, format, input, { given })
      expect(run).toMatchObject({
        status: 'SUCCEEDED',
        output: { outcome: 'predicted', rows: 150, failed: 0, missing: 50 },
      })
      const { result } = await batches().find(irisModel, format)
      expect(await jsonOf(ports, result!.manifest.key)).toMatchObject({
        failedRanges: [{ index: 1, from: 50, to: 100, error: 'TypeError', message: 'torn' }],
        shards: [{ index: 0 }, { index: 2 }],
      })
    }
    const { data, shape } = parseNpy(await resultOf(ports, 'npy'))
    const expected = [...parseNpy(await expectedNpy()).data].fill(NaN, 50, 100)
    expect(shape).toEqual([150])
    expect([...data]).toEqual(expected)
    const rows = parseCsv(await resultOf(ports, 'csv')).columns[0]!.values
    expect([...rows].slice(49, 51)).toEqual([49, 100])
    expect(
      Buffer.from(await resultOf(ports, 'jsonl'))
        .toString()
        .match(/"row":\d+/g),
    ).toHaveLength(100)
  })

  it('fails the batch where it is not, which keeps its shards and says why', async () => {
    const given = predictingIf((block) => isSample(block) || block.firstRow !== 50)
    const run = await runBatch(ports, 'b', { ...order, concurrency: 1 }, { given })
    expect(run).toMatchObject({
      status: 'FAILED',
      error: 'TooManyRangesFailed',
      cause: expect.stringMatching(/rows 50 to 99: TypeError: torn/) as string,
    })
    expect(await countsOf(ports, 'b')).toEqual({
      rows: 150,
      ranges: 3,
      rangesDone: 1,
      rowsDone: 50,
      rowsFailed: 0,
    })
    expect(await batches().failedRanges(irisModel, 'b')).toMatchObject([{ index: 1 }])
  })

  it('counts as failed also where its task ended without a word', async () => {
    const { batch, list } = await planOf(ports, 'b', order)
    await runTask(predictRange, { batch, range: list[0] }, ports)
    await runTask(predictRange, { batch, range: list[1] }, ports)
    expect(await runTask(joinBatch, { batch }, ports)).toMatchObject({
      outcome: 'failed',
      ranges: 1,
      cause: expect.stringMatching(/rows 100 to 149: no result/) as string,
    })
    const answer = await runTask(joinBatch, { batch, toleratedFailures: 1 }, ports)
    expect(answer).toMatchObject({ outcome: 'predicted', missing: 50 })
  })

  it('is not noted where the execution was stopped', async () => {
    const { batch, list } = await planOf(ports, 'b', order)
    const stopped = AbortSignal.abort(new Error('stopped'))
    const running = predictRange.run({ batch, range: list[0]! }, ports, { signal: stopped })
    await expect(running).rejects.toThrow()
    expect(await batches().failedRanges(irisModel, 'b')).toEqual([])
  })
})

describe('results beyond one object', () => {
  const size = 3 * 1024 ** 3
  const sha256 = 'a'.repeat(64)
  const marks = { rows: [], offsets: [] }

  /** Two shards that are nowhere, as the store tells of them by `head`. */
  async function planWith(shards: readonly number[]) {
    const { batch } = await planOf(ports, 'b', { ...order, rangeRows: 75 })
    for (const index of shards) await addShard(index)
    return batch
  }

  const parts = ['one', 'two'].map((part) => hash('sha256', part, 'base64'))

  async function addShard(index: number, versionId = 'v') {
    const object = { bucket: 'millrace', key: `shards/${index}`, versionId, sha256, size }
    const range = { index, from: index * 75, to: index * 75 + 75 }
    const shard = { ...range, failed: 0, failures: [], object, parts }
    await batches().addShard(irisModel, 'b', { shard, marks, time: 0, ranges: 2 })
  }

  interface Told {
    readonly size?: number
    readonly sha256?: string | undefined
    readonly partsSha256?: string
  }

  /** Ports on which no shard is read, and of whose first version this is told. */
  function telling(of: (key: string) => Told): Ports {
    const reading = readingThrough(ports, async (read, key, options) => {
      expect(key).not.toMatch(/^shards\//)
      return read(key, options)
    })
    return withObjects(reading, {
      head: async (key, options = {}) => {
        if (!key.startsWith('shards/')) return ports.objects.head(key, options)
        const { versionId = '' } = options
        const told = versionId === 'v' ? of(key) : {}
        return {
          ...{
            bucket: 'millrace',
            key,
            versionId,
            size,
            sha256,
            etag: 'e',
            contentType: 'text/csv',
          },
          ...{ metadata: {}, lastModified: '2026-01-01T00:00:00.000Z' },
          ...told,
        }
      },
    })
  }

  it.each([
    ['another size', () => ({ size: size - 1 })],
    ['another digest', () => ({ sha256: 'b'.repeat(64) })],
    ['other parts', () => ({ sha256: undefined, partsSha256: sha256OfParts([parts[0]!]) })],
    [
      'none',
      () => {
        throw new MillraceError('ObjectNotFound', 'gone')
      },
    ],
  ])('are their shards, and none of which the store tells %s', async (_, damage) => {
    const batch = await planWith([0, 1])
    // What S3 knows of what was written in parts.
    const good = { sha256: undefined, partsSha256: sha256OfParts(parts) }
    const given = telling((key) => (key === 'shards/1' ? damage() : good))
    const damaged = await runTask(joinBatch, { batch }, given)
    expect(damaged).toMatchObject({ outcome: 'incomplete', damaged: 1 })
    expect(await countsOf(ports, 'b')).toMatchObject({ rangesDone: 1, rowsDone: 75 })
    await addShard(1, 'v2')
    const joined = await runTask(joinBatch, { batch }, given)
    expect(joined).toMatchObject({ outcome: 'predicted', result: null, missing: 0 })
  })

  it('are not taken for damaged where the store fails', async () => {
    const batch = await planWith([0, 1])
    const given = telling((key) => {
      if (key === 'shards/0') return {}
      throw new MillraceError('StorageFailed', 'slow down')
    })
    await expect(runTask(joinBatch, { batch }, given)).rejects.toThrow('slow down')
    expect(await countsOf(ports, 'b')).toMatchObject({ rangesDone: 2 })
  })

  it('are asked for many at one time, and each once', async () => {
    const { batch } = await planOf(ports, 'b', { ...order, rangeRows: 1 })
    for (let index = 0; index < 150; index++) {
      const object = { bucket: 'millrace', key: `shards/${index}`, versionId: 'v', sha256, size }
      const shard = { index, from: index, to: index + 1, failed: 0, failures: [], object }
      await batches().addShard(irisModel, 'b', { shard, marks, time: 0, ranges: 150 })
    }
    const asked: string[] = []
    let waiting: (() => void)[] = []
    const { objects } = telling(() => ({}))
    const given = withObjects(
      telling(() => ({})),
      {
        head: async (key, options) => {
          asked.push(key)
          // Answered when as many wait as may, or when all are asked for.
          await new Promise<void>((resolve) => {
            waiting.push(resolve)
            if (waiting.length < 48 && asked.length < 150) return
            for (const answer of waiting) answer()
            waiting = []
          })
          return objects.head(key, options)
        },
      },
    )
    const joined = await runTask(joinBatch, { batch }, given)
    expect(joined).toMatchObject({ outcome: 'predicted', result: null })
    expect([asked.length, new Set(asked).size]).toEqual([150, 150])
  })
})

describe('a batch that is resumed', () => {
  it('predicts the ranges that are missing, and those alone', async () => {
    const torn = predictingIf((block) => isSample(block) || block.firstRow !== 50)
    await runBatch(ports, 'b', { ...order, concurrency: 1 }, { given: torn })
    const mended = predictingIf(() => true)
    const input = { model: 'ada/iris', resume: 'b' }
    const run = await runBatch(ports, 'b-r2', input, { given: mended })
    expect(run).toMatchObject({ status: 'SUCCEEDED', output: { batch: 'b', missing: 0 } })
    expect(mended.predicted).toEqual([50, 100])
    expect(await resultOf(ports, 'b')).toEqual(await expectedNpy())
    expect(await batches().find(irisModel, 'b')).toMatchObject({ execution: 'b-r2' })
    expect(await countsOf(ports, 'b')).toMatchObject({ rangesDone: 3, rowsDone: 150 })
    const used = await usageOf(ports.table, 'ada', monthOf(ports.clock.now()))
    expect(used.predictions).toBe(150)
  })

  it('predicts nothing where only the join was missing', async () => {
    const { batch, list } = await planOf(ports, 'b', order)
    for (const range of list) await runTask(predictRange, { batch, range }, ports)
    const run = await runBatch(ports, 'again', { model: 'ada/iris', resume: 'b' })
    expect(run.status).toBe('SUCCEEDED')
    expect(run.states).not.toContain('Predict')
    expect(await resultOf(ports, 'b')).toEqual(await expectedNpy())
  })

  it('is planned by what was asked for at first, where it was not yet', async () => {
    const kept = { batch: 'b', model: 'ada/iris', version: 0, dataset: 'ada/iris' }
    const record = { ...kept, datasetVersion: 0, format: 'jsonl' as const, rangeRows: 40, rows: 0 }
    await batches().add(irisModel, { ...record, createdAt: '2026-01-01T00:00:00.000Z' })
    const run = await runBatch(ports, 'b-r2', { model: 'ada/iris', resume: 'b' })
    expect(run).toMatchObject({ status: 'SUCCEEDED', output: { batch: 'b', format: 'jsonl' } })
    expect(run.calls['PredictRange']).toHaveLength(4)
  })

  it('is handed on once, and rejected where there is none', async () => {
    await planOf(ports, 'b', order)
    const [first, second] = await Promise.all(
      ['x', 'y'].map((execution) => batches().resume(irisModel, 'b', { execution, last: 'b' })),
    )
    expect([first, second].filter(Boolean)).toHaveLength(1)
    const answer = await planOf(ports, 'z', order).then(({ answer: whole }) => whole)
    expect(answer).toMatchObject({ outcome: 'planned', ranges: 3 })
    const run = await runBatch(ports, 'none', { model: 'ada/iris', resume: 'other' })
    expect(run.output).toMatchObject({ outcome: 'rejected', reasons: [{ code: 'BatchNotFound' }] })
  })
})

describe('a shard that is damaged', () => {
  /** Of the first versions of shards, one byte changed. */
  const damaging = (keys: RegExp, damage: (bytes: Uint8Array) => Uint8Array): Ports => {
    const seen = new Map<string, string>()
    return readingThrough(ports, async (read, key, options = {}) => {
      const bytes = await read(key, options)
      if (!keys.test(key) || options.versionId === undefined) return bytes
      if (!seen.has(key)) seen.set(key, options.versionId)
      return seen.get(key) === options.versionId ? damage(bytes.slice()) : bytes
    })
  }

  const flipped = (bytes: Uint8Array) => {
    bytes[3]! ^= 1
    return bytes
  }

  it('is found, taken out of the counts and predicted anew', async () => {
    const given = damaging(/shards\/00000[02]/, flipped)
    const run = await runBatch(ports, 'b', order, { given })
    expect(run).toMatchObject({ status: 'SUCCEEDED', output: { missing: 0 } })
    // Both at once: the first that is found is not the only one.
    expect(run.calls['PlanBatch']).toHaveLength(2)
    expect(run.calls['PredictRange']).toHaveLength(5)
    expect(await resultOf(ports, 'b')).toEqual(await expectedNpy())
    expect(await countsOf(ports, 'b')).toMatchObject({ rangesDone: 3, rowsDone: 150 })
    const used = await usageOf(ports.table, 'ada', monthOf(ports.clock.now()))
    expect(used.predictions).toBe(150)
  })

  it('is so whatever is tolerated, and where the answer that told of it was lost', async () => {
    const { batch, list } = await planOf(ports, 'b', order)
    for (const range of list) await runTask(predictRange, { batch, range }, ports)
    const given = damaging(/shards\/000001/, flipped)
    for (const taken of [given, ports]) {
      const answer = await runTask(joinBatch, { batch, toleratedFailures: 3 }, taken)
      expect(answer).toMatchObject({ outcome: 'incomplete', damaged: 1 })
    }
    await runTask(predictRange, { batch, range: list[1] }, ports)
    const joined = await runTask(joinBatch, { batch, toleratedFailures: 3 }, ports)
    expect(joined).toMatchObject({ outcome: 'predicted', missing: 0 })
  })

  it('is so too where its object is gone', async () => {
    const { batch, list } = await planOf(ports, 'b', order)
    for (const range of list) await runTask(predictRange, { batch, range }, ports)
    const given = readingThrough(ports, (read, key, options) =>
      read(/shards\/000001/.test(key) ? `${key}.gone` : key, options),
    )
    expect(await runTask(joinBatch, { batch }, given)).toMatchObject({
      outcome: 'incomplete',
      damaged: 1,
    })
    expect(await countsOf(ports, 'b')).toMatchObject({ rangesDone: 2, rowsDone: 100 })
  })

  it('fails the batch when that does not help', async () => {
    const given = readingThrough(ports, async (read, key, options) => {
      const bytes = await read(key, options)
      return /shards\/000001/.test(key) ? flipped(bytes.slice()) : bytes
    })
    const run = await runBatch(ports, 'b', order, { given })
    expect(run).toMatchObject({ status: 'FAILED', error: 'TooManyRangesFailed' })
    expect(run.calls['PlanBatch']).toHaveLength(4)
    expect((await batches().find(irisModel, 'b')).result).toBeNull()
  })
})

describe('a file in Fortran order', () => {
  it('is rewritten once, by rows, and predicted as one in C order', async () => {
    const key = 'inputs/ada/iris/1.npy'
    await ports.objects.put(key, npyOf(irisFeatures(), true))
    const run = await runBatch(ports, 'b', { ...order, file: { key } })
    expect(run.status).toBe('SUCCEEDED')
    expect(run.calls['RewriteRows']).toHaveLength(1)
    const { rewritten } = await batches().find(irisModel, 'b')
    const rows = await ports.objects.read(rewritten!.key)
    expect(parseNpy(rows)).toEqual(parseNpy(npyOf(irisFeatures())))
    expect(await resultOf(ports, 'b')).toEqual(await expectedNpy())
    const again = await runTask(rewriteRows, run.calls['RewriteRows']![0], ports)
    expect(again).toMatchObject({ batch: { rows: rewritten! } })
    expect(await ports.objects.versions(rewritten!.key)).toHaveLength(1)
  })

  it('is rewritten a block at a time, however many rows it has', async () => {
    const rows = 1_200_000
    const data = Float64Array.from({ length: rows * 4 }, (_, i) => i % 1000)
    const bytes = writeNpy({ shape: [rows, 4], fortranOrder: true, data })
    const key = 'inputs/ada/iris/1.npy'
    await ports.objects.put(key, bytes)
    const { batch } = await planOf(ports, 'b', { ...order, file: { key }, rangeRows: 100_000 })
    let largest = 0
    const given = readingThrough(ports, async (read, asked, options) => {
      const part = await read(asked, options)
      if (asked === key) largest = Math.max(largest, part.length)
      return part
    })
    await runTask(rewriteRows, { batch }, given)
    expect(largest).toBeLessThanOrEqual((32 * 1024 * 1024) / 4)
    const { rewritten } = await batches().find(irisModel, 'b')
    const made = parseNpy(await ports.objects.read(rewritten!.key))
    expect(made).toMatchObject({ shape: [rows, 4], fortranOrder: false })
    for (const row of [0, 1_048_575, 1_048_576, rows - 1]) {
      expect(made.data[row * 4 + 2]).toBe((2 * rows + row) % 1000)
    }
  })
})
