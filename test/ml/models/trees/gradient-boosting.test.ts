import { describe, expect, it } from 'vitest'
import { matrix, takeRows } from '../../../../ml/data/matrix.ts'
import { seededRandom } from '../../../../ml/data/random.ts'
import {
  accuracy,
  GradientBoostingClassifier,
  GradientBoostingRegressor,
  type GradientBoostingOptions,
  type GradientBoostingRegressorOptions,
} from '../../../../ml/models/index.ts'
import { blobs, iris, mapValues } from '../datasets.ts'
import { errorNamed, expectClose } from '../golden.ts'
import { fixture, problem } from './golden-trees.ts'

describe('GradientBoosting has the predictions of scikit-learn', () => {
  for (const golden of fixture.boosting.regressor) {
    it(`for a quantity over ${golden.data} with ${JSON.stringify(golden.options)}`, () => {
      const { X, y, queries } = problem(golden.data, golden.data === 'groups' ? 'grouped' : 'y')
      const options = { ...golden.options, maxIter: 25 } as GradientBoostingRegressorOptions
      const model = new GradientBoostingRegressor(options).fit(X, y)
      expectClose(model.predict(queries), golden.outputs.flat(), 2e-6)
    })
  }

  for (const target of ['two', 'three'] as const) {
    for (const golden of fixture.boosting[target]) {
      it(`for ${target} classes over ${golden.data} with ${JSON.stringify(golden.options)}`, () => {
        const { X, y, queries } = problem(golden.data, target)
        const options = { ...golden.options, maxIter: 25 } as GradientBoostingOptions
        const model = new GradientBoostingClassifier(options).fit(X, y)
        expectClose(model.decisionFunction(queries).data, golden.outputs.flat(), 2e-6)
      })
    }
  }
})

