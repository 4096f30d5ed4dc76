import { beforeEach, describe, expect, it } from 'vitest'
import { parseCsv, parseNpy } from '../../ml/data/index.ts'
import { memoryPorts, runTask, type MemoryPorts } from '../../platform/testing/index.ts'
import { joinBatch } from '../../tasks/join-batch.ts'
import { createBatches } from '../../tasks/batches.ts'
import { createDatasets } from '../../tasks/datasets.ts'
import { ownerOfExecution } from '../../tasks/execution-owner.ts'
import { loadModel, type Cell, type Predictions } from '../../tasks/model-artifact.ts'
import { predictRange } from '../../tasks/predict-range.ts'
import { createRegistry } from '../../tasks/registry.ts'
import { monthOf, usageOf } from '../../tasks/usage.ts'
import {
  irisFeatures,
  irisModel,
  planOf,
  readingThrough,
  recordDataset,
  registerIris,
  resultOf,
  runBatch,
} from '../fixtures/batch.ts'
import { irisNpy, npyOf } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'

const model = irisModel

let ports: MemoryPorts

beforeEach(async () => {
  ports = memoryPorts()
  await registerIris(ports)
})

/** What the model answers of these rows, one after the other. */
async function rowByRow(of: typeof model, rows: readonly (readonly Cell[])[]) {
  const { artifact } = await createRegistry(ports.table, ports.clock).version(of, 0)
  const loaded = await loadModel(ports.objects, artifact)
  return rows.map((row) => loaded.predict([row]))
}

const textOf = async (batch: string, of = model) =>
  new TextDecoder().decode(await resultOf(ports, batch, of))

function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

const linesOf = (expected: readonly Predictions[]) =>
  expected.map(({ predictions, probabilities }, row) => ({
    row,
    prediction: predictions[0],
    ...(probabilities === null ? {} : { probabilities: probabilities[0] }),
  }))

