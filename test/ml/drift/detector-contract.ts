import { describe, expect, it } from 'vitest'
import { isDriftError } from '../../../ml/drift/index.ts'
import { detectionsOf, type AnyDetector } from './golden.ts'
import { goldenStreams, normalLike } from './golden-streams.ts'

interface DetectorClass<D> {
  readonly name: string
  new (options?: { nonFinite?: 'throw' | 'skip' }): D
  from(state: unknown): D
}

/** The values that a detector takes, and streams of them. */
export interface Domain {
  /** Streams in whose first it detects. */
  readonly streams: readonly (() => Float64Array)[]
  readonly constants: readonly number[]
  /** Values that it takes or refuses, but is never broken by. */
  readonly extremes: readonly number[]
  /** Finite values that it refuses. */
  readonly refused: readonly number[]
}

const { levels, ramp, variance, errors, errorsRising, errorsRecurring, losses } = goldenStreams
const hugeAndTiny = [1e300, -1e300, 1.7e308, 5e-324, -5e-324, 2.2e-308, 1e-160, 1e139, -0]

export const domains = {
  numbers: {
    streams: [levels, ramp, variance, errors],
    constants: [0, 5, -3, 0.1, 1e6, 5e-324],
    extremes: hugeAndTiny,
    refused: [1.1e300, -1.7e308],
  },
  shares: {
    streams: [errorsRecurring, losses, errors, errorsRising],
    constants: [0, 1, 0.5, 0.1, 5e-324],
    extremes: [...hugeAndTiny, 1 - 2 ** -53],
    refused: [-5e-324, 1 + 2 ** -52, -1, 2, 1e300],
  },
  errors: {
    streams: [errorsRecurring, errors, errorsRising],
    constants: [0, 1],
    extremes: hugeAndTiny,
    refused: [0.5, -1, 2, 1 - 2 ** -53, 1e300],
  },
} satisfies Record<string, Domain>

