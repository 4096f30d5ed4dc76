import { describe, expect, it } from 'vitest'
import {
  matrix,
  matrixFromRows,
  takeRows,
  takeValues,
  type Matrix,
} from '../../../ml/data/matrix.ts'
import { permutation, seededRandom } from '../../../ml/data/random.ts'
import type { FitProgress, Regressor } from '../../../ml/models/index.ts'
import { decodeAnyModel, encodeModel, RegressionPipeline } from '../../../ml/models/index.ts'
import { mapValues } from './datasets.ts'

export interface RegressorExpectations {
  /** The least R² on its own rows, of targets that are a sum of steps and slopes. Default 0.8. */
  readonly learns?: number
  /** How far a prediction may move when rows or columns are permuted, in spreads of the target. */
  readonly agreement?: number
  /** Whether columns of other units leave its predictions as they are. Default false. */
  readonly scaleFree?: boolean
  /** Whether it learns targets above 0 only. Default false. */
  readonly onlyPositive?: boolean
}

/** What every regressor keeps to, whatever it learns. */
export function testRegressor(
  name: string,
  create: () => Regressor,
  {
    learns = 0.8,
    agreement = 1e-6,
    scaleFree = false,
    onlyPositive = false,
  }: RegressorExpectations = {},
): void {
  const slopes = (rows: number, cols: number, seed: number) =>
    slopesFrom(onlyPositive ? 3 : 0, rows, cols, seed)
  const { X, y } = slopes(80, 4, 1)
  const other = slopes(50, 3, 2)
  const asPipeline = (model: Regressor) =>
    model instanceof RegressionPipeline ? model : RegressionPipeline.of(model)
  const spread = Math.sqrt(variance(y))

  const expectSane = (model: Regressor, features = X, targets = y) => {
    const predicted = model.predict(features)
    expect(predicted.length).toBe(features.rows)
    expect(predicted.every(Number.isFinite)).toBe(true)
    return explained(targets, predicted)
  }

  const expectClose = (actual: Float64Array, expected: Float64Array) => {
    actual.forEach((value, i) => {
      expect(Math.abs(value - expected[i]!)).toBeLessThanOrEqual(agreement * spread)
    })
  }

  describe(`${name} keeps the regressor contract`, () => {
    it('explains targets that follow the features', () => {
      const model = create().fit(X, y)
      expect(model.featureCount).toBe(4)
      expect(expectSane(model)).toBeGreaterThanOrEqual(learns)
    })

    it('answers for one row what it answers for many', () => {
      const model = create().fit(X, y)
      const rows = Array.from({ length: X.rows }, (_, i) => X.data.slice(i * 4, i * 4 + 4))
      expect(rows.map((row) => model.predictRow(row))).toEqual([...model.predict(X)])
    })

    it('forgets at a refit what it learned before', () => {
      const model = create().fit(other.X, other.y)
      model.fit(X, y)
      expect(encodeModel(asPipeline(model))).toEqual(encodeModel(asPipeline(create().fit(X, y))))
    })

    it('learns the same from the same, and leaves its input as it was', () => {
      const before = { data: X.data.slice(), y: y.slice() }
      const first = encodeModel(asPipeline(create().fit(X, y)))
      const second = encodeModel(asPipeline(create().fit(X, [...y])))
      expect(second).toEqual(first)
      expect({ data: X.data, y }).toEqual(before)
    })

    it('predicts to the bit the same from its file', () => {
      for (const { X: features, y: targets } of [{ X, y }, other]) {
        const model = asPipeline(create().fit(features, targets))
        const bytes = encodeModel(model, { note: 'a file' })
        const loaded = decodeAnyModel(bytes)
        expect(loaded.task).toBe('regression')
        expect(loaded.algorithm).toBe(model.algorithm)
        expect(loaded.model.parameters).toEqual(model.parameters)
        expect(loaded.model.predict(features)).toEqual(model.predict(features))
        expect(encodeModel(loaded.model, { note: 'a file' })).toEqual(bytes)
      }
    })

    it('predicts the same when the rows come in another order', () => {
      const order = permutation(X.rows, seededRandom(5))
      const model = create().fit(takeRows(X, order), takeValues(y, order))
      expectClose(model.predict(X), create().fit(X, y).predict(X))
    })

    it('predicts the same when the columns come in another order', () => {
      const turned = mapValues(X, (_, i, j) => X.data[i * 4 + ((j + 1) % 4)]!)
      expectClose(create().fit(turned, y).predict(turned), create().fit(X, y).predict(X))
    })

    it('stays finite over columns of very different units', () => {
      const units = [1e12, 1e-12, 1, 1000]
      const scaled = mapValues(X, (value, _, j) => value * units[j]! + (j === 2 ? 1e6 : 0))
      const share = expectSane(create().fit(scaled, y), scaled)
      if (scaleFree) expect(share).toBeGreaterThanOrEqual(learns)
    })

    it('learns targets of the size of 1e12, of 1e-12, and far from 0', () => {
      for (const unit of [1e12, 1e-12]) {
        const scaled = y.map((target) => target * unit)
        expect(expectSane(create().fit(X, scaled), X, scaled)).toBeGreaterThanOrEqual(learns)
      }
      const far = y.map((target) => target + 1e6)
      expect(expectSane(create().fit(X, far), X, far)).toBeGreaterThanOrEqual(learns)
    })

    it('stays finite at the ends of the range of features and targets', () => {
      const extreme = mapValues(X, (value, _, j) => (j === 0 ? value * 1e138 : value * 1e-300))
      expect(create().fit(extreme, y).predict(extreme).every(Number.isFinite)).toBe(true)
      const targets = y.map((target) => (target / 100) * 1e140)
      expect(create().fit(X, targets).predict(X).every(Number.isFinite)).toBe(true)
    })

    it('takes constant columns, also when all are, and constant targets', () => {
      const partly = mapValues(X, (value, _, j) => (j === 1 ? 0.1 : j === 3 ? -1000.1 : value))
      expectSane(create().fit(partly, y), partly)
      const constant = mapValues(X, () => 7)
      const mean = y.reduce((sum, target) => sum + target, 0) / y.length
      for (const value of create().fit(constant, y).predict(constant)) {
        expect(Math.abs(value - mean)).toBeLessThanOrEqual(2 * spread)
      }
      for (const value of create().fit(X, new Float64Array(80).fill(3)).predict(X)) {
        expect(value).toBeCloseTo(3, 9)
      }
    })

    it('learns from one row, one column, and fewer rows than columns', () => {
      const single = matrixFromRows([[1, 2, 3]])
      expect(
        create()
          .fit(single, [5])
          .predictRow(Float64Array.of(1, 2, 3)),
      ).toBeCloseTo(5, 9)
      const column = slopes(40, 1, 4)
      expectSane(create().fit(column.X, column.y), column.X, column.y)
      const wide = slopes(6, 20, 5)
      expectSane(create().fit(wide.X, wide.y), wide.X, wide.y)
    })

    it('takes duplicate rows, also of different targets', () => {
      const doubled = takeRows(
        X,
        Array.from({ length: 160 }, (_, i) => i >> 1),
      )
      const targets = Float64Array.from({ length: 160 }, (_, i) => y[i >> 1]! + (i % 2) * 0.01)
      expect(expectSane(create().fit(doubled, targets), doubled, targets)).toBeGreaterThanOrEqual(
        Math.min(learns, 0.9),
      )
    })

    it('refuses what is not finite by row and column, but NaN where it takes missing values', () => {
      const fitted = create().fit(X, y)
      const refused = fitted.acceptsMissing ? [] : [NaN]
      for (const bad of [...refused, Infinity, -Infinity]) {
        const broken = mapValues(X, (value, i, j) => (i === 7 && j === 2 ? bad : value))
        for (const attempt of [() => create().fit(broken, y), () => fitted.predict(broken)]) {
          expect(attempt).toThrow(
            expect.objectContaining({
              name: 'ValueNotFinite',
              message: expect.stringContaining('row 7, column 2') as string,
            }),
          )
        }
        expect(() => fitted.predictRow(Float64Array.of(0, bad, 0, 0))).toThrow(
          expect.objectContaining({ name: 'ValueNotFinite' }),
        )
      }
      for (const bad of [NaN, Infinity]) {
        expect(() => create().fit(X, y.with(3, bad))).toThrow(
          expect.objectContaining({
            name: 'ValueNotFinite',
            message: expect.stringContaining('row 3') as string,
          }),
        )
      }
      if (!fitted.acceptsMissing) return
      const gaps = mapValues(X, (value, i, j) => ((i + j) % 3 === 0 ? NaN : value))
      expectSane(create().fit(gaps, y), gaps)
      expectSane(fitted, gaps)
    })

    it('refuses values too large to square', () => {
      const broken = mapValues(X, (value, i, j) => (i === 7 && j === 2 ? 1e200 : value))
      for (const attempt of [
        () => create().fit(broken, y),
        () => create().fit(X, y.with(3, -1e200)),
      ]) {
        expect(attempt).toThrow(expect.objectContaining({ name: 'ValueTooLarge' }))
      }
    })

    it('refuses shapes that do not fit, and emptiness', () => {
      const fitted = create().fit(X, y)
      for (const attempt of [
        () => create().fit(X, y.slice(1)),
        () => create().fit({ ...X, rows: 81 }, y),
        () => fitted.predict(other.X),
        () => fitted.predictRow(new Float64Array(3)),
      ]) {
        expect(attempt).toThrow(expect.objectContaining({ name: 'ShapeMismatch' }))
      }
      expect(() => create().fit(matrix(new Float64Array(0), 0, 4), [])).toThrow(
        expect.objectContaining({ name: 'DatasetEmpty' }),
      )
    })

    it('refuses to answer before it learned', () => {
      for (const attempt of [
        () => create().predict(X),
        () => create().predictRow(new Float64Array(4)),
        () => create().featureCount,
        () => create().toTensors(),
      ]) {
        expect(attempt).toThrow(expect.objectContaining({ name: 'NotFitted' }))
      }
    })

    it('ends at its signal and stays as it was', () => {
      const reason = new Error('enough')
      const model = create().fit(other.X, other.y)
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
      const onProgress = () => {
        if (++words === seen.length) controller.abort()
      }
      expect(() => create().fit(X, y, { signal: controller.signal, onProgress })).toThrow(
        expect.objectContaining({ name: 'FitAborted' }),
      )
      expect(words).toBe(seen.length)
    })
  })
}

/** Targets near a + 3 x₀ - 2 x₁ (where there is one), columns in (0, 1), no two values the same. */
function slopesFrom(
  a: number,
  rows: number,
  cols: number,
  seed: number,
): { X: Matrix; y: Float64Array } {
  const random = seededRandom(seed)
  const X = matrix(
    Float64Array.from({ length: rows * cols }, () => random()),
    rows,
    cols,
  )
  const y = Float64Array.from({ length: rows }, (_, i) => {
    const at = i * cols
    return a + 3 * X.data[at]! - (cols > 1 ? 2 * X.data[at + 1]! : 0) + 0.1 * random()
  })
  return { X, y }
}

function variance(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
}

/** R². */
function explained(y: Float64Array, predicted: Float64Array): number {
  const left = y.reduce((sum, target, i) => sum + (target - predicted[i]!) ** 2, 0) / y.length
  return 1 - left / variance(y)
}
