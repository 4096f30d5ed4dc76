import { beforeEach, describe, expect, it } from 'vitest'
import { npyHeaderOf, parseNpy, writeNpy } from '../../ml/data/index.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { createBatches } from '../../tasks/batches.ts'
import type { Block } from '../../tasks/predict-block.ts'
import {
  irisFeatures,
  irisModel,
  planOf,
  readingThrough,
  registerIris,
  resultOf,
  runBatch,
  withManyRows,
} from '../fixtures/batch.ts'
import { irisRows, npyOf } from '../fixtures/iris.ts'

const key = 'inputs/ada/iris/1.npy'
const table = 'inputs/ada/iris/1.csv'

let ports: MemoryPorts

beforeEach(async () => {
  ports = memoryPorts()
  await registerIris(ports)
})

async function expectedNpy(): Promise<Uint8Array> {
  await runBatch(ports, 'expected', { model: 'ada/iris', format: 'npy' })
  return resultOf(ports, 'expected')
}

function codesOf(output: unknown): string[] {
  return (output as { reasons: { code: string }[] }).reasons.map(({ code }) => code)
}

const putTable = (names: string, rows: readonly (readonly (number | string)[])[]) =>
  ports.objects.put(table, Buffer.from([names, ...rows.map((row) => row.join())].join('\n')))