describe('a batch', () => {
  it('predicts every row as it is predicted alone, in every format', async () => {
    const expected = await rowByRow(model, irisFeatures())
    for (const format of ['jsonl', 'csv', 'npy']) {
      const run = await runBatch(ports, format, { model: 'ada/iris', format, rangeRows: 37 })
      expect(run).toMatchObject({
        status: 'SUCCEEDED',
        output: { outcome: 'predicted', rows: 150, failed: 0, version: 0, format },
      })
      expect(run.calls['PredictRange']).toHaveLength(5)
    }
    expect(jsonLines(await textOf('jsonl'))).toEqual(linesOf(expected))
    const table = parseCsv(await resultOf(ports, 'csv'))
    expect(table.columns.map(({ name }) => name)).toEqual([
      'row',
      'prediction',
      'probability_0',
      'probability_1',
      'probability_2',
    ])
    const [rows, ...values] = table.columns.map((column) => [...column.values])
    expect(rows).toEqual(expected.map((_, i) => i))
    expect(values[0]).toEqual(expected.map(({ predictions }) => predictions[0]))
    const weights = expected.map(({ probabilities }) => probabilities![0]![1])
    expect(values[2]).toEqual(weights)
    const array = parseNpy(await resultOf(ports, 'npy'))
    expect(array).toMatchObject({ shape: [150], dtype: 'float64' })
    expect([...array.data]).toEqual(expected.map(({ predictions }) => predictions[0]))
  })

  it('has no columns for probabilities that its model does not tell', async () => {
    await train(ports, 'uploads/ada/plain.npy', irisNpy(), {
      configuration: { algorithms: ['svc'], trials: 1 },
    })
    await runBatch(ports, 'b', { model: 'ada/plain', format: 'csv' })
    const of = { user: 'ada', dataset: 'plain' }
    const [header, ...lines] = (await textOf('b', of)).trimEnd().split('\n')
    expect(header).toBe('row,prediction')
    expect(lines).toHaveLength(150)
    expect(lines.filter((line) => !/^\d+,\d$/.test(line))).toEqual([])
  })

  it.each([
    ['C order', false],
    ['Fortran order', true],
  ])('reads a .npy in %s, without a target, by the places of its columns', async (_, isFortran) => {
    const columns = irisFeatures()[0]!.map((__, j) => ({
      name: `any_${j}`,
      type: 'number' as const,
    }))
    const bytes = npyOf(irisFeatures(), isFortran)
    const schema = { columns, target: null }
    await recordDataset(ports, { name: 'plain', format: 'npy', bytes: bytes, schema, rows: 150 })
    await runBatch(ports, 'b', {
      model: 'ada/iris',
      dataset: 'ada/plain',
      format: 'jsonl',
      rangeRows: 40,
    })
    expect(jsonLines(await textOf('b'))).toEqual(linesOf(await rowByRow(model, irisFeatures())))
  })

  it('reads of an object what its range has, and no more', async () => {
    const reads: { key: string; start: number; end: number }[] = []
    const rows = irisFeatures()
    const columns = rows[0]!.map((__, j) => ({ name: `feature_${j}`, type: 'number' as const }))
    const schema = { columns, target: null }
    await recordDataset(ports, {
      name: 'plain',
      format: 'npy',
      bytes: npyOf(rows),
      schema,
      rows: 150,
    })
    const input = { model: 'ada/iris', dataset: 'ada/plain', rangeRows: 50 }
    const planned = await planOf(ports, 'b', input)
    const watched = readingThrough(ports, (read, key, options = {}) => {
      const { start = 0, end = Infinity } = options
      reads.push({ key, start, end })
      return read(key, options)
    })
    await runTask(predictRange, { batch: planned.batch, range: planned.list[1] }, watched)
    const ofData = reads.filter(({ key }) => key === 'uploads/ada/plain.npy')
    expect(ofData).toEqual([
      { key: 'uploads/ada/plain.npy', start: 0, end: 256 },
      { key: 'uploads/ada/plain.npy', start: 128 + 50 * 32, end: 128 + 100 * 32 },
    ])
  })

  it('cuts a CSV between its rows, whatever its cells and line ends are', async () => {
    const kinds = ['odd', 'ev"e,\nn', '01', '1']
    const rows = Array.from({ length: 200 }, (_, i): [number | null, string, string] => [
      i % 17 === 0 ? null : i / 3,
      kinds[i % 4]!,
      i % 4 < 2 ? 'yes' : 'no, never',
    ])
    const csv = ['size,kind,label', ...rows.map((row) => row.map(cellText).join(','))]
    const text = `${csv.join('\r\n')}\r\n\r\n`
    const of = { user: 'ada', dataset: 'kinds' }
    await train(ports, 'uploads/ada/kinds.csv', new TextEncoder().encode(text), {
      configuration: { algorithms: ['gradient-boosting'], trials: 1 },
    })
    const run = await runBatch(ports, 'b', { model: 'ada/kinds', format: 'jsonl', rangeRows: 7 })
    expect(run).toMatchObject({ status: 'SUCCEEDED', output: { rows: 200, failed: 0 } })
    const expected = await rowByRow(
      of,
      rows.map(([size, kind]) => [size, kind]),
    )
    expect(jsonLines(await textOf('b', of))).toEqual(linesOf(expected))
    expect(run.calls['PredictRange']).toHaveLength(29)
  })

  it('goes on past rows that the model cannot take, and names them', async () => {
    const rows = irisFeatures()
    rows[3]![2] = NaN
    rows[120]![0] = Infinity
    const columns = rows[0]!.map((__, j) => ({ name: `feature_${j}`, type: 'number' as const }))
    const schema = { columns, target: null }
    await recordDataset(ports, {
      name: 'holes',
      format: 'npy',
      bytes: npyOf(rows),
      schema,
      rows: 150,
    })
    const input = { model: 'ada/iris', dataset: 'ada/holes', format: 'jsonl' }
    const run = await runBatch(ports, 'b', input)
    const lines = jsonLines(await textOf('b'))
    const missing = lines.filter(({ prediction }) => prediction === null).map(({ row }) => row)
    expect(missing).toContain(120)
    expect(run.output).toMatchObject({ rows: 150, failed: missing.length })
    const [shard] = await createBatches(ports.table).shards(model, 'b')
    expect(shard!.failures.map(({ row }) => row)).toEqual(missing)
    const good = await rowByRow(model, irisFeatures())
    expect(lines[119]).toEqual(linesOf(good)[119])
  })

  it('has no prediction of a row without a category, where its model takes none', async () => {
    const rows = Array.from({ length: 60 }, (_, i) => [i, `c${i % 3}`, `k${i % 3}`].join())
    const configuration = { algorithms: ['k-neighbors'], trials: 1 }
    const bytes = Buffer.from(['x,color,kind', ...rows].join('\n'))
    await train(ports, 'uploads/ada/colors.csv', bytes, { configuration })
    const of = { user: 'ada', dataset: 'colors' }
    const key = 'inputs/ada/colors/1.csv'
    await ports.objects.put(key, Buffer.from('x,color\n1,c1\n1,\n1,new\n'))
    const run = await runBatch(ports, 'b', { model: 'ada/colors', file: { key }, format: 'jsonl' })
    expect(run).toMatchObject({ status: 'SUCCEEDED', output: { rows: 3, failed: 1 } })
    const [shard] = await createBatches(ports.table).shards(of, 'b')
    expect(shard!.failures).toEqual([
      { row: 1, message: 'feature "color" takes a category, got nothing' },
    ])
  })

  it('is rejected when the columns do not fit the model, with every reason', async () => {
    const columns = ['feature_0', 'feature_1', 'feature_2', 'other', 'target'].map((name) => ({
      name,
      type: name === 'feature_1' ? ('text' as const) : ('number' as const),
    }))
    const text = 'feature_0,feature_1,feature_2,other,target\n1,a,3,4,0\n'
    const bytes = new TextEncoder().encode(text)
    const schema = { columns, target: 'target' }
    await recordDataset(ports, { name: 'wrong', format: 'csv', bytes: bytes, schema, rows: 1 })
    const run = await runBatch(ports, 'b', { model: 'ada/iris', dataset: 'ada/wrong' })
    expect(run.status).toBe('SUCCEEDED')
    expect(run.states.at(-1)).toBe('BatchRejected')
    expect(run.output).toMatchObject({
      outcome: 'rejected',
      reasons: [{ code: 'ColumnMissing' }, { code: 'ColumnUnknown' }, { code: 'ColumnNotNumeric' }],
    })
    const gone = await runBatch(ports, 'c', { model: 'ada/iris', dataset: 'ada/none' })
    expect(gone.output).toMatchObject({ reasons: [{ code: 'DatasetNotFound' }] })
    const unborn = await runBatch(ports, 'd', { model: 'ada/iris', version: 9 })
    expect(unborn.output).toMatchObject({ reasons: [{ code: 'ModelNotFound' }] })
  })

  it('of no rows has results without rows', async () => {
    const columns = irisFeatures()[0]!.map((__, j) => ({
      name: `feature_${j}`,
      type: 'number' as const,
    }))
    await createDatasets(ports).create({ user: 'ada', dataset: 'empty' }, { columns, target: null })
    const run = await runBatch(ports, 'b', { model: 'ada/iris', dataset: 'ada/empty' })
    expect(run).toMatchObject({ status: 'SUCCEEDED', output: { rows: 0 } })
    expect(await textOf('b')).toMatch(/^row,prediction[^\n]*\n$/)
  })

  it('belongs to the user of its model', () => {
    expect(ownerOfExecution({ model: 'ada/iris', dataset: 'bob/other' })).toBe('ada')
  })
})

describe('a task of a batch that runs again', () => {
  it('doubles neither results nor the count of predictions', async () => {
    const planned = await planOf(ports, 'b', { model: 'ada/iris', rangeRows: 60 })
    const again = await planOf(ports, 'b', { model: 'ada/iris', rangeRows: 10 })
    expect(again).toEqual(planned)
    const { batch, list: ranges } = planned
    for (const range of ranges) {
      await Promise.all([1, 2].map(() => runTask(predictRange, { batch, range }, ports)))
      await runTask(predictRange, { batch, range }, ports)
    }
    const used = await usageOf(ports.table, 'ada', monthOf(ports.clock.now()))
    expect(used.predictions).toBe(150)
    const first = await runTask(joinBatch, { batch }, ports)
    expect(await runTask(joinBatch, { batch }, ports)).toEqual(first)
    expect(parseCsv(await resultOf(ports, 'b')).rows).toBe(150)
    expect(await createBatches(ports.table).shards(model, 'b')).toHaveLength(3)
  })
})

function cellText(cell: number | string | null): string {
  if (cell === null) return ''
  return /[",\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell)
}
