import { describe, expect, it } from 'vitest'
import { EDDM } from '../../../ml/drift/index.ts'
import { detectorContract, domains, expectRefused } from './detector-contract.ts'

detectorContract(EDDM, domains.errors)

describe('EDDM', () => {
  it('watches errors that come closer together, not farther apart', () => {
    const fires = (before: number, after: number) => {
      const detector = new EDDM()
      let fired = false
      for (let i = 0; i < 2000; i++) {
        // Phase 1: the first distance is as long as the others.
        const every = i < 1000 ? before : after
        fired = detector.update(i % every === every - 1 ? 1 : 0) || fired
      }
      return fired
    }
    expect([fires(10, 2), fires(2, 10)]).toEqual([true, false])
  })

  it('looks only where an error comes, and after warmStart of them', () => {
    const detector = new EDDM({ warmStart: 10 })
    let found = -1
    for (let i = 0; i < 400 && found < 0; i++) {
      // Seven errors at distance 30, then every value is one: the deviation grows first.
      const isError = i < 210 ? i % 30 === 29 : true
      if (detector.update(isError ? 1 : 0)) found = i
    }
    expect(detector.state().errors).toBe(16)
    expect(found).toBe(218)
  })

  it('knows the distances of the errors', () => {
    const detector = new EDDM()
    for (const value of [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0]) detector.update(value)
    expect(detector.state()).toMatchObject({ n: 13, errors: 3, lastError: 12, meanDistance: 4 })
    expect(detector.state().squaredDeviations).toBeCloseTo(8, 12)
    expect(detector.estimation).toBeCloseTo(3 / 13, 12)
  })

  it('refuses a state whose parts contradict each other', () => {
    const detector = new EDDM()
    for (let i = 0; i < 100; i++) detector.update(i % 2)
    const state = detector.state()
    for (const broken of [
      { ...state, errors: 101 },
      { ...state, lastError: 101 },
      { ...state, lastError: 49 },
      { ...state, errors: 0 },
      { ...state, meanDistance: 101 },
      { ...state, squaredDeviations: -1 },
      { ...state, greatest: 0 },
      { ...state, warningDetected: null },
    ]) {
      expect(() => EDDM.from(broken)).toThrow(
        expect.objectContaining({ name: 'DriftStateInvalid' }),
      )
    }
  })

  it('refuses impossible options', () => {
    const refused = expectRefused((options) => new EDDM(options as object))
    for (const warmStart of [-1, 1.5, NaN, '30']) refused({ warmStart })
    for (const alpha of [0, -1, 1.01, NaN]) refused({ alpha })
    for (const beta of [0, -1, 0.951, NaN]) refused({ beta })
    refused({ alpha: 0.8 })
  })
})
