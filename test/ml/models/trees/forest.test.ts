import { describe, expect, it } from 'vitest'
import { matrix, matrixFromRows } from '../../../../ml/data/matrix.ts'
import { seededRandom } from '../../../../ml/data/random.ts'
import {
  accuracy,
  DecisionTreeClassifier,
  DecisionTreeRegressor,
  ExtraTreesClassifier,
  ExtraTreesRegressor,
  RandomForestClassifier,
  RandomForestRegressor,
  type DecisionTreeClassifierOptions,
  type Classifier,
  type Regressor,
} from '../../../../ml/models/index.ts'
import { iris, mapValues } from '../datasets.ts'
import { errorNamed, expectClose } from '../golden.ts'
import { fixture, problem } from './golden-trees.ts'

describe('A tree is the one of scikit-learn', () => {
  for (const golden of fixture.tree.regressor) {
    it(`for a quantity with ${JSON.stringify(golden.options)}`, () => {
      const { X, y, queries } = problem('X', 'y')
      const model = new DecisionTreeRegressor(golden.options).fit(X, y)
      expect(model.toTensors().feature!.data.length).toBe(golden.nodes)
      expectClose(model.featureImportances, golden.importances, 2e-7)
      expectClose(model.predict(queries), golden.outputs.flat(), 2e-7)
    })
  }
  for (const golden of fixture.tree.three) {
    it(`for three classes with ${JSON.stringify(golden.options)}`, () => {
      const { X, y, queries } = problem('X', 'three')
      const options = golden.options as DecisionTreeClassifierOptions
      const model = new DecisionTreeClassifier(options).fit(X, y)
      expect(model.toTensors().feature!.data.length).toBe(golden.nodes)
      expectClose(model.featureImportances, golden.importances, 2e-7)
      expectClose(model.predictProba(queries).data, golden.outputs.flat(), 2e-7)
    })
  }
})

describe('A forest errs as much as that of scikit-learn, whose spread over seeds is known', () => {
  const { forest } = fixture
  const most = ({ mean, spread }: { mean: number; spread: number }) => mean + 4 * spread

  it('for a quantity', () => {
    const { X, y, queries, answers } = problem('X', 'y')
    const rmse = (model: Regressor) => {
      const predicted = model.fit(X, y).predict(queries)
      const squares = predicted.reduce((sum, value, i) => sum + (value - answers[i]!) ** 2, 0)
      return Math.sqrt(squares / answers.length)
    }
    expect(rmse(new RandomForestRegressor({ seed: 1 }))).toBeLessThan(
      most(forest.randomForestRegressor),
    )
    expect(rmse(new ExtraTreesRegressor({ seed: 1 }))).toBeLessThan(
      most(forest.extraTreesRegressor),
    )
  })

  it('for three classes', () => {
    const { X, y, queries, answers } = problem('X', 'three')
    const mistakes = (model: Classifier) => 1 - accuracy(answers, model.fit(X, y).predict(queries))
    expect(mistakes(new RandomForestClassifier({ seed: 1 }))).toBeLessThan(
      most(forest.randomForestClassifier),
    )
    expect(mistakes(new ExtraTreesClassifier({ seed: 1 }))).toBeLessThan(
      most(forest.extraTreesClassifier),
    )
  })
})

