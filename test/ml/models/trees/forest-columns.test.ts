import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../../ml/data/random.ts'
import { ExtraTreesRegressor, RandomForestClassifier } from '../../../../ml/models/index.ts'
import { errorNamed } from '../golden.ts'

const random = seededRandom(4)
const X = { data: Float64Array.from({ length: 600 }, random), rows: 100, cols: 6 }
const y = Float64Array.from({ length: 100 }, (_, i) => X.data[6 * i]! + X.data[6 * i + 1]!)

describe('The trees of a forest', () => {
  it('draw their columns whatever the trees before them drew', () => {
    const options = { maxFeatures: 2, maxDepth: 3 } as const
    const [first, second] = [0, 0x9e3779b9 | 0].map((seed) =>
      new ExtraTreesRegressor({ ...options, nEstimators: 1, seed }).fit(X, y).predict(X),
    )
    const both = new ExtraTreesRegressor({ ...options, nEstimators: 2, seed: 0 }).fit(X, y)
    both.predict(X).forEach((answer, i) => {
      expect(answer).toBeCloseTo((first![i]! + second![i]!) / 2, 12)
    })
  })

  it('look at a share of the columns or at a whole number', () => {
    for (const maxFeatures of [1.5, 2.001, 0, -1]) {
      expect(() => new RandomForestClassifier({ maxFeatures })).toThrow(
        errorNamed('OptionInvalid', 'whole from 1 on'),
      )
    }
    for (const maxFeatures of [0.01, 1, 2, 6]) {
      expect(new RandomForestClassifier({ maxFeatures }).parameters).toMatchObject({ maxFeatures })
    }
  })
})
