import { describe, expect, it } from 'vitest'
import { permutation, seededRandom } from '../../../ml/data/random.ts'
import {
  holmAdjusted,
  kolmogorovSmirnov,
  populationStabilityIndex,
  wasserstein,
} from '../../../ml/drift/index.ts'

const sorted = (...values: number[]) => Float64Array.from(values).sort()

/** n values spread over [0, 1) + shift, without ties between two coprime spreads. */
const spread = (n: number, shift: number) =>
  Float64Array.from({ length: n }, (_, i) => i / n + shift)

const a = sorted(0.1, 0.2, 0.35, 0.7, 0.9)
const b = sorted(0.15, 0.5, 0.6, 0.8, 1.2, 1.3, 2)

describe('kolmogorovSmirnov', () => {
  it('is 0 with p = 1 for a sample against itself, ties and all', () => {
    for (const values of [sorted(1), sorted(0, 0, 1, 1, 1), spread(500, 0)]) {
      expect(kolmogorovSmirnov(values, values)).toEqual({ statistic: 0, pValue: 1 })
    }
  })

  it('is 1 for samples that do not overlap, with the chance of just that order', () => {
    const { statistic, pValue } = kolmogorovSmirnov(sorted(1, 2, 3), sorted(4, 5, 6))
    expect(statistic).toBe(1)
    expect(pValue).toBeCloseTo(2 / 20, 12)
  })

  it('does not depend on which sample comes first, nor on the scale', () => {
    const forward = kolmogorovSmirnov(a, b)
    const scaled = (values: Float64Array) => values.map((value) => value * 1e9 - 7e9)
    expect(kolmogorovSmirnov(b, a).pValue).toBeCloseTo(forward.pValue, 12)
    expect(kolmogorovSmirnov(scaled(a), scaled(b))).toEqual(forward)
  })

  it("equals scipy's exact test", () => {
    const small = kolmogorovSmirnov(a, b)
    expect(small.statistic).toBeCloseTo(0.45714285714285713, 14)
    expect(small.pValue).toBeCloseTo(0.43434343434343425, 12)
    const larger = kolmogorovSmirnov(spread(101, 0), spread(89, 0.2))
    expect(larger.statistic).toBeCloseTo(0.20981199243519857, 14)
    expect(larger.pValue).toBeCloseTo(0.02549952230639819, 12)
  })

  it('is close to and above the exact p value where samples are large', () => {
    const { statistic, pValue } = kolmogorovSmirnov(spread(1009, 0), spread(997, 0.06))
    expect(statistic).toBeCloseTo(0.06099070253376582, 14)
    expect(pValue).toBeGreaterThan(0.04518941245744414)
    expect(pValue).toBeLessThan(0.048)
  })

  it('stays within [0, 1] for any pair', () => {
    const random = seededRandom(1)
    for (let trial = 0; trial < 300; trial++) {
      const sample = () =>
        Float64Array.from({ length: 1 + Math.floor(random() * 600) }, () =>
          Math.floor(random() * 10),
        ).sort()
      const { statistic, pValue } = kolmogorovSmirnov(sample(), sample())
      for (const share of [statistic, pValue]) {
        expect(share).toBeGreaterThanOrEqual(0)
        expect(share).toBeLessThanOrEqual(1)
      }
    }
  })
})

describe('wasserstein', () => {
  it('is the shift of a shifted sample, and 0 for a sample against itself', () => {
    expect(wasserstein(a, a)).toBe(0)
    expect(
      wasserstein(
        a,
        a.map((value) => value + 3),
      ),
    ).toBeCloseTo(3, 12)
  })

  it("equals scipy's, also for unequal lengths and ties", () => {
    expect(wasserstein(a, b)).toBeCloseTo(0.48571428571428577, 14)
    expect(wasserstein(b, a)).toBeCloseTo(0.48571428571428577, 14)
    expect(wasserstein(spread(101, 0), spread(89, 0.2))).toBeCloseTo(0.19933251752141504, 12)
    expect(wasserstein(sorted(0, 0, 1), sorted(0, 1))).toBeCloseTo(1 / 6, 14)
  })
})

describe('populationStabilityIndex', () => {
  it('is 0 for equal shares, positive and symmetric otherwise, finite with empty bins', () => {
    expect(populationStabilityIndex([10, 20, 30], [10, 20, 30])).toBe(0)
    const forward = populationStabilityIndex([50, 50, 0], [0, 50, 50])
    expect(forward).toBeGreaterThan(1)
    expect(populationStabilityIndex([0, 50, 50], [50, 50, 0])).toBeCloseTo(forward, 12)
  })

  it('approaches the known value for large counts', () => {
    const exact = 0.1 * Math.log(0.6 / 0.5) - 0.1 * Math.log(0.4 / 0.5)
    expect(populationStabilityIndex([5e7, 5e7], [6e7, 4e7])).toBeCloseTo(exact, 7)
  })
})

describe('holmAdjusted', () => {
  it('multiplies the k-th least p value by the tests that are left', () => {
    const adjusted = holmAdjusted([0.01, 0.04, 0.03, 0.005])
    expect(adjusted.map((p) => Number(p.toFixed(10)))).toEqual([0.03, 0.06, 0.06, 0.02])
  })

  it('keeps the order of the p values and never exceeds 1', () => {
    const random = seededRandom(2)
    const pValues = Array.from({ length: 50 }, () => random() ** 3)
    const adjusted = holmAdjusted(pValues)
    const order = [...permutation(50, random)].sort((i, j) => pValues[i]! - pValues[j]!)
    for (let k = 1; k < 50; k++) {
      expect(adjusted[order[k]!]!).toBeGreaterThanOrEqual(adjusted[order[k - 1]!]!)
    }
    expect(Math.max(...adjusted)).toBeLessThanOrEqual(1)
    expect(holmAdjusted([])).toEqual([])
  })
})
