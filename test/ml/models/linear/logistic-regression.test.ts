import { describe, expect, it } from 'vitest'
import { matrixFromRows, type Matrix } from '../../../../ml/data/matrix.ts'
import { LogisticRegression } from '../../../../ml/models/index.ts'
import { blobs, iris, mapValues } from '../datasets.ts'
import fixtures from '../fixtures/logistic-regression.json' with { type: 'json' }

const problems = [
  { name: 'Iris', ...iris, queries: fixtures.iris.queries, cases: fixtures.iris.cases },
  {
    name: 'two classes',
    X: matrixFromRows(fixtures.twoClasses.X),
    y: Float64Array.from(fixtures.twoClasses.y),
    queries: fixtures.twoClasses.queries,
    cases: fixtures.twoClasses.cases,
  },
]

describe('LogisticRegression', () => {
  for (const { name, X, y, queries, cases } of problems) {
    for (const golden of cases) {
      it(`has scikit-learn's coefficients for ${name} with C = ${golden.C}`, () => {
        const model = new LogisticRegression({ C: golden.C }).fit(X, y)
        const { weights, intercepts } = model.toTensors()
        const at = matrixFromRows(queries)
        expectClose(weights!.data, golden.coef.flat(), 1e-5)
        expectClose(intercepts!.data, golden.intercept, 1e-5)
        expectClose(model.predictProba(at).data, golden.probabilities.flat(), 1e-6)
        expectClose(model.decisionFunction(at).data, golden.decisions.flat(), 1e-5)
      })
    }
  }

  it('leaves no slope of its objective at the optimum, in any unit of a column', () => {
    const { X, y } = blobs(90, 3, 2, { apart: 0.5 })
    const units = [1e6, 1, 1e-6]
    const scaled = { ...X, data: X.data.map((value, at) => value * units[at % 3]!) }
    const C = 3
    const model = new LogisticRegression({ C }).fit(scaled, y)
    const { weights } = model.toTensors()
    const probabilities = model.predictProba(scaled).data
    const errors = Array.from(y, (target, i) => probabilities[2 * i + 1]! - target)
    expect(errors.reduce((sum, error) => sum + error, 0)).toBeCloseTo(0, 6)
    for (let j = 0; j < 3; j++) {
      const pull = errors.reduce((sum, error, i) => sum + error * scaled.data[i * 3 + j]!, 0)
      expect((C * pull + weights!.data[j]!) / (units[j]! * C)).toBeCloseTo(0, 5)
    }
  })

  it.each([
    { what: 'many rows, sorted by class', rows: 4001, cols: 3, classes: 2 },
    { what: 'many rows of three classes', rows: 5000, cols: 4, classes: 3 },
    { what: 'more parameters than the Hessian is for', rows: 90, cols: 70, classes: 5 },
    { what: 'more columns than that', rows: 61, cols: 303, classes: 2 },
    { what: 'one column', rows: 7, cols: 1, classes: 2 },
  ])('leaves no slope of its objective with $what', ({ rows, cols, classes }) => {
    const { X, y } = blobs(rows, cols, classes, { apart: 0.7 })
    y.sort()
    X.data[0] = 1e6
    for (const rate of slopes(X, y, new LogisticRegression().fit(X, y))) {
      expect(Math.abs(rate)).toBeLessThan(1e-7)
    }
  })

  it('takes no part in how far a column is from 0, and none in a constant one', () => {
    const { X, y } = blobs(700, 4, 2, { apart: 0.7 })
    const far = mapValues(X, (value, _, column) => (column === 2 ? 1e9 : value - 2 ** 20))
    const plain = mapValues(X, (value, _, column) => (column === 2 ? 0 : value))
    const [model, other] = [plain, far].map((features) => new LogisticRegression().fit(features, y))
    const weights = (fitted: LogisticRegression) => fitted.toTensors().weights!.data
    expectClose(weights(other!), [...weights(model!)], 1e-6)
    expect(weights(other!)[2]).toBe(0)
  })

  it('finds the optimum where classes are apart, however little the weights cost', () => {
    const { X, y } = blobs(60, 3, 3, { apart: 6 })
    const model = new LogisticRegression({ C: 1e9 }).fit(X, y)
    expect(model.predict(X)).toEqual(y)
    const weights = (C: number) =>
      Math.hypot(...new LogisticRegression({ C }).fit(X, y).toTensors().weights!.data)
    expect(weights(1)).toBeGreaterThan(weights(0.01))
    expect(weights(0.01)).toBeGreaterThan(weights(0.0001))
  })

  it('gives the share of the classes where the weights cost all', () => {
    const { X } = blobs(60, 3, 2)
    const y = Float64Array.from({ length: 60 }, (_, i) => (i < 15 ? 1 : 0))
    const probabilities = new LogisticRegression({ C: 1e-9 }).fit(X, y).predictProba(X)
    expect(probabilities.data[1]).toBeCloseTo(0.25, 6)
  })

  it('says when its steps run out', () => {
    const { X, y } = blobs(60, 3, 3)
    expect(() => new LogisticRegression({ maxIter: 1 }).fit(X, y)).toThrow(
      expect.objectContaining({ name: 'NotConverged' }),
    )
  })

  it('refuses options that are unknown or impossible', () => {
    for (const options of [{ penalty: 'l1' }, { C: -1 }, { tol: 'small' }, { maxIter: 0 }]) {
      expect(() => new LogisticRegression(options as object)).toThrow(
        expect.objectContaining({ name: 'OptionInvalid' }),
      )
    }
  })
})

function expectClose(actual: ArrayLike<number>, expected: number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length)
  expected.forEach((value, k) => {
    const difference = Math.abs(actual[k]! - value)
    expect(difference).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(value)))
  })
}

/** The derivatives of the objective a row by every intercept and weight, C being 1. */
function slopes(X: Matrix, y: Float64Array, model: LogisticRegression): number[] {
  const { weights, intercepts } = model.toTensors()
  const { data: probabilities, cols: classes } = model.predictProba(X)
  const outputs = intercepts!.data.length
  return Array.from({ length: outputs }, (_, c) => {
    const column = outputs === 1 ? 1 : c
    const errors = Array.from(
      y,
      (target, i) => probabilities[i * classes + column]! - (target === column ? 1 : 0),
    )
    const pulls = Array.from({ length: X.cols }, (__, j) => {
      const scale = Math.max(1, ...errors.map((___, i) => Math.abs(X.data[i * X.cols + j]!)))
      const pull = errors.reduce((sum, error, i) => sum + error * X.data[i * X.cols + j]!, 0)
      return (pull + weights!.data[c * X.cols + j]!) / scale
    })
    return [errors.reduce((sum, error) => sum + error, 0), ...pulls].map((sum) => sum / X.rows)
  }).flat()
}
