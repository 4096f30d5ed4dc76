import { describe, expect, it } from 'vitest'
import { matrixFromRows, takeRows, takeValues, type Matrix } from '../../../../ml/data/matrix.ts'
import { seededRandom } from '../../../../ml/data/random.ts'
import {
  crossValidate,
  crossValScores,
  GradientBoostingClassifier,
  gridSearch,
  groupKFold,
  kFold,
  KMeans,
  LogisticRegression,
  MajorityBaseline,
  pairedBootstrap,
  Pipeline,
  randomSearch,
  Ridge,
  stratifiedKFold,
  timeSeriesSplit,
  trainerNamed,
  trainTestSplit,
  type Fold,
  type FitOptions,
} from '../../../../ml/models/index.ts'
import { errorNamed } from '../golden.ts'

const random = seededRandom(5)
const X: Matrix = { data: Float64Array.from({ length: 120 }, random), rows: 40, cols: 3 }
const y = Float64Array.from({ length: 40 }, (_, i) => Number(X.data[3 * i]! + random() > 1))
const quantity = Float64Array.from({ length: 40 }, (_, i) => X.data[3 * i]!)
const folds = kFold(40, { folds: 4 })
const invalid = errorNamed('OptionInvalid')

describe('Weights of rows', () => {
  const sampleWeight = Float64Array.from({ length: 40 }, (_, i) => 1 + 50 * (i % 3))
  const decide = (model: LogisticRegression, rows: Matrix) =>
    model.decisionFunction(rows).data.reduce((sum, value) => sum + value, 0)

  it('go with their rows into the fits of cross-validation and searches', () => {
    const alone = folds.map(({ train, test }) => {
      const weights = takeValues(sampleWeight, train)
      const model = new LogisticRegression()
      model.fit(takeRows(X, train), takeValues(y, train), { sampleWeight: weights })
      return decide(model, takeRows(X, test))
    })
    const options = { folds, scoring: decide, sampleWeight: Array.from(sampleWeight) }
    const create = () => new LogisticRegression()
    expect(crossValScores(create, X, y, options).scores).toEqual(alone)
    expect(gridSearch(create, { a: [1] }, X, y, options).best.scores).toEqual(alone)
  })

  it('go into crossValidate', () => {
    const trainer = trainerNamed('logistic-regression')
    const run = (weights?: ArrayLike<number>) =>
      crossValidate(trainer, X, y, { folds: 4, seed: 1, sampleWeight: weights }).meanLogLoss
    expect(run(sampleWeight)).not.toBe(run())
    expect(run(new Float64Array(40).fill(1))).toBe(run())
  })

  it('are refused where there are too few, and by a learner that takes none', () => {
    const few = { folds, scoring: 'accuracy', sampleWeight: [1, 2] } as const
    expect(() => crossValScores(() => new LogisticRegression(), X, y, few)).toThrow(
      errorNamed('ShapeMismatch'),
    )
    const all = { folds, scoring: 'accuracy', sampleWeight } as const
    expect(() => crossValScores(() => new MajorityBaseline(), X, y, all)).toThrow(invalid)
    expect(() => new KMeans({ nClusters: 2 }).fit(X, { sampleWeight } as FitOptions)).toThrow(
      errorNamed('OptionInvalid', 'sampleWeight'),
    )
  })
})

