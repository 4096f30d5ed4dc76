import { describe, expect, it } from 'vitest'
import { seededRandom, writeNpy, type Matrix } from '../../ml/data/index.ts'
import {
  crossValScores,
  kFold,
  KNeighborsClassifier,
  stratifiedKFold,
  type Fold,
} from '../../ml/models/index.ts'
import { fitCandidate } from '../../tasks/fit-candidate.ts'
import { tuningFolds } from '../../tasks/tuning-folds.ts'

const inTime = { seed: 1, timeOrder: true }
const inNoOrder = { seed: 1, timeOrder: false }
const rising = (rows: number) => Float64Array.from({ length: rows }, (_, i) => i)
/** Rows of one column that all differ. */
const distinct = (rows: number): Matrix => ({ data: rising(rows), rows, cols: 1 })
const columnOf = (values: readonly number[]): Matrix => ({
  data: Float64Array.from(values),
  rows: values.length,
  cols: 1,
})

describe('the folds of tuning', () => {
  it('deal rows out by the seed where they are in no order', () => {
    const y = rising(100)
    expect(tuningFolds('regression', distinct(100), y, inNoOrder)).toEqual(kFold(100, { seed: 1 }))
    const classes = y.map((_, i) => i % 3)
    const folds = tuningFolds('classification', distinct(100), classes, inNoOrder)
    expect(folds).toEqual(stratifiedKFold(classes, { seed: 1 }))
    const many = tuningFolds('clustering', distinct(60_000), new Float64Array(60_000), inNoOrder)
    expect(many).toHaveLength(3)
  })

  it.each(['classification', 'regression', 'clustering'] as const)(
    'judge a %s in time order by rows later than all that were learned from',
    (task) => {
      for (const rows of [4, 7, 9, 10, 22, 100, 1001, 60_000]) {
        const y = rising(rows).map((_, i) => i % 2)
        const folds = tuningFolds(task, distinct(rows), y, inTime)
        expect(folds).toHaveLength(rows > 50_000 ? 3 : Math.min(5, rows >> 1))
        for (const { train, test } of folds) {
          expect(train.length).toBeGreaterThanOrEqual(rows / 2)
          expect(train[0]).toBe(0)
          expect(test[0]).toBe(train.at(-1)! + 1)
        }
        expect(folds.at(-1)!.test.at(-1)).toBe(rows - 1)
        const judged = folds.flatMap(({ test }) => [...test])
        expect(new Set(judged).size).toBe(judged.length)
      }
    },
  )

  it('leave out what would be learned from one class', () => {
    const y = rising(100).map((_, i) => (i < 65 ? 0 : i % 2))
    const folds = tuningFolds('classification', distinct(100), y, inTime)
    expect(folds.map(({ train }) => train.length)).toEqual([70, 80, 90])
  })

  it('are in no order where none in time is left', () => {
    const sorted = rising(100).map((_, i) => (i < 95 ? 0 : 1))
    expect(tuningFolds('classification', distinct(100), sorted, inTime)).toEqual(
      stratifiedKFold(sorted, { seed: 1 }),
    )
    const three = tuningFolds('regression', distinct(3), rising(3), inTime)
    expect(three).toEqual(kFold(3, { folds: 3, seed: 1 }))
  })
})

