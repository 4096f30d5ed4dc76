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
