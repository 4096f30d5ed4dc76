import { describe, expect, it } from 'vitest'
import { takeRows, takeValues } from '../../../ml/data/matrix.ts'
import { MajorityBaseline, Pipeline, StandardScaler, SVC } from '../../../ml/models/index.ts'
import { blobs, iris } from './datasets.ts'

describe('Pipeline', () => {
  it('classifies rows scaled by the rows of its own fit', () => {
    const even = Array.from({ length: 75 }, (_, i) => 2 * i)
    const train = takeRows(iris.X, even)
    const y = takeValues(iris.y, even)
    const scaler = new StandardScaler().fit(train)
    const expected = new SVC().fit(scaler.transform(train), y)
    const model = new Pipeline(new SVC(), { scale: true }).fit(train, y)
    expect(model.decisionFunction(iris.X)).toEqual(
      expected.decisionFunction(scaler.transform(iris.X)),
    )
    expect(model.scaler!.mean).toEqual(scaler.mean)
  })

  it('has probabilities exactly where its classifier has them', () => {
    expect(new Pipeline(new SVC(), { scale: true }).predictProba).toBeUndefined()
    expect(new Pipeline(new MajorityBaseline(), { scale: false }).predictProba).toBeDefined()
  })

  it('takes rows up to its cap', () => {
    const { X, y } = blobs(11, 2, 2)
    expect(() => new Pipeline(new SVC(), { scale: true, rowCap: 10 }).fit(X, y)).toThrow(
      expect.objectContaining({ name: 'RowCapExceeded' }),
    )
    new Pipeline(new SVC(), { scale: true, rowCap: 11 }).fit(X, y)
  })

  it('keeps scaling and classifier as they were when a fit fails', () => {
    const { X, y } = blobs(12, 2, 2)
    const model = new Pipeline(new SVC(), { scale: true }).fit(X, y)
    const before = model.decisionFunction(X)
    const moved = { ...X, data: X.data.map((value) => value * 9 + 4) }
    expect(() => model.fit(moved, new Float64Array(12))).toThrow(
      expect.objectContaining({ name: 'OneClass' }),
    )
    expect(model.decisionFunction(X)).toEqual(before)
  })

  it('refuses parts that do not fit each other', () => {
    const classifier = new SVC().fit(iris.X, iris.y)
    const scaler = new StandardScaler().fit(blobs(5, 2, 2).X)
    expect(() => Pipeline.of(classifier, scaler)).toThrow(
      expect.objectContaining({ name: 'ShapeMismatch' }),
    )
  })
})
