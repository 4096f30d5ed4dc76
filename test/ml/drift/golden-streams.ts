import { seededRandom } from '../../../ml/data/random.ts'

/** Streams with changes in them, the same on every machine: only sums of seeded uniform numbers. */
export const goldenStreams = {
  /** 600 values around 0, 600 around 1, 600 around -1, of unit deviation. */
  levels: (): Float64Array => {
    const noise = normalLike(11)
    return Float64Array.from({ length: 1800 }, (_, i) => [0, 1, -1][Math.floor(i / 600)]! + noise())
  },
  /** A mean that climbs from 0 to 3 between the values 500 and 1,500. */
  ramp: (): Float64Array => {
    const noise = normalLike(12)
    const level = (i: number) => Math.min(1, Math.max(0, (i - 500) / 1000)) * 3
    return Float64Array.from({ length: 2000 }, (_, i) => level(i) + noise())
  },
  /** Errors of a classifier: a rate of 0.1, then 0.4 from value 1,000 on. */
  errors: (): Float64Array => {
    const random = seededRandom(13)
    return Float64Array.from({ length: 2000 }, (_, i) =>
      random() < (i < 1000 ? 0.1 : 0.4) ? 1 : 0,
    )
  },
  /** Large values whose deviation falls to a tenth, then a small step. */
  large: (): Float64Array => {
    const noise = normalLike(14)
    return Float64Array.from({ length: 1500 }, (_, i) => {
      return 1e6 + (i < 1000 ? 0 : 40) + (i < 500 ? 100 : 10) * noise()
    })
  },
  /** Unit deviation that triples from value 1,000 on; the mean stays. */
  variance: (): Float64Array => {
    const noise = normalLike(15)
    return Float64Array.from({ length: 2000 }, (_, i) => (i < 1000 ? 1 : 3) * noise())
  },
  /** Errors of a classifier whose rate climbs from 0.05 to 0.5 between the values 1,000 and 3,000. */
  errorsRising: (): Float64Array => {
    const random = seededRandom(16)
    const rate = (i: number) => 0.05 + 0.45 * Math.min(1, Math.max(0, (i - 1000) / 2000))
    return Float64Array.from({ length: 4000 }, (_, i) => (random() < rate(i) ? 1 : 0))
  },
  /** Errors of a classifier: rates of 0.1 and 0.5 in turn, 600 values each, one that gets better too. */
  errorsRecurring: (): Float64Array => {
    const random = seededRandom(17)
    return Float64Array.from({ length: 3600 }, (_, i) =>
      random() < (Math.floor(i / 600) % 2 === 0 ? 0.1 : 0.5) ? 1 : 0,
    )
  },
  /** Losses in [0, 1] of mean 0.25, then 0.5, then 0.25, 1,000 values each. */
  losses: (): Float64Array => {
    const random = seededRandom(18)
    return Float64Array.from({ length: 3000 }, (_, i) =>
      Math.floor(i / 1000) === 1 ? random() : random() ** 3,
    )
  },
}

/** Near-normal numbers of mean 0 and deviation 1 (twelve uniform ones summed up). */
export function normalLike(seed: number): () => number {
  const random = seededRandom(seed)
  return () => {
    let sum = -6
    for (let i = 0; i < 12; i++) sum += random()
    return sum
  }
}
