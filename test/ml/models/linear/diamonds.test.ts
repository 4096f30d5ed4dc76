import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseCsv } from '../../../../ml/data/csv.ts'
import { matrixFromRows, takeRows, takeValues } from '../../../../ml/data/matrix.ts'
import {
  ColumnTransformer,
  decodeAnyModel,
  encodeModel,
  FunctionTransformer,
  LinearRegression,
  OrdinalEncoder,
  regressionReport,
  RegressionPipeline,
  StandardScaler,
  TransformedTarget,
} from '../../../../ml/models/index.ts'
import golden from '../fixtures/diamonds.json' with { type: 'json' }
import { expectClose } from '../golden.ts'

const file = join(import.meta.dirname, '../../../../../shared/data/diamonds.csv')

/** Grades from the worst to the best. */
const grades = {
  cut: ['Poor', 'Fair', 'Good', 'Very Good', 'Premium', 'Ideal'],
  color: [...'ZYXWVUTSRQPONMLKJIHGFED'],
  clarity: ['I3', 'I2', 'I1', 'SI2', 'SI1', 'VS2', 'VS1', 'VVS2', 'VVS1', 'IF', 'FL'],
}

/** Carat and the three grades, a grade as the number of its name among those that the file has. */
function readDiamonds() {
  const table = parseCsv(readFileSync(file))
  const column = (name: string) => table.columns.find((one) => one.name === name)!
  const numbers = (name: string) => {
    const found = column(name)
    if (found.kind !== 'number') throw new Error(`${name} is no number`)
    return found.values
  }
  const texts = (name: string) => {
    const found = column(name)
    if (found.kind !== 'text') throw new Error(`${name} is no text`)
    return found.values
  }
  const carat = numbers('carat')
  const price = numbers('price')
  const sides = ['x', 'y', 'z'].map(numbers)
  const codes = (name: keyof typeof grades) => {
    const names = [...new Set(texts(name))].sort()
    const inOrder = grades[name].filter((grade) => names.includes(grade))
    return {
      values: texts(name).map((text) => names.indexOf(text)),
      // Grades that no stone has keep their place by numbers that no name has.
      order: grades[name].map((grade, k) =>
        inOrder.includes(grade) ? names.indexOf(grade) : 100 + k,
      ),
    }
  }
  const coded = (['cut', 'color', 'clarity'] as const).map(codes)
  const clean = [...price.keys()].filter(
    (i) => price[i]! > 0 && sides.every((side) => side[i]! >= 0.1),
  )
  return {
    X: matrixFromRows(clean.map((i) => [carat[i]!, ...coded.map(({ values }) => values[i]!)])),
    price: takeValues(price, clean),
    categories: coded.map(({ order }) => order),
  }
}

describe.skipIf(!existsSync(file))('Diamonds, if ../shared/data/diamonds.csv is there', () => {
  it("are priced by the reference's recipe as well as there", () => {
    const { X, price, categories } = readDiamonds()
    expect(X.rows).toBe(golden.rows)
    const isTest = new Set(golden.test)
    const train = [...price.keys()].filter((i) => !isTest.has(i))
    const regressor = new LinearRegression({ positive: true })
    const model = new RegressionPipeline(new TransformedTarget(regressor, { func: 'log' }), {
      steps: [
        new ColumnTransformer([
          { columns: [0], step: new FunctionTransformer({ func: 'log' }) },
          { columns: [1, 2, 3], step: new OrdinalEncoder({ categories }) },
        ]),
        new StandardScaler(),
      ],
    }).fit(takeRows(X, train), takeValues(price, train))
    expectClose(regressor.coefficients, golden.coefficients, 1e-11)
    expectClose([regressor.intercept], [golden.intercept], 1e-11)

    const heldOut = takeRows(X, golden.test)
    const report = regressionReport(takeValues(price, golden.test), model.predict(heldOut))
    expectClose([report.r2, report.meanAbsoluteError], [golden.r2, golden.meanAbsoluteError], 1e-10)
    expect(report.r2).toBeCloseTo(0.9241, 4)
    expect(report.meanAbsoluteError).toBeCloseTo(451.9, 1)

    const loaded = decodeAnyModel(encodeModel(model))
    expect(loaded.model.predict(heldOut)).toEqual(model.predict(heldOut))
  })
})
