import { describe, expect, it } from 'vitest'
import { matrixFromRows, type Matrix } from '../../../../ml/data/matrix.ts'
import { seededRandom } from '../../../../ml/data/random.ts'
import {
  LinearRegression,
  MeanBaseline,
  RegressionPipeline,
  Ridge,
  StandardScaler,
  TransformedTarget,
  decodeAnyModel,
  encodeModel,
} from '../../../../ml/models/index.ts'
import { scaleProblem, weightsOf } from '../../../../ml/models/linear/reduced-problem.ts'
import { mapValues } from '../datasets.ts'
import golden from '../fixtures/linear.json' with { type: 'json' }
import { errorNamed, expectClose } from '../golden.ts'

const X = matrixFromRows(golden.X)
const y = Float64Array.from(golden.y)
const queries = matrixFromRows(golden.queries)

/** n × d of uniform numbers, and targets that the given weights make of them with a little noise. */
function problem(rows: number, weights: readonly number[], noise: number, seed = 1) {
  const random = seededRandom(seed)
  const cols = weights.length
  const data = Float64Array.from({ length: rows * cols }, () => random() - 0.5)
  const targets = Float64Array.from({ length: rows }, (_, i) =>
    weights.reduce((sum, weight, j) => sum + weight * data[i * cols + j]!, 3 + noise * random()),
  )
  return { X: { data, rows, cols }, y: targets }
}

function dependentColumns(): Matrix {
  return matrixFromRows(golden.X.map((row) => [...row, row[0]! + row[1]!, 3]))
}

describe('LinearRegression', () => {
  it('leaves errors that no column and no constant explains', () => {
    const model = new LinearRegression().fit(X, y)
    const errors = model.predict(X).map((value, i) => y[i]! - value)
    const sum = errors.reduce((total, error) => total + error, 0)
    expect(Math.abs(sum)).toBeLessThan(1e-11)
    for (let j = 0; j < X.cols; j++) {
      const product = errors.reduce((total, error, i) => total + error * X.data[i * X.cols + j]!, 0)
      expect(Math.abs(product)).toBeLessThan(1e-10)
    }
  })

  it('has the weights of scikit-learn', () => {
    for (const [name, options] of [
      ['ordinary', {}],
      ['noIntercept', { fitIntercept: false }],
      ['positive', { positive: true }],
      ['positiveNoIntercept', { positive: true, fitIntercept: false }],
    ] as const) {
      const model = new LinearRegression(options).fit(X, y)
      expectClose(model.coefficients, golden[name].coefficients, 1e-11)
      expectClose([model.intercept], [golden[name].intercept], 1e-11)
      expectClose(model.predict(queries), golden[name].predictions, 1e-11)
    }
  })

  it('takes the weights of least norm where columns depend on each other, or outnumber rows', () => {
    const dependent = dependentColumns()
    const model = new LinearRegression().fit(dependent, y)
    expectClose(model.coefficients, golden.dependent.coefficients, 1e-10)
    expectClose(
      model.predict({ ...dependent, rows: 5, data: dependent.data.slice(0, 30) }),
      golden.dependent.predictions,
      1e-11,
    )
    const wide = matrixFromRows(golden.wide.X)
    const wideModel = new LinearRegression().fit(wide, golden.wide.y)
    expectClose(wideModel.coefficients, golden.wide.coefficients, 1e-11)
    expectClose(wideModel.predict(wide), golden.wide.y, 1e-11)
  })

  it('finds the weights that made the targets, whatever the units', () => {
    const weights = [2, -1, 0.5]
    const units = [1e12, 1e-12, 1]
    const { X: plain, y: targets } = problem(500, weights, 0)
    const scaled = mapValues(plain, (value, _, j) => value * units[j]! + (j === 2 ? 1e6 : 0))
    const { coefficients } = new LinearRegression().fit(scaled, targets)
    coefficients.forEach((value, j) => {
      expect((value * units[j]!) / weights[j]!).toBeCloseTo(1, 8)
    })
  })

  it('keeps digits that the squares of the features lose', () => {
    // Nearly equal columns: their normal equations are singular in doubles.
    const { X: base } = problem(200, [1, 1], 0, 4)
    const near = mapValues(base, (value, i, j) => base.data[2 * i]! + (j === 1 ? 1e-9 * value : 0))
    const targets = Float64Array.from(
      { length: 200 },
      (_, i) => near.data[2 * i]! + 2 * near.data[2 * i + 1]!,
    )
    const { coefficients } = new LinearRegression().fit(near, targets)
    expect(coefficients[0]).toBeCloseTo(1, 4)
    expect(coefficients[1]).toBeCloseTo(2, 4)
  })

  it('gives a constant column no weight, also at the first value it ever varies by', () => {
    const constant = mapValues(X, (value, _, j) => (j === 1 ? 0.1 : value))
    const { coefficients } = new LinearRegression().fit(constant, y)
    expect(coefficients[1]).toBe(0)
    expect(
      new LinearRegression()
        .fit(
          mapValues(X, () => 7),
          y,
        )
        .predict(X)[0],
    ).toBeCloseTo(y.reduce((sum, value) => sum + value, 0) / y.length, 12)
  })

  it('is the same whatever blocks the rows fall into', () => {
    for (const rows of [1, 2, 63, 64, 65, 129]) {
      const { X: some, y: targets } = problem(rows, [1, 2], 0.1, rows)
      const errors = new LinearRegression()
        .fit(some, targets)
        .predict(some)
        .map((value, i) => value - targets[i]!)
      expect(Math.abs(errors.reduce((sum, error) => sum + error, 0))).toBeLessThan(1e-11)
    }
  })
})

