import { describe, expect, it } from 'vitest'
import { isDriftError } from '../../../ml/drift/index.ts'
import type { ADWIN, PageHinkley } from '../../../ml/drift/index.ts'
import { detectionsOf } from './golden.ts'
import { goldenStreams, normalLike } from './golden-streams.ts'

interface DetectorClass<D> {
  readonly name: string
  new (options?: { nonFinite?: 'throw' | 'skip' }): D
  from(state: unknown): D
}

/** What every detector promises, whatever it looks for. */
export function detectorContract<D extends PageHinkley | ADWIN>(Detector: DetectorClass<D>): void {
  describe(`${Detector.name} as a detector`, () => {
    it('starts with nothing seen', () => {
      const detector = new Detector()
      expect(detector).toMatchObject({ driftDetected: false, estimation: 0, width: 0, skipped: 0 })
    })

    it('answers a detection as its return value and as driftDetected, for one update', () => {
      const detector = new Detector()
      for (const value of goldenStreams.levels()) {
        expect(detector.update(value)).toBe(detector.driftDetected)
      }
    })

    it('goes on exactly from a state taken at any value, through JSON', () => {
      const stream = goldenStreams.levels()
      const whole = new Detector()
      let resumed = new Detector()
      for (const value of stream) {
        expect(resumed.update(value)).toBe(whole.update(value))
        const json = JSON.stringify(resumed.state())
        expect(json).toBe(JSON.stringify(whole.state()))
        resumed = Detector.from(JSON.parse(json))
      }
    })

    it('does not share its state with what it was made from', () => {
      const detector = new Detector()
      const before = JSON.stringify(detector.state())
      Detector.from(detector.state()).update(1)
      expect(JSON.stringify(detector.state())).toBe(before)
    })

    it('reset() forgets everything, also a detection just made', () => {
      const detector = new Detector({ nonFinite: 'skip' })
      detector.update(NaN)
      for (const value of goldenStreams.levels()) if (detector.update(value)) break
      expect(detector.driftDetected).toBe(true)
      detector.reset()
      expect(detector.state()).toEqual(new Detector({ nonFinite: 'skip' }).state())
      const stream = goldenStreams.ramp()
      expect(detectionsOf(detector, stream)).toEqual(detectionsOf(new Detector(), stream))
    })

    it.each([NaN, Infinity, -Infinity])('throws at %s and stays as it was', (value) => {
      const detector = new Detector()
      detector.update(1)
      const before = detector.state()
      expect(() => detector.update(value)).toThrow(
        expect.objectContaining({ name: 'DriftValueInvalid' }),
      )
      expect(detector.state()).toEqual(before)
    })

    it('skips, counts and goes on, where told so', () => {
      const stream = goldenStreams.levels()
      const plain = new Detector()
      const skipping = new Detector({ nonFinite: 'skip' })
      for (const value of stream) {
        expect(skipping.update(NaN)).toBe(false)
        expect(skipping.driftDetected).toBe(false)
        expect(skipping.update(value)).toBe(plain.update(value))
      }
      expect(skipping.skipped).toBe(stream.length)
      expect(skipping.width).toBe(plain.width)
    })

    it.each([0, 5, -3, 0.1, 1e6])('a constant stream of %s is no change', (constant) => {
      const detector = new Detector()
      for (let i = 0; i < 3000; i++) expect(detector.update(constant)).toBe(false)
      expect(detector.estimation).toBeCloseTo(constant, 9)
      expect(Detector.from(JSON.parse(JSON.stringify(detector.state()))).width).toBe(3000)
    })

    it('a single value of 1e300 does not blind it', () => {
      const noise = normalLike(5)
      const detector = new Detector({ nonFinite: 'skip' })
      for (let i = 0; i < 500; i++) detector.update(noise())
      detector.update(1e300)
      for (let i = 0; i < 500; i++) detector.update(noise())
      let detected = false
      for (let i = 0; i < 500; i++) detected = detector.update(5 + noise()) || detected
      expect(detected).toBe(true)
    })

    it('refuses a state that is not one', () => {
      const detector = new Detector()
      for (let i = 0; i < 100; i++) detector.update(i % 7)
      const good = JSON.parse(JSON.stringify(detector.state())) as Record<string, unknown>
      expect(() => Detector.from(good)).not.toThrow()
      const bad: unknown[] = [
        null,
        undefined,
        [],
        'state',
        {},
        { ...good, version: 2 },
        { ...good, detector: 'Other' },
        { ...good, surplus: 1 },
        { ...good, skipped: -1 },
        { ...good, driftDetected: 'no' },
        { ...good, options: { delta: -1 } },
        ...Object.keys(good).map((key) => ({ ...good, [key]: undefined })),
        ...Object.keys(good).map((key) => ({ ...good, [key]: 'NaN' })),
      ]
      for (const state of bad) {
        expect(() => Detector.from(state), JSON.stringify(state)).toThrow(
          expect.objectContaining({ name: 'DriftStateInvalid' }),
        )
      }
    })

    it('refuses options that it does not have', () => {
      const refused = expectRefused((options) => new Detector(options as object))
      refused({ treshold: 1 })
      refused({ nonFinite: 'ignore' })
      refused(null)
      refused([])
    })
  })
}

/** A function that expects `make` to refuse each given options. */
export function expectRefused(make: (options: unknown) => unknown): (options: unknown) => void {
  return (options) => {
    let thrown: unknown
    try {
      make(options)
    } catch (error) {
      thrown = error
    }
    expect(isDriftError(thrown, 'DriftOptionsInvalid'), JSON.stringify(options)).toBe(true)
  }
}