describe('a file', () => {
  it.each([
    ['a .npy of the features', () => npyOf(irisFeatures())],
    ['a .npy with the target', () => npyOf(irisRows())],
  ])('is predicted as a dataset is: %s', async (_, bytes) => {
    const { versionId } = await ports.objects.put(key, bytes())
    const run = await runBatch(ports, 'b', { model: 'ada/iris', file: { key }, format: 'npy' })
    expect(run).toMatchObject({
      status: 'SUCCEEDED',
      output: { outcome: 'predicted', dataset: null, datasetVersion: null, rows: 150 },
    })
    expect(await resultOf(ports, 'b')).toEqual(await expectedNpy())
    expect(await createBatches(ports.table).find(irisModel, 'b')).toMatchObject({
      dataset: null,
      file: { key, versionId },
      source: { key, versionId },
      rows: 150,
    })
  })

  it('is predicted as a table too, with its columns in any order and the target among them', async () => {
    const rows = irisRows().map(([a, b, c, d, target]) => [d!, target!, c!, b!, a!])
    await putTable('feature_3,target,feature_2,feature_1,feature_0', rows)
    const input = { model: 'ada/iris', file: { key: table }, format: 'npy', rangeRows: 40 }
    const run = await runBatch(ports, 'b', input)
    expect(run).toMatchObject({ status: 'SUCCEEDED', output: { rows: 150, failed: 0 } })
    expect(run.calls['PredictRange']).toHaveLength(4)
    expect(await resultOf(ports, 'b')).toEqual(await expectedNpy())
  })

  it('loses of a table the rows alone that have text where numbers belong', async () => {
    const rows: (number | string)[][] = irisFeatures()
    rows[7]![1] = 'wide'
    await putTable('feature_0,feature_1,feature_2,feature_3', rows)
    const input = { model: 'ada/iris', file: { key: table }, format: 'npy' }
    const run = await runBatch(ports, 'b', input)
    expect(run).toMatchObject({ status: 'SUCCEEDED', output: { failed: 1 } })
    const expected = [...parseNpy(await expectedNpy()).data].fill(NaN, 7, 8)
    expect([...parseNpy(await resultOf(ports, 'b')).data]).toEqual(expected)
    const [shard] = await createBatches(ports.table).shards(irisModel, 'b')
    expect(shard!.failures).toMatchObject([{ row: 7 }])
  })

  const names = 'feature_0,feature_1,feature_2,feature_3'

  it.each([
    [
      'IntegerInexact',
      key,
      writeNpy({ shape: [1, 4], data: new BigInt64Array(4).fill(2n ** 60n + 1n) }),
    ],
    ['CsvInvalid', table, Buffer.from(`${names}\n1,2,3,4\n1,2\n`)],
    ['CsvInvalid', table, Buffer.from(`${names}\n1,2,\0,4\n`)],
  ])('is rejected for %s among its first rows, as by its header', async (code, file, bytes) => {
    await ports.objects.put(file, bytes)
    // As a worker thread hands it on: without its class.
    const run: typeof ports.compute.run = (job, input, options) =>
      ports.compute.run(job, input, options).catch(({ name, message }: Error) => {
        throw Object.assign(new Error(message), { name })
      })
    const given = { ...ports, compute: { ...ports.compute, run } }
    const batch = await runBatch(ports, 'b', { model: 'ada/iris', file: { key: file } }, { given })
    expect(batch).toMatchObject({ status: 'SUCCEEDED', output: { outcome: 'rejected' } })
    expect(codesOf(batch.output)).toEqual([code])
    expect(await createBatches(ports.table).find(irisModel, 'b')).toMatchObject({
      plan: null,
      reasons: [{ code }],
    })
  })

  it('is predicted in the version that was asked for', async () => {
    const { versionId } = await ports.objects.put(key, npyOf(irisFeatures()))
    await ports.objects.put(key, npyOf(irisFeatures().slice(0, 10)))
    const old = await planOf(ports, 'b', { model: 'ada/iris', file: { key, versionId } })
    expect(old.answer).toMatchObject({ rows: 150 })
    const now = await planOf(ports, 'c', { model: 'ada/iris', file: { key } })
    expect(now.answer).toMatchObject({ rows: 10 })
  })

  it.each([
    ['that is not there', 'inputs/ada/iris/none.npy', 'ObjectNotFound'],
    ['of another user', 'inputs/bob/iris/1.npy', 'ObjectNotFound'],
    ['with fewer columns than the model reads', 'inputs/ada/iris/narrow.npy', 'ColumnMissing'],
    ['with more', 'inputs/ada/iris/wide.npy', 'ColumnUnknown'],
    ['of one axis', 'inputs/ada/iris/flat.npy', 'ShapeInvalid'],
    ['that is none', 'inputs/ada/iris/none.csv', 'NpyInvalid'],
    ['without names', 'inputs/ada/iris/numbers.csv', 'CsvInvalid'],
    ['of nothing', 'inputs/ada/iris/empty.csv', 'CsvInvalid'],
    ['of other columns', 'inputs/ada/iris/other.csv', 'ColumnMissing'],
  ])('%s is rejected', async (_, asked, code) => {
    const put = (name: string, bytes: Uint8Array | string) =>
      ports.objects.put(`inputs/ada/iris/${name}`, Buffer.from(bytes))
    await ports.objects.put('inputs/bob/iris/1.npy', npyOf(irisFeatures()))
    await put('narrow.npy', npyOf(irisFeatures().map((row) => row.slice(0, 3))))
    await put('wide.npy', npyOf(irisRows().map((row) => [...row, 1])))
    await put('flat.npy', writeNpy({ shape: [3], data: Float64Array.of(1, 2, 3) }))
    await put('numbers.csv', '1,2,3,4\n5,6,7,8\n')
    await put('empty.csv', '')
    await put('other.csv', 'a,b\n1,2\n')
    await put('broken.npy', 'feature_0,feature_1\n')
    const file = { key: code === 'NpyInvalid' ? 'inputs/ada/iris/broken.npy' : asked }
    const run = await runBatch(ports, 'b', { model: 'ada/iris', file })
    expect(run).toMatchObject({ status: 'SUCCEEDED', output: { outcome: 'rejected' } })
    expect(codesOf(run.output)).toContain(code)
  })

  it('has a key of an input, and no other', async () => {
    for (const wrong of ['uploads/ada/iris.npy', 'inputs/../iris/1.npy', 'inputs/ada/1.npy']) {
      const run = await runBatch(ports, wrong.replaceAll(/\W/g, '-'), {
        model: 'ada/iris',
        file: { key: wrong },
      })
      expect(run).toMatchObject({ status: 'FAILED', error: 'TaskInputInvalid' })
    }
  })
})