describe('Least squares of any shape', () => {
  /** Uniform numbers, some columns the same, or sums of others. */
  function rowsOf(rows: number, cols: number, dependent: boolean) {
    const random = seededRandom(rows + cols)
    const plain = { data: Float64Array.from({ length: rows * cols }, random), rows, cols }
    const targets = Float64Array.from({ length: rows }, random)
    if (!dependent) return { X: plain, y: targets }
    const at = (i: number, j: number) => plain.data[i * cols + j]!
    const X = mapValues(plain, (value, i, j) => {
      if (j % 3 === 1) return at(i, j - 1)
      return j % 6 === 5 ? at(i, j - 2) + at(i, j - 5) : value
    })
    return { X, y: targets }
  }

  /** XᵀX with centred columns, times the errors' and the penalty's balance: 0 at the solution. */
  function worstGradient(
    model: Ridge | LinearRegression,
    { data, rows, cols }: Matrix,
    y: Float64Array,
    alpha: number,
  ) {
    const { coefficients } = model
    const errors = model.predict({ data, rows, cols }).map((value, i) => y[i]! - value)
    let worst = Math.abs(errors.reduce((sum, error) => sum + error, 0))
    for (let j = 0; j < cols; j++) {
      let gradient = -alpha * coefficients[j]!
      for (let i = 0; i < rows; i++) gradient += errors[i]! * data[i * cols + j]!
      // Math.max would pass over what is NaN in some orders, and this does not.
      if (!(Math.abs(gradient) <= worst)) worst = Math.abs(gradient)
    }
    return worst
  }

  const shapes = [
    [1, 1],
    [1, 9],
    [5, 80],
    [10, 160],
    [20, 320],
    [64, 65],
    [65, 64],
    [80, 80],
    [300, 90],
    [120, 300],
  ] as const

  it.each(shapes)('ends where no weight would help: %i × %i', (rows, cols) => {
    for (const dependent of [false, true]) {
      const { X: some, y: targets } = rowsOf(rows, cols, dependent)
      // Of the last the equations have no digit left, and the rows themselves are decomposed.
      for (const alpha of [1e6, 1, 1e-3, 1e-13]) {
        const ridge = new Ridge({ alpha }).fit(some, targets)
        expect(worstGradient(ridge, some, targets, alpha)).toBeLessThan(1e-9)
      }
      const model = new LinearRegression().fit(some, targets)
      expect(worstGradient(model, some, targets, 0)).toBeLessThan(1e-9)
      if (rows <= cols && !dependent) expectClose(model.predict(some), [...targets], 1e-9)
    }
  })

  it('gives equal columns equal weights, and a model that can be loaded', () => {
    for (const [rows, cols] of shapes.filter(([rows]) => rows > 1)) {
      const { X: some, y: targets } = rowsOf(rows, cols, true)
      for (const model of [new LinearRegression(), new Ridge({ alpha: 0 }), new Ridge()]) {
        const fitted = new RegressionPipeline(model, { scale: true }).fit(some, targets)
        const { coefficients } = model
        for (let j = 1; j < cols; j += 3) {
          expect(coefficients[j]).toBeCloseTo(coefficients[j - 1]!, 9)
        }
        const loaded = decodeAnyModel(encodeModel(fitted))
        expect(loaded.model.predict(some)).toEqual(fitted.predict(some))
      }
    }
  })

  it('refuses a solution that is none, or of weights that a model cannot have', () => {
    const { X: some, y: targets } = rowsOf(20, 3, false)
    const scaled = scaleProblem(some, targets, true)
    for (const value of [NaN, Infinity, -1e141]) {
      expect(() => weightsOf(scaled, Float64Array.of(0, value, 0))).toThrow(
        errorNamed('ValueTooLarge', 'weight'),
      )
    }
  })

  it('takes features so small that a penalty leaves them nothing', () => {
    const { X: some, y: targets } = rowsOf(20, 3, false)
    const small = mapValues(some, (value) => value * 1e-180)
    const { coefficients } = new Ridge().fit(
      small,
      targets.map((value) => value * 1e-170),
    )
    for (const value of coefficients) expect(Math.abs(value)).toBeLessThan(1e-200)
  })
})

