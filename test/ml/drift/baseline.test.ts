import { describe, expect, it } from 'vitest'
import { matrix, matrixFromRows, rowOf, type Matrix } from '../../../ml/data/matrix.ts'
import {
  baselineFromTensors,
  baselineToTensors,
  compareBatch,
  makeBaseline,
} from '../../../ml/drift/index.ts'
import { normalLike } from './golden-streams.ts'

const options = { featureNames: ['a', 'b', 'c'], seed: 7 }

/** Three features: the row's number, near-normal values, and a constant. */
function rows(n: number): Matrix {
  const noise = normalLike(n)
  return matrixFromRows(Array.from({ length: n }, (_, i) => [i, noise(), 4]))
}

describe('makeBaseline', () => {
  it('describes every feature by all rows', () => {
    const [a, b, c] = makeBaseline(rows(101), options).features
    expect(a).toMatchObject({ name: 'a', count: 101, missing: 0, mean: 50, min: 0, max: 100 })
    expect(a!.quantiles).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100])
    expect(a!.deviation).toBeCloseTo(Math.sqrt((101 ** 2 - 1) / 12), 10)
    expect(b!.mean).toBeCloseTo(0, 0)
    expect(c).toMatchObject({ mean: 4, deviation: 0, min: 4, max: 4 })
  })

  it('counts every usable value once in the histogram and in the quantile bins', () => {
    for (const { histogram, quantileBins, count, min, max } of makeBaseline(rows(997), options)
      .features) {
      const total = (counts: readonly number[]) => counts.reduce((left, right) => left + right, 0)
      expect(total(histogram.counts)).toBe(count)
      expect(total(quantileBins.counts)).toBe(count)
      expect([histogram.edges[0], histogram.edges.at(-1)]).toEqual([min, max])
      expect(histogram.edges.length).toBe(histogram.counts.length + 1)
      expect(quantileBins.counts.length).toBe(quantileBins.edges.length + 2)
    }
  })

  it('draws whole rows, each once, in their order, the same for the same seed', () => {
    const X = rows(5000)
    const { sample } = makeBaseline(X, options)
    expect([sample.rows, sample.cols]).toEqual([1000, 3])
    const numbers = Array.from({ length: 1000 }, (_, k) => sample.data[k * 3]!)
    numbers.forEach((number, k) => {
      expect(rowOf(sample, k)).toEqual(rowOf(X, number))
      if (k > 0) expect(number).toBeGreaterThan(numbers[k - 1]!)
    })
    expect(makeBaseline(X, options).sample).toEqual(sample)
    expect(makeBaseline(X, { ...options, seed: 8 }).sample).not.toEqual(sample)
    const meanNumber = numbers.reduce((sum, number) => sum + number, 0) / 1000
    expect(Math.abs(meanNumber - 2500)).toBeLessThan(200)
  })

  it('keeps all rows where there are no more than asked for', () => {
    const X = rows(150)
    expect(makeBaseline(X, options).sample).toEqual(X)
    expect(makeBaseline(X, { ...options, sampleRows: 20 }).sample.rows).toBe(20)
  })

  it('leaves its input as it was', () => {
    const X = rows(50)
    const before = X.data.slice()
    makeBaseline(X, options)
    expect(X.data).toEqual(before)
  })

  it('counts what is not finite or too large as missing', () => {
    const X = matrixFromRows([[1], [NaN], [Infinity], [-Infinity], [1e300], [3]])
    const [feature] = makeBaseline(X, { featureNames: ['x'], seed: 1 }).features
    expect(feature).toMatchObject({ count: 2, missing: 4, mean: 2, min: 1, max: 3 })
  })

  it.each([
    ['no rows', matrix(new Float64Array(0), 0, 1)],
    ['nothing usable', matrixFromRows([[NaN], [Infinity]])],
    ['one row', matrixFromRows([[5]])],
    ['huge values', matrixFromRows([[1e140], [-1e140], [1e140]])],
    ['tiny values', matrixFromRows([[5e-324], [0], [1e-323]])],
    ['neighbouring doubles', matrixFromRows([[1], [1 + 2 ** -52], [1 + 2 ** -51], [1]])],
    ['negative zero', matrixFromRows([[-0], [0], [-0]])],
  ])('makes finite numbers of %s, which can be saved and compared', (_, X) => {
    const baseline = makeBaseline(X, { featureNames: ['x'], seed: 1 })
    const { json, sample } = baselineToTensors(baseline)
    expect(json).not.toContain('null')
    expect(baselineFromTensors({ json, sample }).features.length).toBe(1)
    expect(compareBatch(baseline, X, { seed: 1 }).verdict).toBe('insufficient')
  })

  it('refuses rows that do not fit the names, and impossible options', () => {
    const X = rows(5)
    const refused = (X: Matrix, options: unknown, name: string) => {
      expect(() => makeBaseline(X, options as { featureNames: string[]; seed: number })).toThrow(
        expect.objectContaining({ name }),
      )
    }
    refused(X, { featureNames: ['a'], seed: 1 }, 'DriftRowsInvalid')
    refused({ ...X, rows: 4 }, options, 'DriftRowsInvalid')
    refused(matrix(new Float64Array(0), 5, 0), { featureNames: [], seed: 1 }, 'DriftRowsInvalid')
    refused(X, { ...options, seed: 0.5 }, 'DriftOptionsInvalid')
    refused(X, { ...options, sampleRows: 0 }, 'DriftOptionsInvalid')
    refused(X, { ...options, samples: 10 }, 'DriftOptionsInvalid')
    refused(X, { featureNames: [1, 2, 3], seed: 1 }, 'DriftOptionsInvalid')
  })
})

