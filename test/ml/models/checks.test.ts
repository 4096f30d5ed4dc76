import { describe, expect, it } from 'vitest'
import { matrix } from '../../../ml/data/matrix.ts'
import { checkFeatures } from '../../../ml/models/checks.ts'

describe('checkFeatures', () => {
  it('finds the first value that is not usable, wherever it is', () => {
    for (const at of [0, 255, 256, 300, 511, 998, 999]) {
      for (const [value, name] of [
        [NaN, 'ValueNotFinite'],
        [-Infinity, 'ValueNotFinite'],
        [-1e141, 'ValueTooLarge'],
      ] as const) {
        const X = matrix(new Float64Array(1000).fill(-3), 250, 4)
        X.data[at] = value
        X.data[999] = value
        const place = `row ${Math.floor(at / 4)}, column ${at % 4} `
        expect(() => checkFeatures(X)).toThrow(
          expect.objectContaining({ name, message: expect.stringContaining(place) as string }),
        )
      }
    }
  })

  it('lets NaN pass where it means missing, and no other value among them', () => {
    const X = matrix(new Float64Array(1000), 250, 4)
    X.data.fill(NaN, 200, 600)
    expect(() => checkFeatures(X, 4, true)).not.toThrow()
    X.data[501] = Infinity
    expect(() => checkFeatures(X, 4, true)).toThrow(
      expect.objectContaining({
        name: 'ValueNotFinite',
        message: expect.stringContaining('row 125, column 1 ') as string,
      }),
    )
  })
})
