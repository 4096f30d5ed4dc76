import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../ml/data/random.ts'
import {
  DecisionTreeRegressor,
  ExtraTreesRegressor,
  GradientBoostingRegressor,
  Pipeline,
  RandomForestRegressor,
  StandardScaler,
  SVC,
  type Regressor,
} from '../../../ml/models/index.ts'
import { mapValues } from './datasets.ts'
import { errorNamed } from './golden.ts'

/** Of three columns the last decides. */
function steps(rows: number) {
  const random = seededRandom(5)
  const X = { data: Float64Array.from({ length: rows * 3 }, random), rows, cols: 3 }
  return { X, y: Float64Array.from({ length: rows }, (_, i) => Math.floor(X.data[3 * i + 2]! * 4)) }
}

const regressors: Record<string, () => Regressor> = {
  DecisionTree: () => new DecisionTreeRegressor({ maxDepth: 3 }),
  RandomForest: () => new RandomForestRegressor({ nEstimators: 5, maxDepth: 3 }),
  ExtraTrees: () => new ExtraTreesRegressor({ nEstimators: 5, maxDepth: 3 }),
  GradientBoosting: () => new GradientBoostingRegressor({ maxIter: 20 }),
  'GradientBoosting of absolute errors': () =>
    new GradientBoostingRegressor({ maxIter: 20, loss: 'absolute_error' }),
}

describe.each(Object.entries(regressors))('%s', (_, create) => {
  it.each([2 ** -565, 2 ** -900])(
    'learns from targets in units of %s as from any other',
    (unit) => {
      const { X, y } = steps(300)
      const expected = create().fit(X, y)
      const small = y.map((value) => value * unit)
      const found = create().fit(X, small).predict(X)
      expect(found.map((value) => value / unit)).toEqual(expected.predict(X))
    },
  )
})

it('A least decrease of impurity is in the squared units of the target, however small', () => {
  const { X, y } = steps(300)
  const leaves = (unit: number, minImpurityDecrease: number) => {
    const targets = y.map((value) => value * unit)
    const model = new DecisionTreeRegressor({ minImpurityDecrease }).fit(X, targets)
    return new Set(model.predict(X)).size
  }
  expect(leaves(1, 0.01)).toBe(4)
  expect(leaves(2 ** -500, 0.01)).toBe(1)
  expect(leaves(2 ** -500, 0.01 * 2 ** -1000)).toBe(4)
})

describe('SVC', () => {
  const X = { data: Float64Array.of(1, 1.1, 1.2, 2, 2.1, 2.2), rows: 6, cols: 1 }
  const y = [0, 0, 0, 1, 1, 1]
  const scaled = (unit: number) => mapValues(X, (value) => value * unit)

  it('refuses features that differ by less than its kernel can tell', () => {
    expect(() => new SVC().fit(scaled(1e-80), y)).toThrow(errorNamed('ValueTooLarge', 'rescale'))
    expect(() => new SVC().fit(scaled(1e-200), y)).toThrow(errorNamed('ValueTooLarge', 'rescale'))
    const linear = new SVC({ kernel: 'linear', C: 1e6 })
    expect([...linear.fit(scaled(1e-80), y).predict(scaled(1e-80))]).toEqual(y)
    expect(() => linear.fit(scaled(1e-200), y)).toThrow(errorNamed('ValueTooLarge', 'rescale'))
  })

  it('takes what is all alike, however small', () => {
    for (const value of [0, 1e-200, 0.1]) {
      expect(
        new SVC()
          .fit(
            mapValues(X, () => value),
            y,
          )
          .predict(X),
      ).toHaveLength(6)
    }
  })

  it('learns from any scale behind a StandardScaler', () => {
    for (const unit of [1e-80, 1e-165, 1e-200]) {
      const model = new Pipeline(new SVC(), { scale: true }).fit(scaled(unit), y)
      expect([...model.predict(scaled(unit))]).toEqual(y)
    }
  })
})

it('StandardScaler leaves a constant column as it is, however small', () => {
  const { scale } = new StandardScaler().fit({
    data: Float64Array.of(1e-200, 0.1, 1e-200, 0.1, 1e-200, 0.1),
    rows: 3,
    cols: 2,
  })
  expect([...scale]).toEqual([1, 1])
})