describe('the ranges of a batch', () => {
  const asked = { model: 'ada/iris', file: { key } }
  const many = (rows: number) => withManyRows(ports, key, { rows, columns: 4 })

  /** Ports on which each row takes so long. */
  const working = (given: MemoryPorts, microseconds: number): MemoryPorts => {
    const compute = {
      concurrency: 8,
      places: given.compute.places,
      run: async (job: never, input: Block, options: never) => {
        const { rows } = await given.compute.run<Block, { rows: number }>(job, input, options)
        ports.clock.advance((rows * microseconds) / 1000)
        return { rows }
      },
    }
    return { ...given, compute } as unknown as MemoryPorts
  }

  it('follow each other to the last row', async () => {
    await ports.objects.put(key, npyOf(irisFeatures()))
    const { list, answer } = await planOf(ports, 'b', { ...asked, rangeRows: 70 })
    expect(list).toEqual([
      { index: 0, from: 0, to: 70, start: 128, end: 128 + 70 * 32 },
      { index: 1, from: 70, to: 140, start: 128 + 70 * 32, end: 128 + 140 * 32 },
      { index: 2, from: 140, to: 150, start: 128 + 140 * 32, end: 128 + 150 * 32 },
    ])
    expect(answer).toMatchObject({ ranges: 3, concurrency: 8, toleratedFailures: 0 })
    const bounds = { concurrency: 3, toleratedFailures: 2 }
    expect((await planOf(ports, 'c', { ...asked, ...bounds })).answer).toMatchObject(bounds)
  })

  it('are as long as a child works 1 to 30 seconds, by what rows were measured to take', async () => {
    for (const [microseconds, least, most] of [
      [10, 1, 30],
      [1000, 1, 30],
      [50_000, 1, 30],
    ] as const) {
      const name = `at-${microseconds}`
      const { list } = await planOf(working(many(10_000_000), microseconds), name, asked)
      const seconds = ((list[0]!.to - list[0]!.from) * microseconds) / 1e6
      expect(seconds).toBeGreaterThanOrEqual(least)
      expect(seconds).toBeLessThanOrEqual(most)
      expect(list.at(-1)!.to).toBe(10_000_000)
    }
  })

  it('are planned without reading the rows, ten billion of them', async () => {
    let bytes = 0
    const given = readingThrough(many(10_000_000_000), async (read, name, options) => {
      const part = await read(name, options)
      if (name === key) bytes += part.length
      return part
    })
    const { list, answer } = await planOf(given, 'b', asked)
    expect(answer).toMatchObject({ outcome: 'planned', rows: 10_000_000_000 })
    expect(list.at(-1)!.to).toBe(10_000_000_000)
    expect(list.at(-1)!.end).toBe(128 + 10_000_000_000 * 32)
    expect(bytes).toBeLessThan(16 * 1024 * 1024)
  })

  it.each([
    ['too long to end in the time of a child', { rangeRows: 1_000_000_000 }, 'RangeTooLong'],
    ['too many', { rangeRows: 1 }, 'TooManyRanges'],
  ])('are refused where they are %s', async (_, bounds, code) => {
    const given = many(10_000_000_000)
    const run = await runBatch(ports, 'b', { ...asked, ...bounds }, { given })
    expect(run.output).toMatchObject({ outcome: 'rejected', reasons: [{ code }] })
  })

  it.each([
    ['table', table, /save it as \.npy/],
    ['file in Fortran order', key, /save it in C order/],
  ])('are refused of a %s that one task cannot go through', async (_, name, advice) => {
    const rows = 2 * 1024 ** 3
    const npyHeader = Buffer.from(npyHeaderOf([rows, 4], 'float64')).toString('latin1')
    const header = {
      [table]: 'feature_0,feature_1,feature_2,feature_3\n',
      [key]: npyHeader.replace("'fortran_order': False", "'fortran_order': True "),
    }[name]!
    const given = readingThrough(
      withManyRows(ports, name, { rows, columns: 4 }),
      async (read, asked, options = {}) =>
        asked === name
          ? Buffer.concat([Buffer.from(header, 'latin1')], options.end)
          : read(asked, options),
    )
    const run = await runBatch(ports, 'b', { model: 'ada/iris', file: { key: name } }, { given })
    expect(run.output).toMatchObject({
      outcome: 'rejected',
      reasons: [{ code: 'TooLarge', message: expect.stringMatching(advice) as string }],
    })
  })
})