describe('Folds that do not fit the rows', () => {
  const score = (own: readonly Fold[]) => () =>
    crossValScores(() => new Ridge(), X, quantity, { folds: own, scoring: 'r2' })
  const rows = (...of: number[]) => Int32Array.of(...of)

  it('are refused: rows that there are not, rows on both sides, empty sides', () => {
    expect(score(kFold(60))).toThrow(errorNamed('OptionInvalid', 'row 40'))
    expect(score([{ train: rows(0, -1), test: rows(3) }])).toThrow(invalid)
    expect(score([{ train: rows(0, 1, 2), test: rows(2, 3) }])).toThrow(
      errorNamed('OptionInvalid', 'row 2'),
    )
    expect(score([{ train: rows(), test: rows(2, 3) }])).toThrow(invalid)
    expect(score([{ train: rows(2, 3), test: rows() }])).toThrow(invalid)
    expect(score([{ train: [0, 1.5] as unknown as Int32Array, test: rows(3) }])).toThrow(invalid)
  })

  it('are not taken from a matrix either', () => {
    for (const row of [40, -1, 0.5, NaN]) {
      expect(() => takeRows(X, [0, row])).toThrow(RangeError)
      expect(() => takeValues(y, [0, row])).toThrow(RangeError)
    }
    expect(takeRows(matrixFromRows([[1], [2]]), [1, 1]).data).toEqual(Float64Array.of(2, 2))
  })
})

describe('A score that is no number', () => {
  const create = ({ alpha }: { alpha: number }) => new Ridge({ alpha })
  const scoring = (model: Ridge) => (model.parameters['alpha'] === 1 ? NaN : -1)

  it('is of a failed trial, which never wins', () => {
    const { trials, best } = gridSearch(create, { alpha: [1, 2] }, X, quantity, { folds, scoring })
    expect(best.parameters).toEqual({ alpha: 2 })
    expect(trials.map(({ rank }) => rank)).toEqual([2, 1])
    expect(trials[0]).toMatchObject({ mean: -Infinity, failure: 'a score is NaN' })
  })

  it('is told where all trials failed', () => {
    const search = () => gridSearch(create, { alpha: [1] }, X, quantity, { folds, scoring })
    expect(search).toThrow(errorNamed('NotConverged', 'NaN'))
  })
})

describe('Random search', () => {
  const options = { folds: kFold(4, { folds: 2 }), scoring: () => 0, trials: 3, seed: 1 }
  const few = { data: X.data.slice(0, 12), rows: 4, cols: 3 }
  const search = (space: Parameters<typeof randomSearch>[1], trials = 3) =>
    randomSearch(() => new Ridge(), space, few, quantity.slice(0, 4), { ...options, trials })

  it('draws distinct combinations of lists, however many there are', () => {
    const list = Array.from({ length: 1000 }, (_, k) => k)
    const names = Array.from({ length: 30 }, (_, k) => `p${k}`)
    const space = Object.fromEntries(names.map((name) => [name, list]))
    const { trials } = search(space, 20)
    expect(new Set(trials.map(({ parameters }) => JSON.stringify(parameters))).size).toBe(20)
    expect(Object.keys(trials[0]!.parameters)).toHaveLength(30)
    const two = search({ a: list, b: list }, 500)
    expect(new Set(two.trials.map(({ parameters }) => JSON.stringify(parameters))).size).toBe(500)
  })

  it('refuses ranges that it does not know', () => {
    expect(() => search({ a: { from: 1, to: 2, scale: 'log10' as 'log' } })).toThrow(invalid)
    expect(() => search({ a: { from: 0.5, to: 1.2, integer: true } })).toThrow(invalid)
    expect(() =>
      search({ a: { from: 1, to: 2, step: 1 } as { from: number; to: number } }),
    ).toThrow(invalid)
    expect(() => search({ a: 5 as unknown as number[] })).toThrow(invalid)
  })
})

describe('crossValidate', () => {
  it('takes missing values for a learner that does', () => {
    const holes = { ...X, data: X.data.with(4, NaN) }
    const options = { folds: 4, seed: 1 }
    const { folds: scored } = crossValidate(trainerNamed('gradient-boosting'), holes, y, options)
    expect(scored).toHaveLength(4)
    expect(() => crossValidate(trainerNamed('svc'), holes, y, options)).toThrow(
      errorNamed('ValueNotFinite'),
    )
  })
})

