import { describe, expect, it } from 'vitest'
import { matrixFromRows, takeRows, takeValues, type Matrix } from '../../../../ml/data/matrix.ts'
import {
  crossValScores,
  gridSearch,
  groupKFold,
  kFold,
  KNeighborsClassifier,
  KNeighborsRegressor,
  LinearRegression,
  ModelError,
  Pipeline,
  predefinedSplit,
  randomSearch,
  RegressionPipeline,
  Ridge,
  rootMeanSquaredError,
  stratifiedKFold,
  timeSeriesSplit,
  trainTestSplit,
  type Fold,
  type Parameters,
  type Regressor,
  type ScoringName,
} from '../../../../ml/models/index.ts'
import { iris } from '../datasets.ts'
import golden from '../fixtures/selection.json' with { type: 'json' }
import { errorNamed, expectClose } from '../golden.ts'

const X = matrixFromRows(golden.X)
const { y, classes, groups } = golden
const testsOf = (folds: readonly Fold[]) => folds.map(({ test }) => [...test])
const bothOf = (folds: readonly Fold[]) => folds.map(({ train, test }) => [[...train], [...test]])

/** Every row is judged once, by what was not learned from. */
function expectPartition(folds: readonly Fold[], rows: number): void {
  expect(folds.flatMap(({ test }) => [...test]).sort((a, b) => a - b)).toEqual(
    Array.from({ length: rows }, (_, i) => i),
  )
  for (const { train, test } of folds) {
    expect([...train, ...test].sort((a, b) => a - b)).toHaveLength(rows)
    expect(new Set([...train, ...test]).size).toBe(rows)
    expect([...train]).toEqual([...train].sort((a, b) => a - b))
  }
}

describe('Splits', () => {
  it('are those of scikit-learn, without a seed', () => {
    expect(testsOf(kFold(25, { folds: 4 }))).toEqual(golden.kFold)
    expect(testsOf(stratifiedKFold(classes, { folds: 4 }))).toEqual(golden.stratified)
    expect(testsOf(groupKFold(groups, { folds: 3 }))).toEqual(golden.group)
    expect(bothOf(timeSeriesSplit(25, { folds: 4 }))).toEqual(golden.time)
    const options = { folds: 3, gap: 2, testSize: 4, maxTrainSize: 6 }
    expect(bothOf(timeSeriesSplit(25, options))).toEqual(golden.timeGap)
  })

  it('judge each row in the fold that it is told to be of, if there is that fold', () => {
    expect(bothOf(predefinedSplit([1, 0, 1, 2], 3))).toEqual([
      [[0, 2, 3], [1]],
      [
        [1, 3],
        [0, 2],
      ],
      [[0, 1, 2], [3]],
    ])
    for (const fold of [3, -1, 0.5, NaN]) {
      const row = `row 2 is of fold ${fold} of 3`
      expect(() => predefinedSplit([0, 1, fold], 3)).toThrow(errorNamed('OptionInvalid', row))
    }
    expect(() => predefinedSplit([0, 0], 1)).toThrow(errorNamed('OptionInvalid', 'folds'))
  })

  it('judge every row once, shuffled or not', () => {
    for (const seed of [undefined, 1, 2]) {
      const options = seed === undefined ? { folds: 4 } : { folds: 4, seed }
      expectPartition(kFold(25, options), 25)
      expectPartition(stratifiedKFold(classes, options), 23)
    }
    expectPartition(groupKFold(groups, { folds: 3 }), 25)
    expect(kFold(25, { seed: 1 })).toEqual(kFold(25, { seed: 1 }))
    expect(kFold(25, { seed: 1 })).not.toEqual(kFold(25, { seed: 2 }))
  })

  it('spread each class evenly', () => {
    for (const seed of [undefined, 5]) {
      const folds = stratifiedKFold(classes, seed === undefined ? { folds: 4 } : { folds: 4, seed })
      for (const value of [3, 7, 9]) {
        const counts = folds.map(({ test }) => test.filter((i) => classes[i] === value).length)
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
      }
    }
  })

  it('never divide a group, and never judge by what came before', () => {
    for (const { train, test } of groupKFold(groups, { folds: 3 })) {
      const learned = new Set(Array.from(train, (i) => groups[i]))
      expect(test.some((i) => learned.has(groups[i]))).toBe(false)
    }
    for (const { train, test } of timeSeriesSplit(40, { folds: 6, gap: 3 })) {
      expect(Math.max(...train) + 3).toBeLessThan(Math.min(...test))
    }
  })

  it('divide rows once, by class where asked', () => {
    const { train, test } = trainTestSplit(150, { testSize: 0.2, seed: 3, stratify: iris.y })
    expect([train.length, test.length]).toEqual([120, 30])
    for (const value of [0, 1, 2]) expect(test.filter((i) => iris.y[i] === value)).toHaveLength(10)
    const plain = trainTestSplit(10, { testSize: 0.25, seed: 1 })
    expect([...plain.train, ...plain.test].sort((a, b) => a - b)).toEqual([...Array(10).keys()])
    expect(plain.test).toHaveLength(3)
    expect(plain).toEqual(trainTestSplit(10, { testSize: 0.25, seed: 1 }))
    expect(plain).not.toEqual(trainTestSplit(10, { testSize: 0.25, seed: 4 }))
    // A single row of a class cannot be on both sides.
    expect(() => trainTestSplit(5, { testSize: 0.2, seed: 1, stratify: [1, 1, 1, 1, 2] })).toThrow(
      errorNamed('OptionInvalid'),
    )
  })

  it('refuse what cannot be divided so', () => {
    const invalid = errorNamed('OptionInvalid')
    for (const folds of [1, 2.5, 26, NaN]) {
      expect(() => kFold(25, { folds })).toThrow(invalid)
      expect(() => stratifiedKFold(classes, { folds })).toThrow(invalid)
      expect(() => groupKFold(groups, { folds })).toThrow(invalid)
      expect(() => timeSeriesSplit(25, { folds })).toThrow(invalid)
    }
    expect(() => groupKFold(groups, { folds: 7 })).toThrow(errorNamed('OptionInvalid', '6 groups'))
    expect(() => timeSeriesSplit(10, { folds: 3, testSize: 4 })).toThrow(invalid)
    expect(() => timeSeriesSplit(10, { folds: 3, gap: 9 })).toThrow(invalid)
    for (const testSize of [0, 1, -0.5, NaN]) {
      expect(() => trainTestSplit(10, { testSize, seed: 1 })).toThrow(invalid)
    }
  })
})

