import { describe, expect, it } from 'vitest'
import { DDM } from '../../../ml/drift/index.ts'
import { detectorContract, domains, expectRefused } from './detector-contract.ts'
import { goldenStreams } from './golden-streams.ts'

detectorContract(DDM, domains.errors)

describe('DDM', () => {
  it('watches a rise of the error rate, not a fall', () => {
    const fires = (before: number, after: number) => {
      const detector = new DDM()
      let fired = false
      for (let i = 0; i < 2000; i++) {
        const every = i < 1000 ? before : after
        fired = detector.update(i % every === 0 ? 1 : 0) || fired
      }
      return fired
    }
    expect([fires(10, 2), fires(2, 10)]).toEqual([true, false])
  })

  it('warns before it detects, and not at the detection', () => {
    const detector = new DDM()
    const seen: string[] = []
    for (const value of goldenStreams.errors().subarray(900)) {
      detector.update(value)
      if (detector.driftDetected) seen.push('drift')
      if (detector.warningDetected) seen.push('warning')
      if (detector.driftDetected) break
    }
    expect(seen[0]).toBe('warning')
    expect(seen.at(-1)).toBe('drift')
  })

  it('is silent up to warmStart values', () => {
    const detector = new DDM({ warmStart: 50 })
    for (let i = 0; i < 50; i++) {
      expect(detector.update(i < 25 ? 0 : 1)).toBe(false)
      expect(detector.state().leastErrorRate).toBeNull()
    }
    detector.update(1)
    expect(detector.state().leastErrorRate).toBeCloseTo(26 / 51, 12)
  })

  it('estimates the error rate', () => {
    const detector = new DDM()
    for (let i = 0; i < 1000; i++) detector.update(i % 4 === 0 ? 1 : 0)
    expect(detector).toMatchObject({ width: 1000 })
    expect(detector.estimation).toBeCloseTo(0.25, 12)
  })

  it('refuses a state whose parts contradict each other', () => {
    const detector = new DDM()
    for (let i = 0; i < 100; i++) detector.update(i % 2)
    const state = detector.state()
    for (const broken of [
      { ...state, errorRate: 1.5 },
      { ...state, n: 30 },
      { ...state, leastErrorRate: null },
      { ...state, leastDeviation: -0.1 },
      { ...state, warningDetected: 1 },
    ]) {
      expect(() => DDM.from(broken)).toThrow(expect.objectContaining({ name: 'DriftStateInvalid' }))
    }
  })

  it('refuses impossible options', () => {
    const refused = expectRefused((options) => new DDM(options as object))
    for (const warmStart of [-1, 1.5, NaN, '30']) refused({ warmStart })
    for (const warningThreshold of [0, -1, NaN, Infinity]) refused({ warningThreshold })
    for (const driftThreshold of [0, -1, NaN, '3']) refused({ driftThreshold })
  })
})
