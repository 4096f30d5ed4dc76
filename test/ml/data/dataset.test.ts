import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  datasetFromCsv,
  datasetFromMatrix,
  datasetFromNpy,
  matrixFromRows,
  parseCsv,
  parseNpy,
  seededRandom,
  taskOf,
  writeNpy,
} from '../../../ml/data/index.ts'
import { errorOf } from './npy-bytes.ts'

const csv = (text: string) => parseCsv(Buffer.from(text))

describe('datasetFromMatrix', () => {
  it('is the same dataset in the memory of the matrix', () => {
    const rows = [
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ]
    const array = { shape: [3, 3], data: Float64Array.from(rows.flat()) }
    for (const options of [{}, { target: null }] as const) {
      const own = matrixFromRows(rows)
      const dataset = datasetFromMatrix(own, options)
      expect(dataset).toEqual(datasetFromNpy(parseNpy(writeNpy(array)), options))
      expect(dataset.features.data.buffer).toBe(own.data.buffer)
    }
  })
})

describe('datasetFromNpy', () => {
  it('takes the last column as the target, from either order', () => {
    for (const array of [
      { shape: [2, 3], data: Float64Array.of(1, 2, 0, 3, 4, 1) },
      { shape: [2, 3], fortranOrder: true, data: Float64Array.of(1, 3, 2, 4, 0, 1) },
    ]) {
      expect(datasetFromNpy(parseNpy(writeNpy(array)))).toEqual({
        features: { data: Float64Array.of(1, 2, 3, 4), rows: 2, cols: 2 },
        target: Float64Array.of(0, 1),
        featureNames: ['feature_0', 'feature_1'],
        targetName: 'target',
        textFeatures: [],
      })
    }
  })

  it('takes an array without rows, and refuses one without two columns', async () => {
    const of = (shape: number[]) => () => {
      const length = shape.reduce((product, n) => product * n, 1)
      return datasetFromNpy(parseNpy(writeNpy({ shape, data: new Float64Array(length) })))
    }
    expect(of([0, 3])()).toMatchObject({ features: { rows: 0, cols: 2 } })
    for (const shape of [[3, 1], [3, 0], [3], [], [1, 2, 3]]) {
      expect(await errorOf(of(shape))).toMatchObject({ name: 'ShapeInvalid' })
    }
  })
})

describe('datasetFromCsv', () => {
  it('takes the last column as the target, or the named one', () => {
    const table = csv('a,b,c\n1,2,3\n4,5,6\n')
    expect(datasetFromCsv(table)).toMatchObject({
      featureNames: ['a', 'b'],
      targetName: 'c',
      target: Float64Array.of(3, 6),
    })
    expect(datasetFromCsv(table, { target: 'a' })).toEqual({
      features: { data: Float64Array.of(2, 3, 5, 6), rows: 2, cols: 2 },
      target: Float64Array.of(1, 4),
      featureNames: ['b', 'c'],
      targetName: 'a',
      textFeatures: [],
    })
  })

  it('numbers the sorted labels of a text target, missing ones NaN', () => {
    const dataset = datasetFromCsv(csv('a,y\n1,dog\n2,cat\n3,NA\n4,dog\n5,__proto__\n'))
    expect(dataset.classLabels).toEqual(['__proto__', 'cat', 'dog'])
    expect([...dataset.target]).toEqual([2, 1, NaN, 2, 0])
    expect(taskOf(dataset)).toBe('classification')
  })

  it('lists text features, with NaN for their values', () => {
    const dataset = datasetFromCsv(csv('a,b,y\n1,x,0\n2,y,1\n'))
    expect(dataset.textFeatures).toEqual(['b'])
    expect([...dataset.features.data]).toEqual([1, NaN, 2, NaN])
  })

  it('refuses an unknown target and a single column', async () => {
    expect(
      await errorOf(() => datasetFromCsv(csv('a,b\n1,2\n'), { target: 'toString' })),
    ).toMatchObject({ name: 'TargetNotFound', found: 'toString' })
    expect(await errorOf(() => datasetFromCsv(csv('a\n1\n')))).toMatchObject({
      name: 'ShapeInvalid',
    })
  })
})

describe('taskOf', () => {
  const cycle = (distinct: number, rows: number) =>
    taskOf({ target: Float64Array.from({ length: rows }, (_, i) => i % distinct) })

  it('sees classes in few distinct integers with some rows each', () => {
    expect(cycle(3, 150)).toBe('classification')
    expect(cycle(110, 880)).toBe('classification')
    expect(cycle(2, 2)).toBe('classification')
    expect(cycle(1, 1)).toBe('classification')
    expect(cycle(20, 40)).toBe('classification')
    expect(cycle(200, 1000)).toBe('classification')
    expect(taskOf({ target: Float64Array.of(1, -1, NaN, 1) })).toBe('classification')
  })

  it('sees quantities in all else', () => {
    expect(cycle(3, 4)).toBe('regression')
    expect(cycle(20, 39)).toBe('regression')
    expect(cycle(201, 100_000)).toBe('regression')
    expect(cycle(21, 104)).toBe('regression')
    expect(taskOf({ target: Float64Array.of(0, 1, 0.5, 1) })).toBe('regression')
    expect(taskOf({ target: Float64Array.of(0, 1, Infinity) })).toBe('regression')
    expect(taskOf({ target: Float64Array.of(NaN) })).toBe('regression')
    expect(taskOf({ target: new Float64Array(0) })).toBe('regression')
    const random = seededRandom(1)
    const price = Float64Array.from({ length: 5000 }, () => Math.floor(300 + random() * 18000))
    expect(taskOf({ target: price })).toBe('regression')
  })

  const shared = (name: string) => new URL(`../../../../shared/data/${name}`, import.meta.url)
  const atHand = existsSync(shared('diamonds.csv')) && existsSync(shared('Train_keystroke.csv'))
  it.skipIf(!atHand)('judges real tables (when at hand beside this checkout)', () => {
    const read = (name: string) => parseCsv(readFileSync(shared(name)))
    expect(taskOf(datasetFromCsv(read('diamonds.csv'), { target: 'price' }))).toBe('regression')
    expect(taskOf(datasetFromCsv(read('Train_keystroke.csv'), { target: 'user' }))).toBe(
      'classification',
    )
    const iris = datasetFromNpy(parseNpy(new Uint8Array(readFileSync(shared('sample_data.npy')))))
    expect(taskOf(iris)).toBe('classification')
    expect([...iris.features.data.subarray(0, 4)]).toEqual([5.1, 3.5, 1.4, 0.2])
  })
})