/** What every detector promises, whatever it looks for. */
export function detectorContract<D extends AnyDetector>(
  Detector: DetectorClass<D>,
  domain: Domain,
): void {
  const [first, ...others] = domain.streams
  const throughJson = (detector: D) => {
    const state: unknown = JSON.parse(JSON.stringify(detector.state()))
    return Detector.from(state)
  }

  describe(`${Detector.name} as a detector`, () => {
    it('starts with nothing seen', () => {
      const detector = new Detector()
      expect(detector).toMatchObject({ driftDetected: false, estimation: 0, width: 0, skipped: 0 })
    })

    it('answers a detection as its return value and as driftDetected, for one update', () => {
      const detector = new Detector()
      for (const value of first!()) expect(detector.update(value)).toBe(detector.driftDetected)
    })

    it('starts again from nothing at the update after a detection', () => {
      const stream = first!()
      const detector = new Detector()
      const at = stream.findIndex((value) => detector.update(value))
      expect(at).toBeGreaterThan(0)
      const anew = new Detector()
      for (const value of stream.subarray(at + 1, at + 30)) {
        detector.update(value)
        anew.update(value)
        expect(detector.state()).toEqual(anew.state())
      }
    })

    it.each(domain.streams.map((stream, i) => [i, stream] as const))(
      'goes on exactly from a state taken at any value of stream %i, through JSON',
      (_, stream) => {
        const whole = new Detector()
        let resumed = new Detector()
        for (const value of stream()) {
          expect(resumed.update(value)).toBe(whole.update(value))
          const json = JSON.stringify(resumed.state())
          expect(json).toBe(JSON.stringify(whole.state()))
          resumed = throughJson(resumed)
          expect(resumed.estimation).toBe(whole.estimation)
        }
      },
    )

    it('does not share its state with what it was made from', () => {
      const detector = new Detector()
      const before = JSON.stringify(detector.state())
      Detector.from(detector.state()).update(1)
      expect(JSON.stringify(detector.state())).toBe(before)
    })

    it('reset() forgets everything, also a detection just made', () => {
      const detector = new Detector({ nonFinite: 'skip' })
      detector.update(NaN)
      for (const value of first!()) if (detector.update(value)) break
      expect(detector.driftDetected).toBe(true)
      detector.reset()
      expect(detector.state()).toEqual(new Detector({ nonFinite: 'skip' }).state())
      const stream = others[0]!()
      expect(detectionsOf(detector, stream)).toEqual(detectionsOf(new Detector(), stream))
    })

    it.each([NaN, Infinity, -Infinity, ...domain.refused])(
      'throws at %s and stays as it was',
      (value) => {
        const detector = new Detector()
        detector.update(1)
        const before = detector.state()
        expect(() => detector.update(value)).toThrow(
          expect.objectContaining({ name: 'DriftValueInvalid' }),
        )
        expect(detector.state()).toEqual(before)
      },
    )

    it('skips, counts and goes on, where told so', () => {
      const stream = first!()
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

    it.each(domain.constants)('a constant stream of %s is no change', (constant) => {
      const detector = new Detector()
      for (let i = 0; i < 3000; i++) expect(detector.update(constant)).toBe(false)
      expect(detector.estimation).toBeCloseTo(constant, 9)
      expect(throughJson(detector).width).toBe(3000)
    })

    it('a single value of 1e300 does not blind it', () => {
      const detector = new Detector({ nonFinite: 'skip' })
      const stream = first!()
      stream.subarray(0, 500).forEach((value) => detector.update(value))
      detector.update(1e300)
      let detected = false
      for (const value of stream.subarray(500)) detected = detector.update(value) || detected
      expect(detected).toBe(true)
    })

    it('keeps finite numbers and bounded memory whatever comes, in whatever order', () => {
      const noise = normalLike(23)
      const choices = [NaN, Infinity, -Infinity, ...domain.extremes, ...domain.constants]
      const detector = new Detector({ nonFinite: 'skip' })
      let resumed = new Detector({ nonFinite: 'skip' })
      let longest = 0
      for (let i = 0; i < 6000; i++) {
        // Long runs of one value now and then, and all of them mixed otherwise.
        const pick = i % 1000 < 500 ? Math.floor(i / 1000) * 3 : Math.abs(noise() * 1e6)
        const value = choices[Math.floor(pick) % choices.length]!
        expect(resumed.update(value)).toBe(detector.update(value))
        if (i % 7 !== 0) continue
        const json = JSON.stringify(detector.state())
        expect(numbersIn(detector.state()).filter((number) => !Number.isFinite(number))).toEqual([])
        expect([detector.estimation, detector.width].every(Number.isFinite)).toBe(true)
        longest = Math.max(longest, json.length)
        resumed = throughJson(resumed)
        expect(JSON.stringify(resumed.state())).toBe(json)
      }
      expect(detector.skipped).toBeGreaterThan(100)
      expect(longest).toBeLessThan(8000)
    })

    it('throws only its own error, and goes on after it', () => {
      const detector = new Detector()
      let thrown = 0
      for (const value of [NaN, ...domain.extremes, ...domain.refused, ...domain.constants]) {
        try {
          detector.update(value)
        } catch (error) {
          thrown++
          expect(isDriftError(error, 'DriftValueInvalid'), String(error)).toBe(true)
        }
      }
      expect(thrown).toBeGreaterThan(domain.refused.length)
      expect(throughJson(detector).state()).toEqual(detector.state())
    })

    it('refuses a state that is not one', () => {
      const detector = new Detector()
      first!()
        .subarray(0, 100)
        .forEach((value) => detector.update(value))
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
        JSON.parse(JSON.stringify(good).replace('{', '{"__proto__":{},')),
        { ...good, skipped: -1 },
        { ...good, skipped: 2 ** 53 },
        { ...good, driftDetected: 'no' },
        { ...good, options: { ...(good['options'] as object), nonFinite: 'ignore' } },
        { ...good, options: { surplus: 1 } },
        ...Object.keys(good).flatMap((key) =>
          [undefined, 'NaN', NaN, Infinity, -1e308, 1.7e308].map((value) => ({
            ...good,
            [key]: value,
          })),
        ),
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

/** Every number in a plain value. */
function numbersIn(value: unknown): number[] {
  if (typeof value === 'number') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : []
}