describe('LinearRegression with positive weights', () => {
  const many = matrixFromRows(golden.many.X)

  it('has no negative weight, and no weight at 0 that would help', () => {
    const model = new LinearRegression({ positive: true }).fit(many, golden.many.y)
    const errors = model.predict(many).map((value, i) => golden.many.y[i]! - value)
    model.coefficients.forEach((weight, j) => {
      expect(weight).toBeGreaterThanOrEqual(0)
      const gradient = errors.reduce(
        (total, error, i) => total + error * many.data[i * many.cols + j]!,
        0,
      )
      if (weight > 0) expect(Math.abs(gradient)).toBeLessThan(1e-10)
      else expect(gradient).toBeLessThan(1e-10)
    })
    expectClose(model.coefficients, golden.many.coefficients, 1e-11)
  })

  it('keeps to that over many random problems, columns that nearly repeat among them', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = seededRandom(seed)
      const weights = Array.from({ length: 8 }, () => random() * 2 - 1)
      const { X: some, y: targets } = problem(30, weights, 1, seed)
      const twin = mapValues(some, (value, i, j) =>
        j === 7 ? some.data[i * 8]! * (1 + 1e-7 * value) : value,
      )
      const model = new LinearRegression({ positive: true }).fit(twin, targets)
      const errors = model.predict(twin).map((value, i) => targets[i]! - value)
      model.coefficients.forEach((weight, j) => {
        const gradient = errors.reduce((sum, error, i) => sum + error * twin.data[i * 8 + j]!, 0)
        expect(weight).toBeGreaterThanOrEqual(0)
        expect(weight > 0 ? Math.abs(gradient) : gradient).toBeLessThan(1e-8)
      })
    }
  })

  it('is all zeros where every column would lower the answer', () => {
    const { X: some, y: targets } = problem(50, [-1, -2], 0)
    const model = new LinearRegression({ positive: true }).fit(some, targets)
    expect([...model.coefficients]).toEqual([0, 0])
  })
})

describe('Ridge', () => {
  it('has the weights of scikit-learn', () => {
    for (const { alpha, ...expected } of golden.ridge) {
      const model = new Ridge({ alpha }).fit(X, y)
      expectClose(model.coefficients, expected.coefficients, 1e-11)
      expectClose(model.predict(queries), expected.predictions, 1e-11)
    }
    const through0 = new Ridge({ fitIntercept: false }).fit(X, y)
    expectClose(through0.coefficients, golden.ridgeNoIntercept.coefficients, 1e-11)
    const wide = matrixFromRows(golden.wide.X)
    const model = new Ridge({ alpha: 0.5 }).fit(wide, golden.wide.y)
    expectClose(model.coefficients, golden.wideRidge.coefficients, 1e-11)
  })

  it('is least squares without a penalty, of dependent columns that of least norm', () => {
    const dependent = dependentColumns()
    const ridge = new Ridge({ alpha: 0 }).fit(dependent, y)
    expectClose(
      ridge.predict(dependent),
      [...new LinearRegression().fit(dependent, y).predict(dependent)],
      1e-10,
    )
  })

  it('refuses a negative penalty', () => {
    expect(() => new Ridge({ alpha: -1 })).toThrow(errorNamed('OptionInvalid', 'alpha'))
    expect(() => new Ridge({ alhpa: 1 } as never)).toThrow(errorNamed('OptionInvalid', 'alhpa'))
  })
})

describe('TransformedTarget', () => {
  const prices = golden.logTarget.y

  it('answers as scikit-learn does', () => {
    const model = new TransformedTarget(new LinearRegression(), { func: 'log' }).fit(X, prices)
    expectClose(model.predict(queries), golden.logTarget.predictions, 1e-11)
    expectClose([new MeanBaseline().fit(X, prices).predict(queries)[0]!], golden.logTarget.mean)
  })

  it('gives each function its inverse', () => {
    for (const func of ['log', 'log1p', 'sqrt'] as const) {
      const squares = X.data.filter((_, at) => at % 4 === 0).map((value) => value ** 2 + 1)
      const column = { data: squares.map((value) => Math[func](value)), rows: 40, cols: 1 }
      const model = new TransformedTarget(new LinearRegression(), { func }).fit(column, squares)
      expectClose(model.predict(column), [...squares], 1e-12)
    }
  })

  it('keeps its regressor in its file', () => {
    const model = new RegressionPipeline(
      new TransformedTarget(new LinearRegression({ positive: true }), { func: 'log1p' }),
      { steps: [new StandardScaler()] },
    ).fit(X, prices)
    const loaded = decodeAnyModel(encodeModel(model))
    expect(loaded.algorithm).toBe('transformed-target')
    expect(loaded.model.parameters).toEqual({
      func: 'log1p',
      regressor: 'linear-regression',
      'regressor.fitIntercept': true,
      'regressor.positive': true,
    })
    expect(loaded.model.predict(queries)).toEqual(model.predict(queries))
  })

  it('refuses targets outside of the domain by row, and bounds what it answers', () => {
    const model = new TransformedTarget(new LinearRegression(), { func: 'log' })
    expect(() => model.fit(X, prices.with(5, 0))).toThrow(errorNamed('ValueNotFinite', 'row 5'))
    expect(() => model.fit(X, prices.with(5, -1))).toThrow(errorNamed('ValueNotFinite', 'row 5'))
    model.fit(X, prices)
    const far = mapValues(X, (value) => value * 1e9)
    expect(model.predict(far).every((value) => value >= 0 && value <= 1e140)).toBe(true)
  })
})
