import { describe, expect, it } from 'vitest'
import type { Matrix } from '../../../ml/data/matrix.ts'
import {
  DecisionTreeClassifier,
  GradientBoostingClassifier,
  KMeans,
  KNeighborsClassifier,
  LinearRegression,
  LogisticRegression,
  OrdinalEncoder,
  PCA,
  Pipeline,
  RandomForestRegressor,
  Ridge,
  StandardScaler,
  SVC,
  type SVCOptions,
} from '../../../ml/models/index.ts'
import { blobs } from './datasets.ts'
import { errorNamed } from './golden.ts'

const { X, y } = blobs(60, 3, 3, { apart: 1 })

describe('Nothing at all', () => {
  const none = null as unknown as Matrix

  it('is refused by name where options, features or targets belong', () => {
    for (const Model of [KMeans, SVC, Ridge, OrdinalEncoder, PCA]) {
      expect(() => new Model(null as unknown as SVCOptions)).toThrow(errorNamed('OptionInvalid'))
    }
    for (const wrong of [null, undefined, 5] as unknown as Matrix[]) {
      for (const model of [new SVC(), new Ridge(), new Pipeline(new SVC(), { scale: true })]) {
        expect(() => model.fit(wrong, y)).toThrow(errorNamed('ShapeMismatch'))
        expect(() => model.fit(X, wrong as unknown as number[])).toThrow(
          errorNamed('ShapeMismatch'),
        )
      }
      expect(() => new KMeans().fit(wrong)).toThrow(errorNamed('ShapeMismatch'))
      expect(() => new StandardScaler().fit(wrong)).toThrow(errorNamed('ShapeMismatch'))
    }
    const ridge = new Ridge().fit(X, y)
    expect(() => ridge.predict(none)).toThrow(errorNamed('ShapeMismatch'))
    expect(() => ridge.predictRow(none as unknown as Float64Array)).toThrow(
      errorNamed('ShapeMismatch'),
    )
  })
})

describe('What a model shows', () => {
  it('as its options cannot be written', () => {
    for (const model of [
      new SVC(),
      new LogisticRegression(),
      new Ridge(),
      new KMeans(),
      new DecisionTreeClassifier(),
      new RandomForestRegressor(),
      new GradientBoostingClassifier(),
      new KNeighborsClassifier(),
      new OrdinalEncoder(),
      new PCA(),
    ]) {
      const before = { ...model.parameters }
      for (const name of Object.keys(before)) Reflect.set(model.parameters, name, 1e-9)
      expect(model.parameters).toEqual(before)
    }
  })

  it('of what it learned is a copy', () => {
    const machine = new SVC().fit(X, y)
    const before = machine.predict(X)
    machine.classes.fill(7)
    machine.supportVectorCount.fill(7)
    expect(machine.predict(X)).toEqual(before)
    expect([...machine.classes]).toEqual([0, 1, 2])
    expect([...machine.supportVectorCount]).not.toContain(7)

    const line = new LinearRegression().fit(X, y)
    const answers = line.predict(X)
    line.coefficients.fill(0)
    expect(line.predict(X)).toEqual(answers)

    const clusters = new KMeans({ nClusters: 3 }).fit(X)
    const numbers = clusters.predict(X)
    clusters.centroids.data.fill(0)
    expect(clusters.predict(X)).toEqual(numbers)

    const forest = new RandomForestRegressor({ nEstimators: 3 }).fit(X, y)
    const shares = [...forest.featureImportances]
    forest.featureImportances.fill(0)
    expect([...forest.featureImportances]).toEqual(shares)
  })

  it('does not change with what it was given', () => {
    const start = { data: X.data.slice(0, 9), rows: 3, cols: 3 }
    const given = { nClusters: 3, init: start, maxIter: 1 }
    const numbers = new KMeans(given).fit(X).centroids
    const model = new KMeans(given)
    start.data.fill(0)
    expect(model.fit(X).centroids).toEqual(numbers)
  })
})
