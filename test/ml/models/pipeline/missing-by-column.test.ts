import { describe, expect, it } from 'vitest'
import { matrixFromRows, rowOf, type Matrix } from '../../../../ml/data/matrix.ts'
import {
  ColumnTransformer,
  decodeAnyModel,
  encodeModel,
  GradientBoostingRegressor,
  OneHotEncoder,
  PCA,
  Pipeline,
  RegressionPipeline,
  Ridge,
  SimpleImputer,
  StandardScaler,
  SVC,
  type Classifier,
} from '../../../../ml/models/index.ts'
import { errorNamed } from '../golden.ts'

const X = matrixFromRows([
  [1, 5, 0],
  [2, NaN, 1],
  [3, 7, 0],
  [4, 8, 1],
  [5, NaN, 0],
  [6, 2, 1],
])
const y = Float64Array.of(0, 1, 0, 1, 0, 1)
const refused = errorNamed('ValueNotFinite')

/** Column 0 as it is, the gaps of column 1 filled, column 2 encoded. */
function byColumn(): ColumnTransformer {
  return new ColumnTransformer(
    [
      { columns: [1], step: new SimpleImputer({ strategy: 'median' }) },
      { columns: [2], step: new OneHotEncoder() },
    ],
    { remainder: 'passthrough' },
  )
}

function withGap(column: number): Matrix {
  return { ...X, data: X.data.with(column, NaN) }
}

describe('Missing values before a ColumnTransformer', () => {
  it('are filled in the columns where a part fills them', () => {
    const pipeline = new Pipeline(new SVC(), { steps: [byColumn()], scale: true }).fit(X, y)
    // Not of every column.
    expect(pipeline.acceptsMissing).toBe(false)
    expect(pipeline.predict(X)).toEqual(y)
    expect(pipeline.predictRow(rowOf(X, 1))).toBe(1)
    const loaded = decodeAnyModel(encodeModel(pipeline)).model as Classifier
    expect(loaded.acceptsMissing).toBe(false)
    expect(loaded.predict(X)).toEqual(y)
  })

  it('are filled where every part fills', () => {
    const parts = [
      { columns: [1], step: new SimpleImputer() },
      { columns: [2], step: new OneHotEncoder() },
    ]
    expect(new ColumnTransformer(parts).missing).toBe('filled')
    const pipeline = new Pipeline(new SVC(), { steps: [new ColumnTransformer(parts)] }).fit(X, y)
    expect(pipeline.predict(X)).toHaveLength(6)
  })

  it('are refused in the others, at the fit and after it, unless the model takes them', () => {
    const pipeline = new Pipeline(new SVC(), { steps: [byColumn()], scale: true }).fit(X, y)
    expect(() => pipeline.predict(withGap(0))).toThrow(refused)
    expect(() => pipeline.predictRow(rowOf(withGap(0), 0))).toThrow(refused)
    expect(() => new Pipeline(new SVC(), { steps: [byColumn()] }).fit(withGap(0), y)).toThrow(
      refused,
    )
    const boosted = new RegressionPipeline(new GradientBoostingRegressor(), { steps: [byColumn()] })
    expect(boosted.acceptsMissing).toBe(true)
    expect(boosted.fit(withGap(0), y).predict(withGap(0))).toHaveLength(6)
  })

  it('are refused by the step after it that cannot take them', () => {
    const steps = [byColumn(), new PCA({ nComponents: 2 })]
    const model = new GradientBoostingRegressor()
    const pipeline = new RegressionPipeline(model, { steps }).fit(X, y)
    expect(() => pipeline.predict(withGap(0))).toThrow(refused)
    expect(() => pipeline.predictRow(rowOf(withGap(0), 0))).toThrow(refused)
  })

  it('are refused by a part that cannot take them, by the column of X', () => {
    const transformer = new ColumnTransformer(
      [{ columns: [0, 2], step: new PCA({ nComponents: 1 }) }],
      { remainder: 'passthrough' },
    ).fit(X)
    const place = errorNamed('ValueNotFinite', 'column 2')
    expect(() => transformer.transform(withGap(2))).toThrow(place)
    const boosted = new RegressionPipeline(new GradientBoostingRegressor(), {
      steps: [transformer.unfitted()],
    }).fit(X, y)
    expect(boosted.acceptsMissing).toBe(false)
    expect(() => boosted.predict(withGap(2))).toThrow(place)
    expect(() => boosted.predictRow(rowOf(withGap(2), 0))).toThrow(place)
    expect(boosted.predict(X)).toHaveLength(6)
  })

  it('of columns that are dropped do no harm', () => {
    const steps = [new ColumnTransformer([{ columns: [0], step: new StandardScaler() }])]
    const pipeline = new RegressionPipeline(new Ridge(), { steps }).fit(X, y)
    expect(pipeline.predict(X)).toHaveLength(6)
    expect(() => pipeline.predict(withGap(0))).toThrow(refused)
  })
})