describe('equal rows', () => {
  const partsNone = (folds: readonly Fold[], X: Matrix) =>
    folds.every(({ train, test }) => {
      const learned = new Set(Array.from(train, (row) => X.data[row]))
      return !test.some((row) => learned.has(X.data[row]))
    })
  const knowsAll = (folds: readonly Fold[], y: Float64Array) =>
    folds.every(({ train }) => new Set(Array.from(train, (row) => y[row])).size === new Set(y).size)

  it('tell nothing: labels at random are learned no better than by chance', () => {
    const random = seededRandom(3)
    const rows = Float64Array.from({ length: 1200 }, random)
    const X = { data: Float64Array.of(...rows, ...rows), rows: 800, cols: 3 }
    const labels = Float64Array.from({ length: 400 }, () => Number(random() < 0.5))
    const y = Float64Array.of(...labels, ...labels)
    const { mean } = crossValScores(() => new KNeighborsClassifier({ nNeighbors: 1 }), X, y, {
      folds: tuningFolds('classification', X, y, inNoOrder),
      scoring: 'accuracy',
    })
    expect(mean).toBeGreaterThan(0.4)
    expect(mean).toBeLessThan(0.6)
  })

  it('are in one fold, whatever their targets, and classes spread evenly', () => {
    const X = columnOf(Array.from({ length: 300 }, (_, i) => i % 100))
    for (const task of ['classification', 'regression', 'clustering'] as const) {
      const y = X.data.map((value, i) => (value % 4 === 0 ? 1 : i < 5 ? 2 : 0))
      const folds = tuningFolds(task, X, y, inNoOrder)
      expect(folds).toHaveLength(5)
      expect(partsNone(folds, X)).toBe(true)
      const judged = folds.flatMap(({ test }) => [...test]).sort((a, b) => a - b)
      expect(judged).toEqual([...Array(300).keys()])
      if (task !== 'classification') continue
      expect(knowsAll(folds, y)).toBe(true)
      expect(folds.map(({ test }) => test.filter((row) => y[row] === 1).length)).toEqual(
        Array(5).fill(15),
      )
    }
  })

  it('are dealt out by themselves where a class has no others, or there are few rows but them', () => {
    const X = columnOf(Array.from({ length: 300 }, (_, i) => (i < 290 ? i % 100 : -1)))
    const y = X.data.map((value) => Number(value === -1))
    const folds = tuningFolds('classification', X, y, inNoOrder)
    expect(folds.map(({ test }) => test.filter((row) => y[row] === 1).length)).toEqual(
      Array(5).fill(2),
    )
    expect(
      partsNone(
        folds.map((fold) => ({ ...fold, test: fold.test.filter((row) => y[row] === 0) })),
        X,
      ),
    ).toBe(true)

    const switched = columnOf(Array.from({ length: 60 }, (_, i) => i % 2))
    const few = tuningFolds('classification', switched, switched.data, inNoOrder)
    expect(few).toEqual(stratifiedKFold(switched.data, { seed: 1 }))
  })

  it('are equal also by -0 and by a missing value', () => {
    const X = columnOf(
      Array.from({ length: 60 }, (_, i) => (i < 20 ? [0, -0][i % 2]! : i < 40 ? NaN : i)),
    )
    const folds = tuningFolds('regression', X, rising(60), inNoOrder)
    expect(folds.filter(({ test }) => test.some((row) => row < 20))).toHaveLength(1)
    expect(folds.filter(({ test }) => test.some((row) => row >= 20 && row < 40))).toHaveLength(1)
  })
})

describe('a candidate of an upload in time order', () => {
  it('is judged by its future: a level that moved counts against the mean of the past', async () => {
    const moved = (timeOrder: boolean) => rootMeanSquaredErrorOf({ task: 'regression', timeOrder })
    const [inOrder, shuffled] = [await moved(true), await moved(false)]
    // Levels are 0 to 399: a past mean is some 200 off, the mean of all 115.
    expect(shuffled).toBeGreaterThan(100)
    expect(shuffled).toBeLessThan(130)
    expect(inOrder).toBeGreaterThan(150)
  })
})

async function rootMeanSquaredErrorOf(configuration: {
  task: 'regression'
  timeOrder: boolean
}): Promise<number> {
  const data = Float64Array.from({ length: 800 }, (_, at) => (at % 2 === 0 ? at % 14 : at >> 1))
  const fitted = await fitCandidate.run({
    bytes: writeNpy({ shape: [400, 2], data }),
    form: { format: 'npy', configuration },
    algorithm: 'mean',
    sha256: '00000001',
    lineage: {},
  })
  if (fitted.outcome === 'skipped') throw new Error(fitted.reason)
  const { crossValidation } = fitted
  return crossValidation.task === 'regression' ? crossValidation.rmse : NaN
}
