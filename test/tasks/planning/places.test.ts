import { describe, expect, it } from 'vitest'
import type { Place } from '../../../platform/ports/index.ts'
import { placeOf, secondsIn } from '../../../tasks/planning/places.ts'

const mebibyte = 2 ** 20
const small: Place = { name: 'function', memoryBytes: 1000 * mebibyte, seconds: 900 }
const large: Place = { name: 'large-function', memoryBytes: 10_000 * mebibyte, seconds: 900 }
const container: Place = { name: 'container', memoryBytes: 30_000 * mebibyte, seconds: 36_000 }
const places = [small, large, container]

const need = (seconds: number, mebibytes: number) => ({ seconds, peakBytes: mebibytes * mebibyte })

describe('places', () => {
  it.each<[string, number, number, Place | undefined]>([
    ['what is small', 10, 200, small],
    ['what would leave little of the memory', 10, 900, large],
    ['what takes longer where there is less of a processor', 500, 200, large],
    ['what takes longer than any function', 1000, 200, container],
    ['what takes more memory than any function', 10, 12_000, container],
    ['what leaves little of the last place', 35_000, 29_000, container],
    ['what is too long', 37_000, 200, undefined],
    ['what is too large', 10, 31_000, undefined],
  ])('finds one for %s', (_, seconds, mebibytes, place) => {
    expect(placeOf(need(seconds, mebibytes), places)).toBe(place)
  })

  it('takes the usual place before a larger one would leave more', () => {
    expect(placeOf(need(10, 950), [small])).toBe(small)
  })

  it('never ends what is in a place without a limit of time', () => {
    const embedded: Place = { name: 'function', memoryBytes: 4000 * mebibyte, seconds: null }
    expect(placeOf(need(1e9, 100), [embedded])).toBe(embedded)
    expect(placeOf(need(1, 5000), [embedded])).toBeUndefined()
  })

  it('has a whole processor from 1,769 MiB on, and never more', () => {
    const at = (mebibytes: number) =>
      secondsIn(need(10, 1), { ...small, memoryBytes: mebibytes * mebibyte })
    expect(at(1769)).toBe(10)
    expect(at(10_240)).toBe(10)
    expect(at(884.5)).toBe(20)
  })
})
