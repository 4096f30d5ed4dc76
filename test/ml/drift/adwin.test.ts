import { describe, expect, it } from 'vitest'
import { ADWIN } from '../../../ml/drift/index.ts'
import { detectorContract, domains, expectRefused } from './detector-contract.ts'
import { goldenStreams, normalLike } from './golden-streams.ts'

detectorContract(ADWIN, domains.numbers)

describe('ADWIN', () => {
  it('runs the example of its documentation', () => {
    const detector = new ADWIN()
    const lines: string[] = []
    for (let i = 0; i < 2000; i++) {
      const value = i < 1000 ? i % 2 : 4 + (i % 4)
      if (detector.update(value)) lines.push(`change detected at ${i}, mean ${detector.estimation}`)
    }
    expect(lines).toEqual(['change detected at 1023, mean 4.25'])
  })

  it('keeps the window as buckets of powers of two that add up to it', () => {
    const detector = new ADWIN({ maxBuckets: 3 })
    for (const value of goldenStreams.ramp()) {
      detector.update(value)
      const { buckets, width, total } = detector.state()
      const held = buckets.counts.reduce((sum, count, i) => sum + count * 2 ** i, 0)
      const sum = buckets.totals.reduce((left, right) => left + right, 0)
      expect(held).toBe(width)
      expect(sum).toBeCloseTo(total, 6)
      expect(Math.max(...buckets.counts)).toBeLessThanOrEqual(3)
    }
  })

  it('holds a long window in a number of buckets that grows with its logarithm', () => {
    const noise = normalLike(3)
    const detector = new ADWIN({ delta: 1e-9 })
    for (let i = 0; i < 100_000; i++) detector.update(noise())
    expect(detector.width).toBe(100_000)
    expect(detector.state().buckets.totals.length).toBeLessThanOrEqual(5 * 16)
    expect(detector.estimation).toBeCloseTo(0, 1)
    expect(detector.variance / detector.width).toBeCloseTo(1, 1)
  })

  it('drops the old end of the window at a change', () => {
    const detector = new ADWIN()
    for (let i = 0; i < 1000; i++) detector.update(0)
    let updates = 0
    while (!detector.update(1)) updates++
    expect(updates).toBeLessThan(64)
    expect(detector.width).toBeLessThan(200)
    expect(detector.estimation).toBeGreaterThan(0.2)
  })

  it('refuses what is too large to square, and is not blind after skipping it', () => {
    expect(() => new ADWIN().update(1e141)).toThrow(/-1e\+140 to 1e\+140/)
    const detector = new ADWIN({ nonFinite: 'skip' })
    detector.update(-1e300)
    expect(detector).toMatchObject({ width: 0, skipped: 1 })
  })

  it('refuses a state whose parts contradict each other', () => {
    const detector = new ADWIN()
    for (let i = 0; i < 100; i++) detector.update(i % 3)
    const state = detector.state()
    const { counts, totals } = state.buckets
    const bad = [
      { ...state, width: 99 },
      { ...state, buckets: { ...state.buckets, totals: totals.slice(1) } },
      { ...state, buckets: { ...state.buckets, counts: [6, ...counts.slice(1)] } },
      { ...state, buckets: { ...state.buckets, counts: [...counts, -1] } },
      { ...state, buckets: { ...state.buckets, totals: totals.map(() => NaN) } },
      { ...state, buckets: { ...state.buckets, counts: counts.map(() => 1e9) } },
    ]
    for (const broken of bad) {
      expect(() => ADWIN.from(broken)).toThrow(
        expect.objectContaining({ name: 'DriftStateInvalid' }),
      )
    }
  })

  it('refuses impossible options', () => {
    const refused = expectRefused((options) => new ADWIN(options as object))
    for (const delta of [0, 1, -0.1, NaN]) refused({ delta })
    for (const clock of [0, 1.5, NaN, '32']) refused({ clock })
    for (const maxBuckets of [0, 1, 1025, 2.5]) refused({ maxBuckets })
    for (const minWindowLength of [0, -5, NaN]) refused({ minWindowLength })
    for (const gracePeriod of [-1, 0.5, Infinity]) refused({ gracePeriod })
  })
})
