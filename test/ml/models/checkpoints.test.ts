import { beforeAll, describe, expect, it } from 'vitest'
import { seededRandom } from '../../../ml/data/random.ts'
import {
  ColumnTransformer,
  DecisionTreeClassifier,
  DecisionTreeRegressor,
  ExtraTreesRegressor,
  GradientBoostingClassifier,
  KMeans,
  KNeighborsClassifier,
  KNeighborsRegressor,
  LinearRegression,
  MajorityBaseline,
  PCA,
  Pipeline,
  Ridge,
  type FitOptions,
  type FitProgress,
} from '../../../ml/models/index.ts'
import { errorNamed } from './golden.ts'

function problem(rows: number, cols: number, classes: number) {
  const random = seededRandom(rows + cols)
  const X = { data: Float64Array.from({ length: rows * cols }, random), rows, cols }
  const y = Float64Array.from({ length: rows }, (_, i) => X.data[i * cols]! + random())
  return { X, y, labels: y.map((value) => Math.floor((value / 2) * classes)) }
}

const long = problem(20_000, 8, 3)
const wide = problem(250, 300, 2)

/** Fits that take a while without an iteration of their own that ends soon, and how often they look. */
const fits: Record<string, [fit: (options: FitOptions) => unknown, looks: number]> = {
  'a tree of classes': [(o) => new DecisionTreeClassifier().fit(long.X, long.labels, o), 10],
  'a tree of quantities': [(o) => new DecisionTreeRegressor().fit(long.X, long.y, o), 10],
  'random cuts': [(o) => new ExtraTreesRegressor({ nEstimators: 2 }).fit(long.X, long.y, o), 5],
  'boosting of several classes': [
    (o) => new GradientBoostingClassifier({ maxIter: 2 }).fit(long.X, long.labels, o),
    2 * 8 + 2 * 3,
  ],
  'the first centroids': [(o) => new KMeans({ nClusters: 40, maxIter: 1 }).fit(long.X, o), 40],
  'an index of classes': [(o) => new KNeighborsClassifier().fit(long.X, long.labels, o), 2],
  'an index of quantities': [(o) => new KNeighborsRegressor().fit(long.X, long.y, o), 2],
  'least squares': [(o) => new LinearRegression().fit(wide.X, wide.y, o), 5],
  'positive least squares': [
    (o) => new LinearRegression({ positive: true }).fit(wide.X, wide.y, o),
    5,
  ],
  'penalized least squares': [(o) => new Ridge().fit(wide.X, wide.y, o), 3],
  'principal components': [(o) => new PCA().fit(wide.X, o), 5],
  'principal components before a model': [
    (o) => new Pipeline(new MajorityBaseline(), { steps: [new PCA()] }).fit(wide.X, wide.labels, o),
    6,
  ],
  'principal components of some columns': [
    (o) => {
      const columns = [...Array(wide.X.cols).keys()]
      return new ColumnTransformer([{ columns, step: new PCA() }]).fit(wide.X, o)
    },
    6,
  ],
}

describe.each(Object.entries(fits))('A long fit of %s', (_, [fit, looks]) => {
  const seen: FitProgress[] = []
  beforeAll(() => {
    fit({ onProgress: (progress) => seen.push(progress) })
  })

  it('tells of progress all along, which never falls', () => {
    expect(seen.length).toBeGreaterThanOrEqual(looks)
    seen.reduce((before, { fraction }) => {
      expect(fraction).toBeGreaterThanOrEqual(before)
      expect(fraction).toBeLessThanOrEqual(1)
      return fraction
    }, 0)
  })

  it('can be ended at its last look, by the signal', () => {
    let count = seen.length
    const controller = new AbortController()
    const onProgress = () => {
      if (--count === 0) controller.abort('enough')
    }
    expect(() => fit({ onProgress, signal: controller.signal })).toThrow(errorNamed('FitAborted'))
  })
})