describe('crossValScores', () => {
  const folds = stratifiedKFold(iris.y, { folds: 5 })
  const neighbors = () => new Pipeline(new KNeighborsClassifier({ nNeighbors: 9 }), { scale: true })

  it('has the scores of scikit-learn, classes and quantities', () => {
    for (const scoring of [
      'accuracy',
      'balanced-accuracy',
      'f1-macro',
      'neg-log-loss',
      'roc-auc',
    ] as const) {
      const found = crossValScores(neighbors, iris.X, iris.y, { folds, scoring })
      expectClose(found.scores, golden.scored[scoring])
    }
    for (const scoring of [
      'r2',
      'neg-mean-absolute-error',
      'neg-root-mean-squared-error',
    ] as const) {
      const found = crossValScores(() => new Ridge(), X, y, { folds: kFold(40), scoring })
      expectClose(found.scores, golden.scored[scoring])
    }
  })

  it('takes any function for a score', () => {
    const rows = crossValScores(neighbors, iris.X, iris.y, {
      folds,
      scoring: (model, judged) => judged.rows + model.steps.length,
    })
    expect(rows).toEqual({ scores: [31, 31, 31, 31, 31], mean: 31, deviation: 0 })
  })

  it('refuses a score that the model does not allow, or no one knows', () => {
    const attempt = (scoring: string) => () =>
      crossValScores(() => new Ridge(), X, y, { folds: kFold(40), scoring: scoring as ScoringName })
    expect(attempt('neg-log-loss')).toThrow(errorNamed('OptionInvalid', 'ridge'))
    expect(attempt('toString')).toThrow(errorNamed('OptionInvalid', 'known are: accuracy'))
    expect(() => crossValScores(() => new Ridge(), X, y, { folds: [], scoring: 'r2' })).toThrow(
      errorNamed('OptionInvalid'),
    )
  })

  it('tells of progress over all folds, and ends at its signal', () => {
    const seen: number[] = []
    const options = { folds: kFold(40), scoring: 'r2' } as const
    const onProgress = ({ fraction }: { fraction: number }) => seen.push(fraction)
    crossValScores(() => new Ridge(), X, y, { ...options, onProgress })
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(seen.at(-1)).toBeGreaterThanOrEqual(0.8)
    const signal = AbortSignal.abort()
    expect(() => crossValScores(() => new Ridge(), X, y, { ...options, signal })).toThrow(
      errorNamed('FitAborted'),
    )
  })
})

