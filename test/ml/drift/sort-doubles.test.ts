import { describe, expect, it } from 'vitest'
import { seededRandom, type Random } from '../../../ml/data/random.ts'
import { sortDoubles } from '../../../ml/drift/sort-doubles.ts'
import { normalLike } from './golden-streams.ts'

const kinds: Readonly<Record<string, (random: Random) => number>> = {
  'values of both signs': (random) => random() - 0.5,
  'values of all magnitudes': (random) => (random() - 0.5) * 10 ** (600 * random() - 300),
  'neighbouring doubles': (random) => 1 + Math.floor(random() * 1e6) * 2 ** -52,
  'negative neighbours': (random) => -1 - Math.floor(random() * 1e6) * 2 ** -52,
  'few distinct values': (random) => Math.floor(random() * 3) - 1,
  'denormals and zeros': (random) => Math.round((random() - 0.5) * 20) * 5e-324,
  'the ends of the range': (random) =>
    [Infinity, -Infinity, Number.MAX_VALUE, -0, 0][(random() * 5) | 0]!,
}

describe('sortDoubles', () => {
  it.each(Object.entries(kinds))('sorts %s as sort() does', (_, draw) => {
    for (const n of [0, 1, 4095, 4096, 20_000]) {
      const random = seededRandom(n)
      const values = Float64Array.from({ length: n }, () => draw(random))
      const expected = values.slice().sort()
      expect(bits(sortDoubles(values))).toEqual(bits(expected))
    }
  })

  it('sorts a part of an array in place and leaves the rest', () => {
    const noise = normalLike(1)
    const values = Float64Array.from({ length: 10_000 }, noise)
    const before = values.slice()
    const part = values.subarray(1000, 7000)
    expect(sortDoubles(part)).toBe(part)
    expect(values.subarray(0, 1000)).toEqual(before.subarray(0, 1000))
    expect(values.subarray(7000)).toEqual(before.subarray(7000))
    expect(part).toEqual(before.slice(1000, 7000).sort())
  })
})

/** As -0 and 0 are equal to each other. */
function bits(values: Float64Array): BigUint64Array {
  return new BigUint64Array(values.slice().buffer)
}
