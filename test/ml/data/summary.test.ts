import { describe, expect, it } from 'vitest'
import {
  duplicateRows,
  matrix,
  matrixFromRows,
  permutation,
  seededRandom,
  summarize,
  summarizeColumn,
  takeRows,
} from '../../../ml/data/index.ts'

describe('summarize', () => {
  it('describes each column by its finite values', () => {
    const m = matrixFromRows([
      [1, NaN],
      [2, Infinity],
      [3, -Infinity],
      [4, 7],
      [4, NaN],
    ])
    expect(summarize(m, ['a', 'b'])).toEqual([
      {
        name: 'a',
        count: 5,
        missing: 0,
        infinite: 0,
        distinct: 4,
        min: 1,
        max: 4,
        mean: 2.8,
        standardDeviation: expect.closeTo(Math.sqrt(1.36), 12) as unknown,
        quantiles: { q05: 1.2, q25: 2, q50: 3, q75: 4, q95: 4 },
      },
      {
        name: 'b',
        count: 5,
        missing: 2,
        infinite: 2,
        distinct: 1,
        min: 7,
        max: 7,
        mean: 7,
        standardDeviation: 0,
        quantiles: { q05: 7, q25: 7, q50: 7, q75: 7, q95: 7 },
      },
    ])
  })

  it('has no figures for a column that is empty, all missing, or too large to add up', () => {
    const none = { min: null, max: null, mean: null, standardDeviation: null, distinct: 0 }
    expect(summarizeColumn(new Float64Array(0), 'a')).toMatchObject({ count: 0, ...none })
    expect(summarizeColumn(Float64Array.of(NaN, NaN), 'a')).toMatchObject({ missing: 2, ...none })
    const huge = summarizeColumn(Float64Array.of(1e308, 1.5e308, 1.7e308), 'a')
    expect(huge).toMatchObject({ min: 1e308, mean: null, standardDeviation: null })
    expect(JSON.parse(JSON.stringify(huge))).toEqual(huge)
  })

  it('is the same for rows in another order, and leaves its input alone', () => {
    const random = seededRandom(5)
    const m = matrix(Float64Array.from({ length: 3000 }, random), 1000, 3)
    const before = m.data.slice()
    const shuffled = takeRows(m, permutation(1000, seededRandom(6)))
    expect(summarize(shuffled, ['a', 'b', 'c'])).toEqual(summarize(m, ['a', 'b', 'c']))
    expect(m.data).toEqual(before)
  })

  it('takes -0 as 0, and wants one name a column', () => {
    expect(summarizeColumn(Float64Array.of(-0, 0), 'a')).toMatchObject({ distinct: 1, min: 0 })
    expect(() => summarize(matrix(new Float64Array(2), 1, 2), ['a'])).toThrow(RangeError)
  })
})

describe('duplicateRows', () => {
  it('counts the rows that repeat another one', () => {
    const m = matrixFromRows([
      [1, 2],
      [2, 1],
      [1, 2],
      [0, NaN],
      [-0, NaN],
      [1, 2],
    ])
    expect(duplicateRows(m)).toEqual({ count: 3, share: 0.5 })
  })

  it('agrees with a count by text on random rows', () => {
    const random = seededRandom(9)
    const data = Float64Array.from({ length: 3000 }, () => Math.floor(random() * 8))
    const m = matrix(data, 1000, 3)
    const texts = new Set(
      Array.from({ length: 1000 }, (_, i) => data.slice(i * 3, i * 3 + 3).join()),
    )
    expect(duplicateRows(m).count).toBe(1000 - texts.size)
  })

  it('takes no rows, one row and rows without columns', () => {
    expect(duplicateRows(matrix(new Float64Array(0), 0, 3))).toEqual({ count: 0, share: 0 })
    expect(duplicateRows(matrix(new Float64Array(3), 1, 3)).count).toBe(0)
    expect(duplicateRows(matrix(new Float64Array(0), 3, 0)).count).toBe(2)
  })

  it('takes the target as a part of the row', () => {
    const m = matrixFromRows([[1], [1], [1], [2]])
    expect(duplicateRows(m, Float64Array.of(7, 8, 7, 7)).count).toBe(1)
    expect(duplicateRows(m, Float64Array.of(NaN, NaN, 0, -0)).count).toBe(1)
  })
})