describe('Searches', () => {
  const options = { folds: kFold(40, { folds: 4 }), scoring: 'r2' } as const
  const create = (parameters: Parameters) =>
    new RegressionPipeline(
      new Ridge({
        alpha: parameters.ridge__alpha as number,
        fitIntercept: parameters.ridge__fit_intercept as boolean,
      }),
      { scale: true },
    )
  const grid = { ridge__fit_intercept: [true, false], ridge__alpha: [0.1, 1, 100] }

  it('over a grid finds what scikit-learn finds', () => {
    const { trials, best } = gridSearch(create, grid, X, y, options)
    expectClose(
      trials.map(({ mean }) => mean),
      golden.search.means,
    )
    expectClose(
      trials.map(({ deviation }) => deviation),
      golden.search.deviations,
      1e-11,
    )
    expect(trials.map(({ rank }) => rank)).toEqual(golden.search.ranks)
    expect(best.parameters).toEqual(golden.search.best)
  })

  it('over several grids tries each', () => {
    const models = ({ model, alpha }: Parameters): Regressor =>
      model === 'ridge' ? new Ridge({ alpha: alpha as number }) : new LinearRegression()
    const { trials } = gridSearch(
      models,
      [{ model: ['linear'] }, { model: ['ridge'], alpha: [1, 2] }],
      X,
      y,
      options,
    )
    expect(trials.map(({ parameters }) => parameters)).toEqual([
      { model: 'linear' },
      { alpha: 1, model: 'ridge' },
      { alpha: 2, model: 'ridge' },
    ])
  })

  it('at random try what they are told, the same for the same seed', () => {
    const space = {
      ridge__alpha: { from: 0.01, to: 100, scale: 'log' },
      ridge__fit_intercept: [true, false],
    } as const
    const run = (seed: number) =>
      randomSearch(create, space, X, y, { ...options, trials: 30, seed })
    const { trials, best } = run(1)
    expect(trials).toHaveLength(30)
    const alphas = trials.map(({ parameters }) => parameters.ridge__alpha)
    expect(Math.min(...alphas)).toBeGreaterThanOrEqual(0.01)
    expect(Math.max(...alphas)).toBeLessThanOrEqual(100)
    // Evenly by the logarithm: about half are below 1.
    expect(alphas.filter((alpha) => alpha < 1).length).toBeGreaterThan(8)
    expect(alphas.filter((alpha) => alpha < 1).length).toBeLessThan(22)
    expect(best.mean).toBe(Math.max(...trials.map(({ mean }) => mean)))
    expect(run(1)).toEqual({ trials, best })
    expect(run(2)).not.toEqual({ trials, best })
  })

  it('at random over lists try no combination twice', () => {
    const { trials } = randomSearch(create, grid, X, y, { ...options, trials: 50, seed: 1 })
    expect(new Set(trials.map(({ parameters }) => JSON.stringify(parameters))).size).toBe(6)
    const whole = randomSearch(
      ({ n }) => new Ridge({ alpha: n }),
      { n: { from: 1, to: 3, integer: true } },
      X,
      y,
      { ...options, trials: 40, seed: 1 },
    )
    expect(new Set(whole.trials.map(({ parameters }) => parameters.n))).toEqual(new Set([1, 2, 3]))
  })

  it('rank what did not converge last, and pass other errors on', () => {
    const failing = (name: 'NotConverged' | 'OneClass') => (parameters: Parameters) => {
      if (parameters.ridge__alpha === 1) throw new ModelError(name, 'no')
      return create(parameters)
    }
    const { trials, best } = gridSearch(failing('NotConverged'), grid, X, y, options)
    expect(trials.filter(({ failure }) => failure === 'no').map(({ rank }) => rank)).toEqual([5, 5])
    expect(best.parameters).toEqual(golden.search.best)
    expect(() => gridSearch(failing('OneClass'), grid, X, y, options)).toThrow(
      errorNamed('OneClass'),
    )
  })

  it('refuse empty grids and impossible ranges', () => {
    const invalid = errorNamed('OptionInvalid')
    expect(() => gridSearch(create, { a: [] }, X, y, options)).toThrow(invalid)
    expect(() => gridSearch(create, [], X, y, options)).toThrow(invalid)
    const tryAll = { ...options, trials: 2, seed: 1 }
    for (const a of [
      { from: 2, to: 1 },
      { from: 0, to: 1, scale: 'log' },
      { from: 0, to: Infinity },
    ] as const) {
      expect(() => randomSearch(create, { a }, X, y, tryAll)).toThrow(invalid)
    }
    expect(() => randomSearch(create, grid, X, y, { ...tryAll, trials: 0 })).toThrow(invalid)
  })

  it('tell of progress over all trials', () => {
    const seen: number[] = []
    const onProgress = ({ fraction }: { fraction: number }) => seen.push(fraction)
    gridSearch(create, grid, X, y, { ...options, onProgress })
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(seen.at(-1)).toBeGreaterThan(0.9)
  })
})

describe('The rows of folds', () => {
  const folds: Fold[] = [
    ...timeSeriesSplit(X.rows, { folds: 3 }),
    // Rows twice, and more of them than X has.
    { train: Int32Array.of(...Array(20).keys(), ...Array(20).keys()), test: Int32Array.of(24, 33) },
    { train: Int32Array.of(7, 1, 4), test: Int32Array.of(0) },
  ]
  const scoring = (model: Regressor, rows: Matrix, truth: Float64Array) =>
    rootMeanSquaredError(truth, model.predict(rows)) + rows.rows

  it('are those of a copy a fold, whatever folds come before', () => {
    const create = () => new RegressionPipeline(new KNeighborsRegressor(), { scale: true })
    const alone = folds.map(({ train, test }) => {
      const targets = Float64Array.from(y)
      const model = create().fit(takeRows(X, train), takeValues(targets, train))
      return scoring(model, takeRows(X, test), takeValues(targets, test))
    })
    expect(crossValScores(create, X, y, { folds, scoring }).scores).toEqual(alone)
    const { trials } = gridSearch(create, { any: [1, 2] }, X, y, { folds, scoring })
    expect(trials.map(({ scores }) => scores)).toEqual([alone, alone])
  })
})
