import { describe, expect, it } from 'vitest'
import {
  matrix,
  matrixFromRows,
  takeRows,
  takeValues,
  type Matrix,
} from '../../../ml/data/matrix.ts'
import { permutation, seededRandom } from '../../../ml/data/random.ts'
import type { Classifier, FitProgress } from '../../../ml/models/index.ts'
import {
  accuracy,
  decodeModel,
  encodeModel,
  isModelError,
  Pipeline,
} from '../../../ml/models/index.ts'
import { blobs, mapValues } from './datasets.ts'

export interface EstimatorExpectations {
  /** Whether it learns from the features at all. Default true. */
  readonly learns?: boolean
  /** The share of rows that must get the same class after rows or columns are permuted. */
  readonly agreement?: number
  /** Whether columns of other units leave its predictions as they are. Default false. */
  readonly scaleFree?: boolean
  /** Whether it may end in NotConverged where no machine of its kind can be found. Default false. */
  readonly mayNotConverge?: boolean
}

/** What every classifier keeps to, whatever it learns. */
export function testEstimator(
  name: string,
  create: () => Classifier,
  {
    learns = true,
    agreement = 1,
    scaleFree = false,
    mayNotConverge = false,
  }: EstimatorExpectations = {},
): void {
  const { X, y } = blobs(60, 4, 3)
  const two = blobs(40, 3, 2, { seed: 2 })
  const asPipeline = (model: Classifier) => (model instanceof Pipeline ? model : Pipeline.of(model))

  const expectSane = (model: Classifier, features = X, targets = y) => {
    const predicted = model.predict(features)
    expect(predicted.every((value) => model.classes.includes(value))).toBe(true)
    expect(model.decisionFunction(features).data.every(Number.isFinite)).toBe(true)
    const probabilities = model.predictProba?.(features)
    if (probabilities) {
      for (let i = 0; i < features.rows; i++) {
        const row = probabilities.data.subarray(
          i * probabilities.cols,
          (i + 1) * probabilities.cols,
        )
        expect(row.every((value) => value >= 0 && value <= 1)).toBe(true)
        expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12)
      }
    }
    return accuracy(targets, predicted)
  }

  /** A fitted model, or none where it honestly says that there is none to be had. */
  const fitWherePossible = (features: Matrix, targets: Float64Array) => {
    try {
      return create().fit(features, targets)
    } catch (error) {
      if (mayNotConverge && isModelError(error, 'NotConverged')) return undefined
      throw error
    }
  }

  describe(`${name} keeps the estimator contract`, () => {
    it('tells apart classes that are apart, in their own values', () => {
      const shifted = y.map((value) => value * 10 - 7)
      const model = create().fit(X, shifted)
      expect([...model.classes]).toEqual([-7, 3, 13])
      expect(model.featureCount).toBe(4)
      expect(expectSane(model, X, shifted)).toBeGreaterThanOrEqual(learns ? 0.95 : 1 / 3)
    })

    it('answers one decision for two classes, positive for the greater', () => {
      const model = create().fit(two.X, two.y)
      const decisions = model.decisionFunction(two.X)
      expect([decisions.rows, decisions.cols]).toEqual([40, 1])
      expect(Array.from(decisions.data, (value) => (value > 0 ? 1 : 0))).toEqual([
        ...model.predict(two.X),
      ])
      expect(expectSane(model, two.X, two.y)).toBeGreaterThanOrEqual(learns ? 0.95 : 0.5)
    })

    it('answers a decision a class for three, the greatest for the predicted class', () => {
      const model = create().fit(X, y)
      const { data, cols } = model.decisionFunction(X)
      expect(cols).toBe(3)
      const predicted = model.predict(X)
      for (let i = 0; i < X.rows; i++) {
        const row = data.subarray(i * cols, (i + 1) * cols)
        expect(row[predicted[i]!]).toBe(Math.max(...row))
      }
    })

    it('answers for one row what it answers for many', () => {
      const model = create().fit(X, y)
      const rows = Array.from({ length: X.rows }, (_, i) => X.data.slice(i * 4, i * 4 + 4))
      expect(rows.map((row) => model.predictRow(row))).toEqual([...model.predict(X)])
      const probabilities = model.predictProba?.(X).data
      expect(model.predictProbaRow !== undefined).toBe(probabilities !== undefined)
      const ofRows = rows.flatMap((row) => {
        const out = new Float64Array(3)
        model.predictProbaRow?.(row, out)
        return [...out]
      })
      if (probabilities) expect(ofRows).toEqual([...probabilities])
    })

    it('forgets at a refit what it learned before', () => {
      const model = create().fit(two.X, two.y)
      model.fit(X, y)
      expect(encodeModel(asPipeline(model))).toEqual(encodeModel(asPipeline(create().fit(X, y))))
    })

    it('learns the same from the same, and leaves its input as it was', () => {
      const before = { data: X.data.slice(), y: y.slice() }
      const first = encodeModel(asPipeline(create().fit(X, y)))
      const second = encodeModel(asPipeline(create().fit(X, y)))
      expect(second).toEqual(first)
      expect({ data: X.data, y }).toEqual(before)
    })

    it('predicts to the bit the same from its file', () => {
      for (const { X: features, y: targets } of [{ X, y }, two]) {
        const model = asPipeline(create().fit(features, targets))
        const bytes = encodeModel(model, { note: 'a file' })
        const loaded = decodeModel(bytes)
        expect(loaded.algorithm).toBe(model.algorithm)
        expect(loaded.metadata).toEqual({ note: 'a file' })
        expect(loaded.model.parameters).toEqual(model.parameters)
        expect(loaded.model.predict(features)).toEqual(model.predict(features))
        expect(loaded.model.decisionFunction(features)).toEqual(model.decisionFunction(features))
        expect(loaded.model.predictProba?.(features)).toEqual(model.predictProba?.(features))
        expect(encodeModel(loaded.model, { note: 'a file' })).toEqual(bytes)
      }
    })

    it('predicts the same when the rows come in another order', () => {
      const order = permutation(X.rows, seededRandom(5))
      const model = create().fit(takeRows(X, order), takeValues(y, order))
      expect(accuracy(create().fit(X, y).predict(X), model.predict(X))).toBeGreaterThanOrEqual(
        agreement,
      )
    })

    it('predicts the same when the columns come in another order', () => {
      const turned = mapValues(X, (_, i, j) => X.data[i * 4 + ((j + 1) % 4)]!)
      const model = create().fit(turned, y)
      expect(accuracy(create().fit(X, y).predict(X), model.predict(turned))).toBeGreaterThanOrEqual(
        agreement,
      )
    })

    it('stays finite over columns of very different units', () => {
      const units = [1e12, 1e-12, 1, 1000]
      const scaled = mapValues(X, (value, _, j) => value * units[j]! + (j === 2 ? 1e12 : 0))
      const model = fitWherePossible(scaled, y)
      const share = model && expectSane(model, scaled)
      if (scaleFree) expect(share).toBeGreaterThanOrEqual(0.95)
    })

    it('learns from columns that are all of the size of 1e12, or of 1e-12', () => {
      for (const unit of [1e12, 1e-12]) {
        const scaled = mapValues(X, (value) => value * unit)
        const model = fitWherePossible(scaled, y)
        if (model) expectSane(model, scaled)
      }
    })

    it('stays finite at the ends of the range of features', () => {
      const extreme = mapValues(X, (value, _, j) => (j === 0 ? value * 1e139 : value * 1e-300))
      const model = fitWherePossible(extreme, y)
      if (model) expectSane(model, extreme)
    })

    it('takes constant columns, also when all are', () => {
      const partly = mapValues(X, (value, _, j) => (j === 1 ? 0.1 : j === 3 ? -1000.1 : value))
      const model = create().fit(partly, y)
      expect(expectSane(model, partly)).toBeGreaterThanOrEqual(learns ? 0.6 : 1 / 3)
      const constant = mapValues(X, () => 7)
      expectSane(create().fit(constant, y), constant)
    })

    it('takes a value at prediction that a constant column never had', () => {
      const model = create().fit(
        mapValues(X, (value, _, j) => (j === 1 ? 5 : value)),
        y,
      )
      expectSane(
        model,
        mapValues(X, (value, _, j) => (j === 1 ? -1e6 : value)),
      )
    })

    it('learns from a single column', () => {
      const { X: column, y: targets } = blobs(40, 1, 2)
      const model = create().fit(column, targets)
      expect(expectSane(model, column, targets)).toBeGreaterThanOrEqual(learns ? 0.95 : 0.5)
    })

    it('learns from fewer rows than columns, down to two', () => {
      const { X: wide, y: targets } = blobs(6, 20, 2)
      expectSane(create().fit(wide, targets), wide, targets)
      const pair = matrixFromRows([
        [0, 1],
        [1, 0],
      ])
      expectSane(create().fit(pair, [0, 1]), pair, Float64Array.of(0, 1))
    })

    it('takes duplicate rows, also of different classes', () => {
      const doubled = takeRows(
        X,
        Array.from({ length: 120 }, (_, i) => i >> 1),
      )
      const targets = Float64Array.from({ length: 120 }, (_, i) =>
        i < 6 ? (y[i >> 1]! + (i % 2)) % 3 : y[i >> 1]!,
      )
      expect(expectSane(create().fit(doubled, targets), doubled, targets)).toBeGreaterThanOrEqual(
        learns ? 0.85 : 1 / 3,
      )
    })

    it('refuses NaN and infinity by row and column, at fit and at prediction', () => {
      const fitted = create().fit(X, y)
      const refused = fitted.acceptsMissing ? [] : [NaN]
      for (const bad of [...refused, Infinity, -Infinity]) {
        const broken = mapValues(X, (value, i, j) => (i === 7 && j === 2 ? bad : value))
        for (const attempt of [
          () => create().fit(broken, y),
          () => fitted.predict(broken),
          () => fitted.decisionFunction(broken),
          ...(fitted.predictProba ? [() => fitted.predictProba!(broken)] : []),
        ]) {
          expect(attempt).toThrow(
            expect.objectContaining({
              name: 'ValueNotFinite',
              message: expect.stringContaining('row 7, column 2') as string,
            }),
          )
        }
        expect(() => fitted.predictRow(Float64Array.of(0, bad, 0, 0))).toThrow(
          expect.objectContaining({
            name: 'ValueNotFinite',
            message: expect.stringContaining('column 1') as string,
          }),
        )
        expect(() => create().fit(X, y.with(3, bad))).toThrow(
          expect.objectContaining({
            name: 'ValueNotFinite',
            message: expect.stringContaining('row 3') as string,
          }),
        )
      }
    })

    it('takes NaN for a missing value where it says so, and no NaN for a target', () => {
      if (create().acceptsMissing) {
        const gaps = mapValues(X, (value, i, j) => ((i + j) % 3 === 0 ? NaN : value))
        const model = create().fit(gaps, y)
        expectSane(model, gaps)
        expectSane(
          model,
          mapValues(X, () => NaN),
        )
        expectSane(create().fit(X, y), gaps)
      }
      expect(() => create().fit(X, y.with(3, NaN))).toThrow(
        expect.objectContaining({ name: 'ValueNotFinite' }),
      )
    })

    it('refuses values too large to square', () => {
      const broken = mapValues(X, (value, i, j) => (i === 7 && j === 2 ? 1e200 : value))
      expect(() => create().fit(broken, y)).toThrow(
        expect.objectContaining({ name: 'ValueTooLarge' }),
      )
    })

    it('refuses one class, and so many that they are a quantity', () => {
      expect(() => create().fit(X, new Float64Array(60).fill(4))).toThrow(
        expect.objectContaining({ name: 'OneClass' }),
      )
      const long = matrix(new Float64Array(600), 600, 1)
      const rising = Float64Array.from({ length: 600 }, (_, i) => i / 7)
      expect(() => create().fit(long, rising)).toThrow(
        expect.objectContaining({ name: 'TooManyClasses' }),
      )
    })

    it('refuses shapes that do not fit, and emptiness', () => {
      const fitted = create().fit(X, y)
      const narrow = blobs(10, 3, 2).X
      for (const attempt of [
        () => create().fit(X, y.slice(1)),
        () => create().fit({ ...X, rows: 61 }, y),
        () => create().fit({ ...X, cols: 4.5 }, y),
        () => fitted.predict(narrow),
        () => fitted.decisionFunction(narrow),
        () => fitted.predictRow(new Float64Array(3)),
      ]) {
        expect(attempt).toThrow(expect.objectContaining({ name: 'ShapeMismatch' }))
      }
      for (const [rows, cols] of [
        [0, 4],
        [4, 0],
        [0, 0],
      ] as const) {
        const empty = matrix(new Float64Array(0), rows, cols)
        expect(() => create().fit(empty, new Float64Array(rows))).toThrow(
          expect.objectContaining({ name: 'DatasetEmpty' }),
        )
      }
      expect(() => fitted.predict(matrix(new Float64Array(0), 0, 4))).toThrow(
        expect.objectContaining({ name: 'DatasetEmpty' }),
      )
    })

    it('refuses to answer before it learned', () => {
      for (const attempt of [
        () => create().predict(X),
        () => create().decisionFunction(X),
        () => create().predictRow(new Float64Array(4)),
        () => create().classes,
        () => create().featureCount,
        () => create().toTensors(),
      ]) {
        expect(attempt).toThrow(expect.objectContaining({ name: 'NotFitted' }))
      }
    })

    it('ends at its signal and stays as it was', () => {
      const reason = new Error('enough')
      const model = create().fit(two.X, two.y)
      const before = encodeModel(asPipeline(model))
      expect(() => model.fit(X, y, { signal: AbortSignal.abort(reason) })).toThrow(
        expect.objectContaining({ name: 'FitAborted', cause: reason }),
      )
      expect(encodeModel(asPipeline(model))).toEqual(before)
    })

    it('tells of progress that never falls, and looks at the signal after each word', () => {
      const seen: FitProgress[] = []
      create().fit(X, y, { onProgress: (progress) => seen.push(progress) })
      expect(seen.length).toBeGreaterThan(0)
      seen.forEach(({ fraction, iterations }, k) => {
        expect(fraction).toBeGreaterThanOrEqual(seen[k - 1]?.fraction ?? 0)
        expect(fraction).toBeLessThanOrEqual(1)
        expect(iterations).toBeGreaterThanOrEqual(seen[k - 1]?.iterations ?? 0)
      })
      const controller = new AbortController()
      let words = 0
      const options = {
        signal: controller.signal,
        onProgress: () => {
          if (++words === seen.length) controller.abort()
        },
      }
      expect(() => create().fit(X, y, options)).toThrow(
        expect.objectContaining({ name: 'FitAborted' }),
      )
      expect(words).toBe(seen.length)
    })
  })
}
