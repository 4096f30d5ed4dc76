import { describe, expect, it } from 'vitest'
import { HDDM_A } from '../../../ml/drift/index.ts'
import { detectorContract, domains, expectRefused } from './detector-contract.ts'

detectorContract(HDDM_A, domains.shares)

describe('HDDM_A', () => {
  it('watches a rise, and a fall where told so', () => {
    const fires = (twoSidedTest: boolean, before: number, after: number) => {
      const detector = new HDDM_A({ twoSidedTest })
      let fired = false
      for (let i = 0; i < 1000; i++) fired = detector.update(i < 500 ? before : after) || fired
      return fired
    }
    expect([fires(false, 0.2, 0.6), fires(false, 0.6, 0.2)]).toEqual([true, false])
    expect([fires(true, 0.2, 0.6), fires(true, 0.6, 0.2)]).toEqual([true, true])
  })

  it('alarms less for a smaller driftConfidence', () => {
    const first = (driftConfidence: number) => {
      const detector = new HDDM_A({ driftConfidence })
      for (let i = 0; i < 2000; i++) if (detector.update(i < 500 ? 0.2 : 0.5)) return i
      return Infinity
    }
    expect(first(0.1)).toBeLessThan(first(0.001))
    expect(first(0.001)).toBeLessThan(first(1e-9))
  })

  it('refuses a state whose parts contradict each other', () => {
    const detector = new HDDM_A()
    for (let i = 0; i < 100; i++) detector.update((i % 5) / 5)
    const state = detector.state()
    for (const broken of [
      { ...state, mean: 1.5 },
      { ...state, lowCount: 101 },
      { ...state, lowCount: 0 },
      { ...state, highCount: 0 },
      { ...state, highMean: -0.1 },
      { ...state, n: 0 },
    ]) {
      expect(() => HDDM_A.from(broken)).toThrow(
        expect.objectContaining({ name: 'DriftStateInvalid' }),
      )
    }
  })

  it('refuses impossible options', () => {
    const refused = expectRefused((options) => new HDDM_A(options as object))
    for (const driftConfidence of [0, 1, -0.1, NaN, 1e-301]) refused({ driftConfidence })
    for (const warningConfidence of [0, 1, '0.1', Infinity]) refused({ warningConfidence })
    for (const twoSidedTest of [1, 'yes', null]) refused({ twoSidedTest })
  })
})
