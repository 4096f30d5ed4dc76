import { describe, expect, it } from 'vitest'
import { rowOf, takeRows, takeValues, type Matrix } from '../../../../ml/data/matrix.ts'
import {
  FunctionTransformer,
  LogisticRegression,
  MajorityBaseline,
  PCA,
  Pipeline,
  SimpleImputer,
  StandardScaler,
  SVC,
  type Transformer,
} from '../../../../ml/models/index.ts'
import { blobs, iris, mapValues } from '../datasets.ts'

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
    expect((model.steps[0] as StandardScaler).mean).toEqual(scaler.mean)
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

  it('learns the same where it may write over X, and leaves X alone where it may not', () => {
    const steps = [new SimpleImputer(), new StandardScaler(), new PCA({ nComponents: 2 })]
    const own = { ...iris.X, data: iris.X.data.slice() }
    const kept = new Pipeline(new SVC(), { steps }).fit(own, iris.y)
    expect(own.data).toEqual(iris.X.data)
    const spent = new Pipeline(new SVC(), { steps }).fit(own, iris.y, { overwriteX: true })
    expect(spent.toTensors()).toEqual(kept.toTensors())
    expect(own.data).not.toEqual(iris.X.data)
    const fit = () => new SVC().fit(iris.X, iris.y, { overwriteX: 1 as unknown as boolean })
    expect(fit).toThrow('svc.fit: option overwriteX takes true or false')
  })

  it('learns the same in memory that it is given for what the first step makes', () => {
    const steps = [new SimpleImputer(), new StandardScaler()]
    const kept = new Pipeline(new SVC(), { steps }).fit(iris.X, iris.y)
    const memory = new Float64Array(iris.X.data.length + 10)
    const copyTo = (values: number) => memory.subarray(0, values + 5)
    const own = { ...iris.X, data: iris.X.data.slice() }
    const lent = new Pipeline(new SVC(), { steps }).fit(own, iris.y, { copyTo })
    expect(lent.toTensors()).toEqual(kept.toTensors())
    expect(own).toEqual(iris.X)
    expect(memory.subarray(0, 4)).not.toEqual(new Float64Array(4))
    const fit = () => new SVC().fit(iris.X, iris.y, { copyTo: 1 as unknown as () => Float64Array })
    expect(fit).toThrow('svc.fit: option copyTo takes a function')
  })

  it('answers many rows by blocks, as each alone, and names a bad one by its place in all', () => {
    const seen: number[] = []
    class Watching extends LogisticRegression {
      override predict(X: Matrix): Float64Array {
        seen.push(X.rows)
        return super.predict(X)
      }
    }
    const steps = [new StandardScaler()]
    const small = blobs(40, 2, 3)
    small.X.data.forEach((value, at) => (small.X.data[at] = value / 1e3))
    const model = new Pipeline(new Watching(), { steps }).fit(small.X, small.y)
    const [rows, cols] = [600_000, 2]
    const data = Float64Array.from({ length: rows * cols }, (_, at) => small.X.data[at % 80]!)
    const X = { data, rows, cols }
    const answers = [model.predict(X), model.predictProba!(X).data, model.decisionFunction(X).data]
    const few = { data: data.subarray(0, 80), rows: 40, cols }
    const alone = [
      model.predict(few),
      model.predictProba!(few).data,
      model.decisionFunction(few).data,
    ]
    expect(Math.max(...seen)).toBeLessThan(rows)
    answers.forEach((all, a) => {
      const some = alone[a]!
      expect(all).toHaveLength((some.length / 40) * rows)
      expect(all.every((value, at) => value === some[at % some.length])).toBe(true)
    })
    // Only what the step makes of it is too large.
    data[2 * 590_000] = 9e139
    expect(() => model.predict(X)).toThrow('row 590000, column 0')
  })

  it('refuses parts that do not fit each other', () => {
    const classifier = new SVC().fit(iris.X, iris.y)
    const scaler = new StandardScaler().fit(blobs(5, 2, 2).X)
    expect(() => Pipeline.of(classifier, [scaler])).toThrow(
      expect.objectContaining({ name: 'ShapeMismatch' }),
    )
  })

  it('learns each step from what the one before makes of the same rows', () => {
    const gaps = mapValues(iris.X, (value, i, j) => (i % 7 === 0 && j === 1 ? NaN : value))
    const imputed = new SimpleImputer().fit(gaps).transform(gaps)
    const scaled = new StandardScaler().fit(imputed).transform(imputed)
    const turned = new PCA({ nComponents: 2 }).fit(scaled).transform(scaled)
    const steps = [new SimpleImputer(), new StandardScaler(), new PCA({ nComponents: 2 })]
    const model = new Pipeline(new SVC(), { steps }).fit(gaps, iris.y)
    expect(model.decisionFunction(gaps)).toEqual(
      new SVC().fit(turned, iris.y).decisionFunction(turned),
    )
    expect([model.featureCount, model.model.featureCount]).toEqual([4, 2])
    // The steps given are patterns: they learn nothing themselves.
    expect(() => steps[1]!.inputCount).toThrow(expect.objectContaining({ name: 'NotFitted' }))
  })

  it('takes NaN exactly where a step fills it or the model takes it', () => {
    const accepts = (...steps: Transformer[]) =>
      new Pipeline(new MajorityBaseline(), { steps }).acceptsMissing
    expect(accepts()).toBe(false)
    expect(accepts(new StandardScaler())).toBe(false)
    expect(accepts(new StandardScaler(), new SimpleImputer(), new PCA())).toBe(true)
    expect(accepts(new PCA(), new SimpleImputer())).toBe(false)
    const broken = mapValues(iris.X, (value, i, j) => (i === 3 && j === 2 ? NaN : value))
    expect(() => new Pipeline(new SVC(), { scale: true }).fit(broken, iris.y)).toThrow(
      expect.objectContaining({
        name: 'ValueNotFinite',
        message: expect.stringContaining('row 3, column 2') as string,
      }),
    )
  })

  it('leaves the rows it was given as they are, whatever the steps', () => {
    const before = iris.X.data.slice()
    const steps = [new FunctionTransformer({ func: 'log' }), new StandardScaler(), new PCA()]
    const model = new Pipeline(new MajorityBaseline(), { steps }).fit(iris.X, iris.y)
    model.predict(iris.X)
    expect(iris.X.data).toEqual(before)
  })

  it('answers for one row what it answers for many, one after the other', () => {
    const steps = [new SimpleImputer(), new PCA({ nComponents: 2 })]
    const model = new Pipeline(new SVC(), { steps }).fit(iris.X, iris.y)
    const expected = model.predict(iris.X)
    const rows = Array.from({ length: 150 }, (_, i) => rowOf(iris.X, i))
    expect(rows.map((row) => model.predictRow(row))).toEqual([...expected])
    model.predict(iris.X)
    expect(rows.map((row) => model.predictRow(row))).toEqual([...expected])
  })
})
