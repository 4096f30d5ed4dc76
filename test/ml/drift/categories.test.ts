import { describe, expect, it } from 'vitest'
import { matrix } from '../../../ml/data/matrix.ts'
import { seededRandom } from '../../../ml/data/random.ts'
import {
  baselineFromTensors,
  baselineToTensors,
  chiSquare,
  compareBatch,
  makeBaseline,
  withPredictions,
} from '../../../ml/drift/index.ts'

const labels = ['red', 'green', 'blue']
const options = { featureNames: ['size', 'color'], seed: 1, categories: [null, labels] }

/** A quantity, and a category with the given shares of red and green; what is beyond them is new. */
function rows(n: number, seed: number, red: number, green: number, blue = 1 - red - green) {
  const random = seededRandom(seed)
  const color = (u: number) => [red, red + green, red + green + blue].findIndex((end) => u < end)
  const data = Float64Array.from({ length: 2 * n }, (_, k) =>
    k % 2 === 0 ? random() : color(random()),
  )
  return matrix(data, n, 2)
}

const baseline = makeBaseline(rows(3000, 1, 0.5, 0.3), options)

describe('a baseline of categories', () => {
  it('counts them by label', () => {
    const [size, color] = baseline.features
    expect(size!.categories).toBeNull()
    expect(color!.categories!.labels).toEqual(labels)
    const { counts } = color!.categories!
    expect(counts.reduce((sum, count) => sum + count)).toBe(3000)
    expect(counts[0]! / 3000).toBeCloseTo(0.5, 1)
  })

  it('has the target and the predictions, and keeps them through a file', () => {
    const X = rows(500, 2, 0.5, 0.3)
    const values = Float64Array.from({ length: 500 }, (_, i) => i % 2)
    const target = { name: 'kind', values, categories: ['no', 'yes'] }
    const sketch = makeBaseline(X, { ...options, target, sampleRows: 100 })
    expect(sketch.target!.categories!.counts).toEqual([250, 250])
    const predict = (row: Float64Array) => (row[0]! < 2 ? 1 : 0)
    const whole = withPredictions(sketch, { predict, categories: ['no', 'yes'] })
    expect(whole.predictions!.categories!.counts).toEqual([0, 100])
    expect(baselineFromTensors(baselineToTensors(whole))).toEqual(whole)
    expect(values[1]).toBe(1)
  })

  it('is refused where its counts cannot be', () => {
    const { json, sample } = baselineToTensors(baseline)
    const parsed = JSON.parse(json) as { features: object[] }
    for (const categories of [
      { labels, counts: [1, 2] },
      { labels, counts: [3000, 1, 0] },
      { labels: [1, 2, 3], counts: [0, 0, 0] },
      { labels, counts: [-1, 0, 0] },
      [],
    ]) {
      const features = [parsed.features[0], { ...parsed.features[1], categories }]
      const broken = JSON.stringify({ ...parsed, features })
      expect(() => baselineFromTensors({ json: broken, sample })).toThrow(
        expect.objectContaining({ name: 'DriftBaselineInvalid' }),
      )
    }
    expect(() => makeBaseline(rows(5, 1, 1, 0), { ...options, categories: [labels] })).toThrow(
      expect.objectContaining({ name: 'DriftOptionsInvalid' }),
    )
  })
})

describe('compareBatch of categories', () => {
  it('keeps to its level where the shares stay', () => {
    let alarms = 0
    for (let seed = 0; seed < 200; seed++) {
      const fresh = makeBaseline(rows(150, 2 * seed, 0.5, 0.3), options)
      const { verdict } = compareBatch(fresh, rows(150, 2 * seed + 1, 0.5, 0.3), { seed })
      if (verdict !== 'none') alarms++
    }
    expect(alarms).toBeLessThanOrEqual(2)
  })

  it('names the feature and the category whose share changed', () => {
    const { verdict, reasons, features } = compareBatch(baseline, rows(500, 3, 0.2, 0.6), {
      seed: 1,
    })
    expect(verdict).toBe('drift')
    expect(features.map((feature) => feature.verdict)).toEqual(['none', 'drift'])
    expect(features[1]).toMatchObject({ tests: null, mean: null })
    expect(features[1]!.categoryTests).toMatchObject({ newShare: 0 })
    expect(reasons[0]).toMatch(/"color" drifted: category "(red|green)" from \d\S*% to \d\S*%/)
    expect(reasons[0]).toMatch(/chi-square \d+ of 2 degrees/)
  })

  it('finds categories that the baseline does not know, also few among few rows', () => {
    const { verdict, features } = compareBatch(baseline, rows(40, 3, 0.4, 0.2, 0.1), { seed: 1 })
    expect(verdict).toBe('drift')
    expect(features[1]!.categoryTests!.newShare).toBeGreaterThan(0.1)
  })

  it('does not tell of a change too small to matter, however many rows prove it', () => {
    const large = makeBaseline(rows(20_000, 1, 0.5, 0.3), { ...options, sampleRows: 20_000 })
    const report = compareBatch(large, rows(20_000, 9, 0.53, 0.27), { seed: 1 })
    expect(report.features[1]!.adjustedPValue).toBeLessThan(1e-3)
    expect(report.verdict).toBe('none')
  })

  it('judges nothing on fewer than 30 values, and survives any value', () => {
    const few = compareBatch(baseline, rows(29, 3, 0.5, 0.3), { seed: 1 })
    expect(few.features[1]).toMatchObject({ verdict: 'insufficient', categoryTests: null })
    const odd = rows(60, 3, 0.5, 0.3)
    ;[NaN, Infinity, -1, 0.5, 1e300, 3].forEach((value, i) => (odd.data[2 * i + 1] = value))
    const report = compareBatch(baseline, odd, { seed: 1 })
    expect(report.features[1]).toMatchObject({ count: 58, missing: 2 })
    expect(JSON.parse(JSON.stringify(report))).toEqual(report)
  })
})

describe('chiSquare', () => {
  it("equals scipy's where no category is rare", () => {
    const small = chiSquare([50, 30, 20], [30, 40, 35])
    expect(small.statistic).toBeCloseTo(10.40371830550402, 12)
    expect(small.pValue).toBeCloseTo(0.005506317812792381, 12)
    const many = chiSquare(
      new Array<number>(20).fill(10),
      Array.from({ length: 20 }, (_, i) => i + 6),
    )
    expect(many).toMatchObject({ degreesOfFreedom: 19 })
    expect(many.pValue).toBeCloseTo(0.4854457515261864, 11)
  })

  it('counts rare categories together and stays within [0, 1]', () => {
    expect(chiSquare([500, 300, 1, 2], [50, 30, 1, 0]).degreesOfFreedom).toBe(1)
    expect(chiSquare([1000, 0], [0, 1000]).pValue).toBe(0)
    expect(chiSquare([5], [6]).pValue).toBe(1)
    expect(chiSquare([5, 6], [0, 0])).toEqual({ statistic: 0, degreesOfFreedom: 0, pValue: 1 })
    expect(chiSquare([], [])).toEqual({ statistic: 0, degreesOfFreedom: 0, pValue: 1 })
  })
})