describe('Trees and forests', () => {
  it('fit the rows exactly when nothing limits them', () => {
    const { X, y } = problem('X', 'y')
    expectClose(new DecisionTreeRegressor().fit(X, y).predict(X), [...y])
    expectClose(new ExtraTreesRegressor({ nEstimators: 3 }).fit(X, y).predict(X), [...y])
    expect(new DecisionTreeClassifier().fit(iris.X, iris.y).predict(iris.X)).toEqual(iris.y)
  })

  it('part what no single split can gain on', () => {
    const X = matrixFromRows([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ])
    for (const criterion of ['gini', 'entropy'] as const) {
      const model = new DecisionTreeClassifier({ criterion }).fit(X, [0, 1, 1, 0])
      expect([...model.predict(X)]).toEqual([0, 1, 1, 0])
    }
    const tiny = [0, 1e-9, 1e-9, 0]
    expect([...new DecisionTreeRegressor().fit(X, tiny).predict(X)]).toEqual(tiny)
  })

  it('keep to their limits of depth and rows', () => {
    const { X, y } = problem('X', 'y')
    for (const create of [
      (options: object) => new DecisionTreeRegressor(options),
      (options: object) => new ExtraTreesRegressor({ nEstimators: 1, ...options }),
    ]) {
      const leavesOf = (options: object) => {
        const counts = new Map<number, number>()
        for (const value of create(options).fit(X, y).predict(X)) {
          counts.set(value, (counts.get(value) ?? 0) + 1)
        }
        return counts
      }
      expect(leavesOf({ maxDepth: 3 }).size).toBeLessThanOrEqual(8)
      expect(leavesOf({ maxDepth: 3 }).size).toBeGreaterThan(4)
      expect(Math.min(...leavesOf({ minSamplesLeaf: 9 }).values())).toBeGreaterThanOrEqual(9)
      expect(leavesOf({ minSamplesSplit: 321 }).size).toBe(1)
    }
  })

  it('split between neighbours that no double is between', () => {
    const low = 1 + Number.EPSILON
    const X = matrix(Float64Array.of(low, low + Number.EPSILON, 1e139, -1e139), 4, 1)
    const model = new DecisionTreeClassifier().fit(X, [0, 1, 1, 0])
    expect([...model.predict(X)]).toEqual([0, 1, 1, 0])
  })

  it('find the features that matter', () => {
    const random = seededRandom(2)
    const X = matrix(
      Float64Array.from({ length: 900 }, () => random()),
      300,
      3,
    )
    const y = Float64Array.from({ length: 300 }, (_, i) => X.data[3 * i + 1]! * 4 + random() / 10)
    const classes = y.map((value) => (value > 2 ? 1 : 0))
    for (const model of [
      new DecisionTreeRegressor().fit(X, y),
      new RandomForestRegressor({ nEstimators: 10 }).fit(X, y),
      new ExtraTreesRegressor({ nEstimators: 10 }).fit(X, y),
      new RandomForestClassifier({ nEstimators: 10, maxFeatures: 'all' }).fit(X, classes),
    ]) {
      const shares = model.featureImportances
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12)
      expect(shares[1]).toBeGreaterThan(0.9)
    }
    const constant = new RandomForestRegressor({ nEstimators: 3 }).fit(X, y.fill(1))
    expect([...constant.featureImportances]).toEqual([0, 0, 0])
  })

  it('differ by their seed, and by nothing else', () => {
    const { X, y } = problem('X', 'y')
    for (const create of [
      (seed: number) => new RandomForestRegressor({ nEstimators: 5, seed }),
      (seed: number) => new ExtraTreesRegressor({ nEstimators: 5, seed }),
      (seed: number) => new DecisionTreeRegressor({ maxFeatures: 2, seed }),
    ]) {
      const tensors = (seed: number) => create(seed).fit(X, y).toTensors()
      expect(tensors(1)).toEqual(tensors(1))
      expect(tensors(1)).not.toEqual(tensors(2))
    }
  })

  it('begin with the same trees when more are asked for', () => {
    const { X, y } = problem('X', 'y')
    const tensors = (nEstimators: number) =>
      new RandomForestRegressor({ nEstimators }).fit(X, y).toTensors()
    const [few, many] = [tensors(3), tensors(6)]
    const size = few.feature!.data.length
    expect(many.feature!.data.slice(0, size)).toEqual(few.feature!.data)
    expect(many.threshold!.data.slice(0, size)).toEqual(few.threshold!.data)
  })

  it('take as many rows and features as they are told', () => {
    const { X, y } = problem('X', 'y')
    const leaves = (options: object) =>
      new RandomForestRegressor({ nEstimators: 4, ...options }).fit(X, y).toTensors().values!.data
        .length
    // Of n draws with replacement 1 - 1/e are different rows, and every such row is a leaf.
    expect(leaves({}) / (4 * X.rows)).toBeCloseTo(1 - 1 / Math.E, 1)
    expect(leaves({ maxSamples: 0.25 })).toBeLessThanOrEqual(X.rows)
    expect(leaves({ bootstrap: false })).toBe(4 * X.rows)
    const one = mapValues(X, (value, _, j) => (j === 2 ? value : 0))
    const found = new RandomForestRegressor({ nEstimators: 2, maxFeatures: 0.2 }).fit(one, y)
    // Constant columns are drawn in vain, and the next is drawn.
    expect([...found.featureImportances]).toEqual([0, 0, 1, 0, 0])
  })

  it('refuse options that are unknown or impossible', () => {
    for (const options of [
      { nEstimators: 0 },
      { maxFeatures: 0 },
      { maxFeatures: 'some' },
      { bootstrap: 1 },
      { maxSamples: 1.5 },
      { criterion: 'mse' },
      { minSamplesSplit: 1 },
      { seed: 0.5 },
    ]) {
      expect(() => new RandomForestClassifier(options as object)).toThrow(
        errorNamed('OptionInvalid', Object.keys(options)[0]),
      )
    }
    expect(() => new DecisionTreeRegressor({ nEstimators: 2 } as object)).toThrow(
      errorNamed('OptionInvalid', 'nEstimators'),
    )
  })
})
