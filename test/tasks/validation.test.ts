import { describe, expect, it } from 'vitest'
import { writeNpy } from '../../ml/data/index.ts'
import { inspectUpload } from '../../tasks/inspect-upload.ts'
import type { TrainingConfiguration } from '../../tasks/training-configuration.ts'
import { irisNpy, irisRows, npyOf } from '../fixtures/iris.ts'

async function inspect(
  bytes: Uint8Array,
  configuration: TrainingConfiguration = {},
  format: 'npy' | 'csv' = 'npy',
) {
  return inspectUpload.run({ bytes, form: { format, configuration } })
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
    expect(candidates).toEqual(['svc', 'logistic-regression', 'majority'])
  })

  it('says every reason at once, with columns and rows', async () => {
    const rows = irisRows()
    rows[3]![1] = NaN
    rows[7]![2] = Infinity
    rows[9]![4] = 9
    for (const row of rows) row[0] = 5
    const { reasons } = await inspect(npyOf(rows))
    expect(reasons).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ code: 'MissingValue', column: 'feature_1', row: 3 }),
        expect.objectContaining({ code: 'InfiniteValue', column: 'feature_2', row: 7 }),
        expect.objectContaining({ code: 'ClassWithOneRow', row: 9 }),
        expect.objectContaining({ code: 'ConstantColumn', column: 'feature_0' }),
      ]),
    )
  })

  it('names the first cells and counts the rest', async () => {
    const rows = irisRows().map((row) => [NaN, ...row])
    const { reasons } = await inspect(npyOf(rows))
    const missing = reasons.filter((reason) => reason.code === 'MissingValue')
    expect(missing).toHaveLength(21)
    expect(missing.at(-1)!.message).toContain('130 more')
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
    ['a quantity as target', npyOf(irisRows().map((row, i) => [...row, i / 7])), 'TaskUnsupported'],
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

  it('reads a CSV with text labels and refuses text features by name', async () => {
    const lines = irisRows().map((row) => [...row.slice(0, 4), `species ${row[4]}`].join(','))
    const good = csv(['a,b,c,d,species', ...lines].join('\n'))
    expect(await inspect(good, {}, 'csv')).toMatchObject({
      reasons: [],
      description: { task: 'classification', features: 4 },
    })
    const bad = csv(
      ['a,b,c,d,species,last', ...lines.map((line, i) => `${line},${i % 2}`)].join('\n'),
    )
    expect((await inspect(bad, {}, 'csv')).reasons).toEqual([
      expect.objectContaining({ code: 'TextColumn', column: 'species' }),
    ])
    expect(await codes(good, { target: 'nowhere' }, 'csv')).toEqual(['TargetNotFound'])
  })
})
