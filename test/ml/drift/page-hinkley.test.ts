import { describe, expect, it } from 'vitest'
import { PageHinkley } from '../../../ml/drift/index.ts'
import { detectorContract, domains, expectRefused } from './detector-contract.ts'

detectorContract(PageHinkley, domains.numbers)

describe('PageHinkley', () => {
  it('runs the example of its documentation', () => {
    const detector = new PageHinkley()
    const lines: string[] = []
    for (let i = 0; i < 2000; i++) {
      const value = i < 1000 ? i % 2 : 4 + (i % 4)
      if (detector.update(value)) lines.push(`change detected at ${i}`)
    }
    expect(lines).toEqual(['change detected at 1010'])
  })

  it('watches only the direction it is told to', () => {
    const fires = (mode: 'up' | 'down' | 'both', step: number) => {
      const detector = new PageHinkley({ mode })
      let fired = false
      for (let i = 0; i < 400; i++) fired = detector.update(i < 200 ? 0 : step) || fired
      return fired
    }
    expect([fires('up', 1), fires('down', 1), fires('both', 1)]).toEqual([true, false, true])
    expect([fires('up', -1), fires('down', -1), fires('both', -1)]).toEqual([false, true, true])
  })

  it('does not fire before minInstances values', () => {
    const detector = new PageHinkley({ minInstances: 50 })
    let first = -1
    for (let i = 0; i < 100 && first < 0; i++) if (detector.update(i * 100)) first = i
    expect(first).toBe(49)
  })

  it('takes in 1e300, and starts again after the detection that it is', () => {
    const detector = new PageHinkley()
    for (let i = 0; i < 100; i++) detector.update(i % 2)
    expect(detector.update(1e300)).toBe(true)
    detector.update(1)
    expect(detector).toMatchObject({ width: 1, estimation: 1, driftDetected: false })
  })

  it('refuses impossible options', () => {
    const refused = expectRefused((options) => new PageHinkley(options as object))
    for (const minInstances of [0, -1, 1.5, NaN, '30']) refused({ minInstances })
    for (const delta of [-0.1, NaN, Infinity]) refused({ delta })
    for (const threshold of [0, -1, NaN, Infinity]) refused({ threshold })
    for (const alpha of [0, -0.1, 1.0001, NaN]) refused({ alpha })
    for (const mode of ['', 'UP', 'sideways', 1]) refused({ mode })
  })
})
