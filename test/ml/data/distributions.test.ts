import { describe, expect, it } from 'vitest'
import { correlations, histogram } from '../../../ml/data/index.ts'

describe('a histogram', () => {
  it('counts values in bins of equal width, the greatest in the last', () => {
    const { edges, counts } = histogram(Float64Array.of(0, 1, 1.9, 2, 3, 4), 2)
    expect(edges).toEqual([0, 2, 4])
    expect(counts).toEqual([3, 3])
  })

  it('leaves out what is no finite number', () => {
    const { counts } = histogram(Float64Array.of(NaN, Infinity, 1, -Infinity, 2), 4)
    expect(counts).toEqual([1, 0, 0, 1])
  })

  it('has one bin for equal values and none for no value', () => {
    expect(histogram(Float64Array.of(7, 7), 20)).toEqual({ edges: [7, 7], counts: [2] })
    expect(histogram(Float64Array.of(NaN), 20)).toEqual({ edges: [], counts: [] })
  })

  it.each([
    [-1.7e308, 1.7e308],
    [-5e-324, 5e-324],
    [1, 1 + Number.EPSILON],
  ])('counts every value from %s to %s', (least, greatest) => {
    const { edges, counts } = histogram(Float64Array.of(least, greatest), 20)
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(2)
    expect([edges[0], edges.at(-1)]).toEqual([least, greatest])
    expect(edges.every(Number.isFinite)).toBe(true)
  })
})

describe('correlations', () => {
  const column = (...values: number[]) => Float64Array.from(values)

  it('are 1 and -1 of what rises and falls in proportion, whatever the scale', () => {
    const rising = column(1, 2, 3, 4)
    const falling = column(-1e300, -2e300, -3e300, -4e300)
    const [[own, other]] = correlations([rising, falling]) as [[number, number], number[]]
    expect(own).toBeCloseTo(1, 12)
    expect(other).toBeCloseTo(-1, 12)
  })

  it('are Pearson’s', () => {
    // statistics.correlation of Python.
    const [[, value]] = correlations([column(1, 2, 3, 4, 5), column(2, 1, 4, 3, 7)]) as [
      [number, number],
      number[],
    ]
    expect(value).toBeCloseTo(0.8241633836921342, 12)
  })

  it('take the rows where both columns have a value', () => {
    const [[, value]] = correlations([column(1, 2, NaN, 3, 9), column(1, 2, 50, 3, Infinity)]) as [
      [number, number],
      number[],
    ]
    expect(value).toBeCloseTo(1, 12)
  })

  it('are null of a column that does not vary, or has nothing', () => {
    const varying = column(1, 2, 3)
    expect(correlations([varying, column(0.1, 0.1, 0.1), column(NaN, NaN, NaN)])[0]).toEqual([
      expect.closeTo(1, 12),
      null,
      null,
    ])
  })
})
