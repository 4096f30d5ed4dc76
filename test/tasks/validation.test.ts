import { describe, expect, it } from 'vitest'
import { writeNpy } from '../../ml/data/index.ts'
import { datasetOf, splitDataset, splitRuleOf } from '../../tasks/dataset.ts'
import { inspectUpload } from '../../tasks/inspect-upload.ts'
import type { TrainingConfiguration } from '../../tasks/training-configuration.ts'
import { irisNpy, irisRows, npyOf } from '../fixtures/iris.ts'

async function inspect(
  bytes: Uint8Array,
  configuration: TrainingConfiguration = {},
  format: 'npy' | 'csv' = 'npy',
) {
  const places = [{ name: 'function', memoryBytes: 2 ** 34, seconds: null } as const]
  const size = bytes.length
  return inspectUpload.run({ bytes, size, form: { format, configuration }, places })
}

const codes = async (...args: Parameters<typeof inspect>) =>
  (await inspect(...args)).reasons.map((reason) => reason.code)

const csv = (text: string) => new TextEncoder().encode(text)

describe('validation', () => {
  it('finds nothing against the Iris data, and describes it', async () => {
    const { reasons, description, candidates } = await inspect(irisNpy())
    expect(reasons).toEqual([])
    expect(description).toMatchObject({ task: 'classification', rows: 150, features: 4 })
    expect(description!.trainRows + description!.heldOutRows).toBe(150)
    expect(description!.columns[0]).toMatchObject({ min: 4.3, max: 7.9, missing: 0 })
    const names = ['svc', 'logistic-regression', 'majority']
    expect(candidates).toEqual(names.map((algorithm) => ({ algorithm, place: 'function' })))
    expect(description).toMatchObject({ candidates: names, trials: 8, leftOut: [], notes: [] })
  })

  it('says every reason at once, with columns and rows', async () => {
    const rows = irisRows()
    rows[3]![4] = NaN
    rows[5]![1] = 1e150
    rows[7]![2] = Infinity
    rows[9]![4] = 9
    for (const row of rows) row[0] = 5
    const { reasons } = await inspect(npyOf(rows))
    expect(reasons).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ code: 'MissingValue', column: 'target', row: 3 }),
        expect.objectContaining({ code: 'ValueTooLarge', column: 'feature_1', row: 5 }),
        expect.objectContaining({ code: 'InfiniteValue', column: 'feature_2', row: 7 }),
        expect.objectContaining({ code: 'ClassWithOneRow', row: 9 }),
        expect.objectContaining({ code: 'ConstantColumn', column: 'feature_0' }),
      ]),
    )
  })

  it('names the first cells and counts the rest', async () => {
    const rows = irisRows().map((row) => [Infinity, ...row])
    const { reasons } = await inspect(npyOf(rows))
    const infinite = reasons.filter((reason) => reason.code === 'InfiniteValue')
    expect(infinite).toHaveLength(21)
    expect(infinite.at(-1)!.message).toContain('130 more')
  })

  it.each<[string, Uint8Array, string]>([
    ['an empty file', new Uint8Array(0), 'NpyInvalid'],
    ['garbage', csv('not an array at all'), 'NpyInvalid'],
    ['a pickle', Uint8Array.from([0x80, 4, 0x95, 0, 0, 0, 0]), 'NpyInvalid'],
    ['one axis', writeNpy({ shape: [8], data: new Float64Array(8) }), 'ShapeInvalid'],
    ['three axes', writeNpy({ shape: [2, 2, 2], data: new Float64Array(8) }), 'ShapeInvalid'],
    ['one column', writeNpy({ shape: [8, 1], data: new Float64Array(8) }), 'ShapeInvalid'],
    ['no rows', writeNpy({ shape: [0, 5], data: new Float64Array(0) }), 'TooFewRows'],
    ['few rows', npyOf(irisRows().slice(46, 55)), 'TooFewRows'],
    ['one class', npyOf(irisRows().slice(0, 50)), 'OneClass'],
    ['copies of rows', npyOf([0, 1, 2].flatMap(() => irisRows())), 'DuplicateRows'],
    ['a constant quantity', npyOf(irisRows().map((row) => [...row, 0.5])), 'ConstantTarget'],
    ['a column without a value', npyOf(irisRows().map((row) => [NaN, ...row])), 'ConstantColumn'],
  ])('refuses %s', async (_, bytes, code) => {
    expect(await codes(bytes)).toContain(code)
  })

  it('accepts what the uploader says is known', async () => {
    const copies = npyOf([0, 1, 2].flatMap(() => irisRows()))
    expect(await codes(copies, { accept: ['DuplicateRows'] })).toEqual([])
  })

  it('refuses algorithms and options that there are not', async () => {
    expect(await codes(irisNpy(), { algorithms: ['svc', '__proto__'] })).toEqual([
      'AlgorithmUnknown',
    ])
    expect(await codes(irisNpy(), { hyperparameters: { svc: { D: 1 } } })).toEqual([
      'HyperparameterInvalid',
    ])
    expect(await codes(irisNpy(), { featureNames: ['a', 'b', 'c'] })).toContain(
      'ConfigurationInvalid',
    )
  })

  it('refuses a training in which every algorithm asked for is over its row cap', async () => {
    const rows = Array.from({ length: 20 }, () => irisRows())
      .flat()
      .map((row, i) => [row[0]! + i / 1e6, ...row.slice(1)])
    expect(await codes(npyOf(rows), { algorithms: ['ml-svm'] })).toEqual(['RowCapExceeded'])
    expect(await codes(npyOf(rows), { algorithms: ['ml-svm', 'majority'] })).toEqual([])
  })

  it('says which algorithms there are not for a task', async () => {
    const quantity = npyOf(irisRows().map((row, i) => [...row, i / 7]))
    const { reasons } = await inspect(quantity, { algorithms: ['svc', 'ridge'] })
    expect(reasons).toEqual([
      {
        code: 'TaskUnsupported',
        message: expect.stringMatching(
          /^svc is for classification, not for regression, .*ridge/,
        ) as string,
      },
    ])
    const options = { hyperparameters: { svc: { C: 1 } } }
    expect(await codes(quantity, options)).toEqual(['TaskUnsupported'])
    expect(await codes(quantity, { task: 'clustering', algorithms: ['ridge'] })).toEqual([
      'TaskUnsupported',
    ])
  })

  it('says what it leaves out of the race for the size, and what it races instead', async () => {
    const rows = Array.from({ length: 3000 }, (_, i) => [i, (i * 7919) % 3001, i % 2])
    const { reasons, description } = await inspect(npyOf(rows), {
      algorithms: ['ml-svm', 'logistic-regression'],
    })
    expect(reasons).toEqual([])
    expect(description!.candidates).toEqual(['logistic-regression', 'majority'])
    expect(description!.leftOut).toEqual([
      {
        algorithm: 'ml-svm',
        instead: 'logistic-regression',
        reason: expect.stringContaining('rows that ml-svm learns from') as string,
      },
    ])
  })

  it('takes quantities, and what it races for them', async () => {
    const rows = Array.from({ length: 400 }, (_, i) => [i, Math.sin(i), i / 7])
    expect(await inspect(npyOf(rows))).toMatchObject({
      reasons: [],
      description: { task: 'regression', features: 2 },
      candidates: ['ridge', 'random-forest', 'gradient-boosting', 'mean'].map((algorithm) => ({
        algorithm,
      })),
    })
  })

  it('refuses a quantity that is text, or the same in all that is learned from', async () => {
    const text = csv(['a,b', ...irisRows().map((row, i) => `${row[0]! + i},x${i % 9}`)].join('\n'))
    expect(await codes(text, { task: 'regression' }, 'csv')).toEqual(['TaskUnsupported'])
    const onlyRow = (k: number) => npyOf(irisRows().map((row, i) => [...row, i === k ? 1.5 : 1]))
    const form = { format: 'npy', configuration: { task: 'regression' } } as const
    const isHeldOut = (k: number) =>
      splitDataset(datasetOf(onlyRow(k), form), splitRuleOf({})).heldOut.includes(k)
    const heldOut = irisRows().findIndex((_, k) => isHeldOut(k))
    expect(await codes(onlyRow(heldOut), form.configuration)).toEqual(['SplitImpossible'])
  })

  it('takes every column as a feature when groups are asked for', async () => {
    const { reasons, description, candidates } = await inspect(irisNpy(), { task: 'clustering' })
    expect(reasons).toEqual([])
    expect(description).toMatchObject({ task: 'clustering', features: 5 })
    expect(description!.columns).toHaveLength(5)
    expect(candidates).toEqual([{ algorithm: 'k-means', place: 'function' }])
    const one = writeNpy({
      shape: [40, 1],
      data: Float64Array.from({ length: 40 }, (_, i) => Math.sin(i)),
    })
    expect(await codes(one, { task: 'clustering' })).toEqual([])
    expect(await codes(irisNpy(), { task: 'clustering', target: 'target' })).toEqual([
      'ConfigurationInvalid',
    ])
    const many = { 'k-means': { nClusters: 100 } }
    expect(await codes(irisNpy(), { task: 'clustering', hyperparameters: many })).toEqual([
      'HyperparameterInvalid',
    ])
    expect(await codes(npyOf(irisRows().slice(40, 60)), { task: 'clustering' })).toEqual([
      'TooFewRows',
    ])
  })

  it('takes missing features, and says what stands in for them', async () => {
    const rows = irisRows()
    rows[3]![1] = NaN
    rows[4]![1] = NaN
    const { reasons, description } = await inspect(npyOf(rows))
    expect(reasons).toEqual([])
    expect(description!.notes).toEqual([
      expect.stringMatching(/^2 values are missing in 1 columns/),
    ])
    expect(description!.columns[1]).toMatchObject({ missing: 2 })
  })

  it('takes text features as categories, unless they are as many as names', async () => {
    const lines = irisRows().map((row, i) => `${row.join(',')}`.replace(/^/, `id ${i},`))
    const named = csv(['id,a,b,c,d,kind', ...lines].join('\n'))
    expect((await inspect(named, {}, 'csv')).reasons).toEqual([
      expect.objectContaining({ code: 'TextColumn', column: 'id' }),
    ])
    const few = csv(
      [
        'id,a,b,c,d,kind',
        ...lines.map((line) => line.replace(/^id (\d+)/, (_, i) => `g${Number(i) % 3}`)),
      ].join('\n'),
    )
    const { reasons, description } = await inspect(few, {}, 'csv')
    expect(reasons).toEqual([])
    expect(description!.categories).toEqual({ id: ['g0', 'g1', 'g2'] })
    expect(description!.notes[0]).toContain('id')
  })

  it('reads a CSV with text labels', async () => {
    const lines = irisRows().map((row) => [...row.slice(0, 4), `species ${row[4]}`].join(','))
    const good = csv(['a,b,c,d,species', ...lines].join('\n'))
    expect(await inspect(good, {}, 'csv')).toMatchObject({
      reasons: [],
      description: { task: 'classification', features: 4 },
    })
    expect(await codes(good, { target: 'nowhere' }, 'csv')).toEqual(['TargetNotFound'])
  })
})