describe('Options of model selection', () => {
  const wrong = (options: object) => options as { folds: number; seed: number; testSize: number }

  it('are refused where no one knows them', () => {
    const unknown = wrong({ fold: 2, seed: 1, test_size: 0.5 })
    expect(() => kFold(10, unknown)).toThrow(errorNamed('OptionInvalid', '"fold"'))
    expect(() => stratifiedKFold(y, unknown)).toThrow(errorNamed('OptionInvalid', '"fold"'))
    expect(() => groupKFold(y, unknown)).toThrow(errorNamed('OptionInvalid', '"fold"'))
    expect(() => timeSeriesSplit(10, unknown)).toThrow(errorNamed('OptionInvalid', '"fold"'))
    expect(() => trainTestSplit(30, wrong({ seed: 1, test_size: 0.5 }))).toThrow(
      errorNamed('OptionInvalid', '"test_size"'),
    )
    expect(() => pairedBootstrap([1, 0], [1, 1], wrong({ seed: 1, resample: 9 }))).toThrow(
      errorNamed('OptionInvalid', '"resample"'),
    )
    const score = { folds, scoring: 'r2', weights: [1] } as const
    expect(() => crossValScores(() => new Ridge(), X, quantity, score)).toThrow(
      errorNamed('OptionInvalid', '"weights"'),
    )
    expect(() => gridSearch(() => new Ridge(), { a: [1] }, X, quantity, score)).toThrow(
      errorNamed('OptionInvalid', '"weights"'),
    )
    const trainer = trainerNamed('majority')
    const validation = { folds: 4, seed: 1, hyperparameter: {} }
    expect(() => crossValidate(trainer, X, y, validation)).toThrow(
      errorNamed('OptionInvalid', '"hyperparameter"'),
    )
  })

  it('have seeds of 32 bits', () => {
    for (const seed of [NaN, 0.5, 2 ** 32, -(2 ** 31) - 1]) {
      expect(() => kFold(10, { seed })).toThrow(invalid)
      expect(() => stratifiedKFold(y, { seed })).toThrow(invalid)
      expect(() => trainTestSplit(30, { seed })).toThrow(invalid)
      expect(() => pairedBootstrap([1, 0], [1, 1], { seed })).toThrow(invalid)
      expect(() => crossValidate(trainerNamed('majority'), X, y, { folds: 2, seed })).toThrow(
        invalid,
      )
      const options = { folds, scoring: 'r2', trials: 1, seed } as const
      expect(() => randomSearch(() => new Ridge(), { a: [1] }, X, quantity, options)).toThrow(
        invalid,
      )
    }
    expect(() => trainTestSplit(30, {} as { seed: number })).toThrow(invalid)
    expect(kFold(10, { seed: 2 ** 32 - 1 })).toEqual(kFold(10, { seed: -1 }))
  })
})

describe('Options of a fit and of a pipeline', () => {
  it('are refused where no one knows them, before any work', () => {
    const typo = { sampleWeights: [1] } as FitOptions
    const named = errorNamed('OptionInvalid', '"sampleWeights"')
    expect(() => new Ridge().fit(X, quantity, typo)).toThrow(named)
    expect(() => new LogisticRegression().fit(X, y, typo)).toThrow(named)
    expect(() => new GradientBoostingClassifier().fit(X, y, typo)).toThrow(named)
    expect(() => new KMeans({ nClusters: 2 }).fit(X, typo)).toThrow(named)
    expect(() => new Pipeline(new MajorityBaseline(), { scale: true }).fit(X, y, typo)).toThrow(
      named,
    )
    for (const wrong of [{ signal: 'stop' }, { onProgress: 1 }, 5, null]) {
      expect(() => new Ridge().fit(X, quantity, wrong as FitOptions)).toThrow(invalid)
    }
  })

  it('have values that mean something', () => {
    const baseline = new MajorityBaseline()
    const wrong = [{ sacle: true }, { rowCap: NaN }, { rowCap: 0.5 }, { scale: 1 }, { steps: {} }]
    for (const options of [...wrong, { steps: [{}] }, null]) {
      expect(() => new Pipeline(baseline, options as object)).toThrow(invalid)
    }
    expect(new Pipeline(baseline, { rowCap: Infinity, steps: [] }).algorithm).toBe('majority')
  })
})