describe('baselineToTensors and baselineFromTensors', () => {
  const baseline = makeBaseline(rows(1500), options)
  const saved = baselineToTensors(baseline)

  it('give back the same baseline', () => {
    expect(baselineFromTensors(saved)).toEqual(baseline)
  })

  it('take any feature name', () => {
    const featureNames = ['__proto__', '', '"x"\u0000\n']
    const odd = makeBaseline(rows(40), { featureNames, seed: 1 })
    const loaded = baselineFromTensors(baselineToTensors(odd))
    expect(loaded.features.map(({ name }) => name)).toEqual(featureNames)
  })

  it('refuse a sample that is not the baseline’s', () => {
    const { json, sample } = saved
    const bad: Matrix[] = [
      { ...sample, cols: 2 },
      { ...sample, rows: 999 },
      { ...sample, data: sample.data.subarray(3) },
      { data: new Float64Array(1501 * 3), rows: 1501, cols: 3 },
      { ...sample, data: Array.from(sample.data) as unknown as Float64Array },
    ]
    for (const sample of bad) {
      expect(() => baselineFromTensors({ json, sample })).toThrow(
        expect.objectContaining({ name: 'DriftBaselineInvalid' }),
      )
    }
  })

  it('refuse JSON that is not a baseline', () => {
    const parsed = JSON.parse(saved.json) as { features: Record<string, unknown>[] }
    const withFeature = (change: Record<string, unknown>) => ({
      ...parsed,
      features: [{ ...parsed.features[0], ...change }, ...parsed.features.slice(1)],
    })
    const bad: unknown[] = [
      null,
      [],
      {},
      { ...parsed, version: 2 },
      { ...parsed, rows: -1 },
      { ...parsed, features: [] },
      { ...parsed, extra: 1 },
      withFeature({ name: 1 }),
      withFeature({ count: 1499 }),
      withFeature({ count: 1e9 }),
      withFeature({ deviation: -1 }),
      withFeature({ mean: null }),
      withFeature({ quantiles: [1, 2, 3] }),
      withFeature({ quantiles: Array.from({ length: 11 }, (_, i) => -i) }),
      withFeature({ histogram: { edges: [0, 1], counts: [7] } }),
      withFeature({ quantileBins: { edges: [], counts: [] } }),
    ]
    for (const json of [...bad.map((value) => JSON.stringify(value)), '', '{', 'NaN']) {
      expect(() => baselineFromTensors({ json, sample: saved.sample }), json.slice(0, 80)).toThrow(
        expect.objectContaining({ name: 'DriftBaselineInvalid' }),
      )
    }
  })
})
