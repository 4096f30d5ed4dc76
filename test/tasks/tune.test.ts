import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../ml/data/index.ts'
import { trainerNamed } from '../../ml/models/index.ts'
import { tune } from '../../tasks/tune.ts'

const options = { given: {}, trials: 2, seed: 1, timeOrder: false }
const byAccuracy = { ...options, metric: 'accuracy' as const }
const byRmse = { ...options, metric: 'rmse' as const }

function rowsOf(count: number) {
  const random = seededRandom(1)
  const data = Float64Array.from({ length: count * 2 }, () => random())
  return { data, rows: count, cols: 2 }
}

describe('tune', () => {
  it('looks for settings among rows of every class, however rare it is', () => {
    const X = rowsOf(60_000)
    const y = new Float64Array(X.rows)
    y[100] = y[200] = 1
    const { score } = tune(trainerNamed('logistic-regression'), X, y, byAccuracy)
    expect(score).toMatchObject({ task: 'classification', trials: 2 })
    expect((score as { accuracy: number }).accuracy).toBeGreaterThan(0.999)
    expect(score.folds).toHaveLength(3)
  })

  it('draws numbers that people can read, and keeps what is given', () => {
    const X = rowsOf(100)
    const y = Float64Array.from({ length: 100 }, (_, i) => X.data[2 * i]! + X.data[2 * i + 1]!)
    const trainer = trainerNamed('gradient-boosting', 'regression')
    const tuned = tune(trainer, X, y, { ...byRmse, trials: 8, given: { maxIter: 20 } })
    expect(tuned.parameters['maxIter']).toBe(20)
    expect(tuned.score.hyperparameters).toEqual(tuned.parameters)
    for (const value of Object.values(tuned.parameters)) {
      if (typeof value === 'number') expect(String(value)).toMatch(/^\d+$|^0\.0*\d{1,3}$/)
    }
    expect(Object.keys(tuned.parameters).length).toBeGreaterThan(1)
  })

  it('tries a trainer with nothing to tune once', () => {
    const X = rowsOf(50)
    const y = Float64Array.from({ length: 50 }, (_, i) => i)
    const { score } = tune(trainerNamed('mean', 'regression'), X, y, { ...byRmse, trials: 50 })
    expect(score).toMatchObject({ trials: 1, hyperparameters: {} })
  })
  it('compares settings by the future where rows are in time order', () => {
    const X = rowsOf(200)
    const y = Float64Array.from({ length: 200 }, (_, i) => i)
    const trainer = trainerNamed('mean', 'regression')
    const { score } = tune(trainer, X, y, { ...byRmse, timeOrder: true })
    // Rows 0 to 99 have the mean 49.5, rows 100 to 119 that are judged by it 109.5.
    const spread = Math.sqrt((20 ** 2 - 1) / 12)
    expect(score.folds[0]).toBeCloseTo(Math.hypot(60, spread), 9)
    expect(score.folds).toHaveLength(5)
  })
})