describe('GradientBoosting', () => {
  it('lessens the loss with every iteration', () => {
    const { X, y } = problem('gaps', 'y')
    let before = Infinity
    for (const maxIter of [1, 2, 5, 20, 80]) {
      const predicted = new GradientBoostingRegressor({ maxIter }).fit(X, y).predict(X)
      const loss = predicted.reduce((sum, value, i) => sum + (value - y[i]!) ** 2, 0)
      expect(loss).toBeLessThan(before)
      before = loss
    }
  })

  it('keeps to its limits of leaves, depth and rows a leaf', () => {
    const { X, y } = problem('X', 'y')
    const tree = (options: GradientBoostingRegressorOptions) =>
      new GradientBoostingRegressor({ learningRate: 1, maxIter: 1, ...options }).fit(X, y)
    const leavesOf = (options: GradientBoostingRegressorOptions) => {
      const counts = new Map<number, number>()
      for (const value of tree(options).predict(X)) counts.set(value, (counts.get(value) ?? 0) + 1)
      return counts
    }
    expect(leavesOf({ maxLeafNodes: 5, minSamplesLeaf: 1 }).size).toBe(5)
    expect(leavesOf({ maxDepth: 2, minSamplesLeaf: 1 }).size).toBe(4)
    const unlimited = leavesOf({ maxLeafNodes: 'none', minSamplesLeaf: 12 })
    expect(Math.min(...unlimited.values())).toBeGreaterThanOrEqual(12)
    expect(unlimited.size).toBeGreaterThan(15)
  })

  it('is not led astray by a class of few rows among very many', () => {
    // Of x = 0 … 8 what is beyond 4 is of class 2, the rest of class 0, but for the first rows.
    const rows = 300_000
    const X = matrix(
      Float64Array.from({ length: rows }, (_, i) => i % 9),
      rows,
      1,
    )
    const y = X.data.map((value, i) => (i < 2 ? 1 : value > 4 ? 2 : 0))
    const options = { maxIter: 20, learningRate: 0.5, earlyStopping: false }
    const model = new GradientBoostingClassifier(options).fit(X, y)
    const ten = { ...X, rows: 10, data: X.data.slice(0, 10) }
    expect([...model.predict(ten)]).toEqual([0, 0, 0, 0, 0, 2, 2, 2, 2, 0])
    expect(model.decisionFunction(ten).data.every((value) => Math.abs(value) < 50)).toBe(true)
    // The first two rows have x = 0 and 1; each is one of 33,334.
    const rare = model.predictProba(ten).data.filter((_, at) => at % 3 === 1)
    for (const share of rare.subarray(0, 2)) expect(share * 33_334).toBeCloseTo(1, 0)
    expect(Math.max(...rare.subarray(2, 9))).toBeLessThan(1e-6)
  })

  it('learns the same whatever monotone change a column goes through', () => {
    const { X, y, queries } = problem('X', 'y')
    const change = (value: number, _: number, j: number) => (j % 2 === 0 ? Math.exp(value) : value)
    const expected = new GradientBoostingRegressor().fit(X, y).predict(queries)
    const model = new GradientBoostingRegressor().fit(mapValues(X, change), y)
    const found = model.predict(mapValues(queries, change))
    // A query between two values of the fit can be on either side of their middle.
    const same = found.filter((value, i) => Math.abs(value - expected[i]!) < 1e-9)
    expect(same.length / found.length).toBeGreaterThan(0.8)
  })

  it('learns from what is missing alone', () => {
    const y = Float64Array.from({ length: 80 }, (_, i) => (i % 3 === 0 ? 1 : 0))
    const gaps = matrix(
      Float64Array.from(y, (value) => (value === 1 ? NaN : 2)),
      80,
      1,
    )
    const model = new GradientBoostingClassifier().fit(gaps, y)
    expect(model.predict(gaps)).toEqual(y)
    // The other way round the missing values are those on the left.
    const turned = y.map((value) => 1 - value)
    expect(new GradientBoostingClassifier().fit(gaps, turned).predict(gaps)).toEqual(turned)
  })

  it('tells categories apart that no threshold does', () => {
    const random = seededRandom(4)
    const codes = Float64Array.from({ length: 600 }, () => Math.floor(random() * 40) * 7 - 100)
    const y = codes.map((code) => (code * code) % 5)
    const X = matrix(codes, 600, 1)
    const options = { maxIter: 3, maxLeafNodes: 5, minSamplesLeaf: 1 }
    const spreadOf = (model: GradientBoostingRegressor) =>
      model.predict(X).reduce((sum, value, i) => sum + (value - y[i]!) ** 2, 0)
    const ordered = new GradientBoostingRegressor(options).fit(X, y)
    const apart = new GradientBoostingRegressor({ ...options, categoricalFeatures: [0] }).fit(X, y)
    expect(spreadOf(apart)).toBeLessThan(0.8 * spreadOf(ordered))
    expect(Number.isFinite(apart.predictRow(Float64Array.of(3.5)))).toBe(true)
  })

  it('takes up to maxBins categories, of columns that are there', () => {
    const X = matrix(
      Float64Array.from({ length: 256 }, (_, i) => i),
      256,
      1,
    )
    const y = X.data.map((value) => value % 2)
    const fit = (categoricalFeatures: number[], rows = 256) =>
      new GradientBoostingRegressor({ categoricalFeatures }).fit(
        takeRows(X, [...Array(rows).keys()]),
        y.slice(0, rows),
      )
    expect(() => fit([0])).toThrow(errorNamed('OptionInvalid', 'maxBins = 255'))
    expect(() => fit([1])).toThrow(errorNamed('OptionInvalid', 'column 1'))
    fit([0], 255)
  })

  it('ends early once held out rows gain no more', () => {
    const { X, y } = problem('X', 'y')
    const options = { maxIter: 500, seed: 3, nIterNoChange: 5 }
    const early = new GradientBoostingRegressor({ ...options, earlyStopping: true }).fit(X, y)
    expect(early.nIter).toBeGreaterThan(5)
    expect(early.nIter).toBeLessThan(500)
    expect(new GradientBoostingRegressor({ ...options, maxIter: 40 }).fit(X, y).nIter).toBe(40)
    const other = new GradientBoostingRegressor({ ...options, earlyStopping: true, seed: 4 })
    expect(other.fit(X, y).predict(X)).not.toEqual(early.predict(X))
    const classes = new GradientBoostingClassifier({ ...options, earlyStopping: true })
    classes.fit(iris.X, iris.y)
    expect(classes.nIter).toBeLessThan(500)
    expect(accuracy(iris.y, classes.predict(iris.X))).toBeGreaterThan(0.93)
  })

  it('ends early by itself from 10,001 rows', () => {
    const random = seededRandom(8)
    const X = matrix(
      Float64Array.from({ length: 10_001 }, () => random()),
      10_001,
      1,
    )
    const y = X.data.map((value) => value + random())
    const iterations = (rows: number) =>
      new GradientBoostingRegressor({ maxIter: 150, nIterNoChange: 2 }).fit(
        takeRows(X, [...Array(rows).keys()]),
        y.slice(0, rows),
      ).nIter
    expect(iterations(10_000)).toBe(150)
    expect(iterations(10_001)).toBeLessThan(150)
  })

  it('draws features where it looks at a share of them', () => {
    const { X, y } = problem('X', 'y')
    const fit = (seed: number) =>
      new GradientBoostingRegressor({ maxFeatures: 0.4, seed }).fit(X, y)
    expect(fit(1).predict(X)).toEqual(fit(1).predict(X))
    expect(fit(1).predict(X)).not.toEqual(fit(2).predict(X))
  })

  it('refuses options that are unknown or impossible', () => {
    for (const options of [
      { learningRate: 0 },
      { maxIter: 1.5 },
      { maxLeafNodes: 1 },
      { maxBins: 256 },
      { maxDepth: 'deep' },
      { categoricalFeatures: [0, 0] },
      { categoricalFeatures: [-1] },
      { categoricalFeatures: '0' },
      { earlyStopping: 'yes' },
      { maxFeatures: 2 },
      { nTrees: 10 },
    ]) {
      expect(() => new GradientBoostingRegressor(options as object)).toThrow(
        errorNamed('OptionInvalid', Object.keys(options)[0]),
      )
    }
    expect(() => new GradientBoostingClassifier({ loss: 'log_loss' } as object)).toThrow(
      errorNamed('OptionInvalid', 'loss'),
    )
  })

  it('tells apart classes where some have few rows', () => {
    const { X, y } = blobs(200, 3, 4)
    const rare = y.map((value, i) => (value === 3 && i > 40 ? 2 : value))
    const model = new GradientBoostingClassifier({ minSamplesLeaf: 2 }).fit(X, rare)
    expect(accuracy(rare, model.predict(X))).toBeGreaterThan(0.95)
  })
})
