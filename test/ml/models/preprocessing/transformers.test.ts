import { describe, expect, it } from 'vitest'
import { matrixFromRows, rowOf, type Matrix } from '../../../../ml/data/matrix.ts'
import {
  ColumnTransformer,
  decodeAnyModel,
  decodeModel,
  encodeModel,
  FunctionTransformer,
  LinearRegression,
  MajorityBaseline,
  OneHotEncoder,
  OrdinalEncoder,
  PCA,
  Pipeline,
  RegressionPipeline,
  SimpleImputer,
  StandardScaler,
  type Transformer,
} from '../../../../ml/models/index.ts'
import { blobs, mapValues } from '../datasets.ts'
import golden from '../fixtures/preprocessing.json' with { type: 'json' }
import { errorNamed, expectClose, rowsOf } from '../golden.ts'

const X = rowsOf(golden.X)
const holes = rowsOf(golden.holes)
const kinds = rowsOf(golden.kinds)
const rows = rowsOf(golden.rows)

const expectRows = (found: Matrix, expected: (number | null)[][], tolerance?: number) => {
  expect([found.rows, found.cols]).toEqual([expected.length, expected[0]!.length])
  expectClose(found.data, expected.flat(), tolerance)
}

describe('SimpleImputer', () => {
  it('fills as scikit-learn does', () => {
    for (const strategy of ['mean', 'median', 'most-frequent', 'constant'] as const) {
      const imputer = new SimpleImputer({ strategy, fillValue: -5 }).fit(holes)
      expectRows(imputer.transform(holes), golden.imputed[strategy])
    }
    expectRows(
      new SimpleImputer({ addIndicator: true }).fit(holes).transform(holes),
      golden.indicated,
    )
  })

  it('keeps a column without any value, filled with fillValue', () => {
    const empty = matrixFromRows([
      [NaN, 1],
      [NaN, 3],
    ])
    const { data } = new SimpleImputer({ fillValue: 9 }).fit(empty).transform(empty)
    expect([...data]).toEqual([9, 1, 9, 3])
  })
})

describe('StandardScaler', () => {
  it('leaves NaN out and as it is, as scikit-learn does', () => {
    expectRows(new StandardScaler().fit(holes).transform(holes), golden.scaledHoles)
  })
})

describe('OneHotEncoder', () => {
  it('encodes as scikit-learn does', () => {
    for (const drop of ['none', 'first', 'if-binary'] as const) {
      expectRows(new OneHotEncoder({ drop }).fit(kinds).transform(rows), golden.oneHot[drop])
    }
    const unknown = rowsOf([[4, 0, 2]])
    const ignoring = new OneHotEncoder({ handleUnknown: 'ignore' }).fit(kinds)
    expectRows(ignoring.transform(unknown), golden.unknown)
  })

  it('refuses what it has not learned, by column and value', () => {
    const encoder = new OneHotEncoder().fit(kinds)
    expect(() => encoder.transform(rowsOf([[4, 0, 2]]))).toThrow(
      errorNamed('CategoryUnknown', 'column 0 is 4'),
    )
    expect(() => encoder.transform(rowsOf([[1, NaN, 2]]))).toThrow(
      errorNamed('CategoryUnknown', 'column 1 is NaN'),
    )
    expect(encoder.categories).toEqual([
      [1, 2, 3, 10],
      [0, 5],
      [1, 2, NaN],
    ])
  })

  it('refuses to leave no column, and columns that are quantities', () => {
    const constant = matrixFromRows([[1], [1]])
    expect(() => new OneHotEncoder({ drop: 'first' }).fit(constant)).toThrow(
      errorNamed('ShapeMismatch'),
    )
    const quantity = {
      data: Float64Array.from({ length: 10_001 }, (_, i) => i),
      rows: 10_001,
      cols: 1,
    }
    expect(() => new OneHotEncoder().fit(quantity)).toThrow(
      errorNamed('TooManyClasses', 'column 0'),
    )
  })
})

describe('OrdinalEncoder', () => {
  it('encodes as scikit-learn does', () => {
    expectRows(new OrdinalEncoder().fit(kinds).transform(rows), golden.ordinal)
    const lenient = new OrdinalEncoder({
      handleUnknown: 'use-encoded-value',
      encodedMissingValue: -2,
    })
    expectRows(lenient.fit(kinds).transform(rowsOf([[4, 0, null]])), golden.ordinalUnknown)
  })

  it('numbers categories in a given order', () => {
    const grades = matrixFromRows([[30], [10], [20]])
    const encoder = new OrdinalEncoder({ categories: [[20, 30, 10, 40]] }).fit(grades)
    expect([...encoder.transform(grades).data]).toEqual([1, 2, 0])
    expect(encoder.categories).toEqual([[20, 30, 10, 40]])
    const pipeline = new RegressionPipeline(new LinearRegression(), {
      steps: [new OrdinalEncoder({ categories: [[20, 30, 10, 40]] })],
    }).fit(
      grades,
      Float64Array.from({ length: grades.rows }, (_, i) => i),
    )
    const loaded = decodeAnyModel(encodeModel(pipeline)).model
    const again = loaded.steps[0]!.unfitted().fit(grades)
    expect(again.transform(grades)).toEqual(encoder.transform(grades))
    expect(again.parameters).toEqual(encoder.parameters)
    const strange = new OrdinalEncoder({ categories: [[20, 30]] })
    expect(() => strange.fit(grades)).toThrow(errorNamed('CategoryUnknown', '10'))
    expect(() => new OrdinalEncoder({ categories: [[1, 1]] })).toThrow(errorNamed('OptionInvalid'))
    expect(() => new OrdinalEncoder({ categories: [[1], [2]] }).fit(grades)).toThrow(
      errorNamed('ShapeMismatch'),
    )
  })
})

describe('PCA', () => {
  const wide = rowsOf(golden.wide)

  it('turns the rows without changing their distances', () => {
    const pca = new PCA().fit(X)
    const { data, rows: n, cols } = pca.transform(X)
    for (const [a, b] of [
      [0, 1],
      [3, 30],
      [12, 39],
    ] as const) {
      const distance = (m: Float64Array) =>
        Math.hypot(...Array.from({ length: cols }, (_, j) => m[a * cols + j]! - m[b * cols + j]!))
      expect(distance(data)).toBeCloseTo(distance(X.data), 10)
    }
    for (let p = 0; p < cols; p++) {
      for (let q = 0; q < p; q++) {
        let product = 0
        for (let i = 0; i < n; i++) product += data[i * cols + p]! * data[i * cols + q]!
        expect(Math.abs(product)).toBeLessThan(1e-9)
      }
    }
  })

  it('has the components of scikit-learn', () => {
    const first = { data: X.data.slice(0, 12), rows: 3, cols: 4 }
    for (const [expected, options] of [
      [golden.pca, {}],
      [golden.pcaWhitened, { nComponents: 2, whiten: true }],
    ] as const) {
      const pca = new PCA(options).fit(X)
      expectRows(pca.components, expected.components, 1e-10)
      expectClose(pca.explainedVariance, expected.variance, 1e-11)
      expectClose(pca.explainedVarianceRatio, expected.ratio, 1e-11)
      expectRows(pca.transform(first), expected.transformed, 1e-10)
    }
    expect(new PCA({ nComponents: 0.95 }).fit(X).outputCount).toBe(golden.pcaShare)
  })

  it('takes fewer rows than columns, the last component then without variance', () => {
    const pca = new PCA().fit(wide)
    expectClose(pca.explainedVariance, golden.pcaWide.variance, 1e-11)
    expectRows(pca.transform(wide), golden.pcaWide.transformed, 1e-10)
  })

  it('keeps the small components of columns of very different units', () => {
    const { data } = blobs(50, 2, 2).X
    const units = [1e12, 1e-3]
    const scaled = { data: data.map((value, at) => value * units[at % 2]!), rows: 50, cols: 2 }
    const variances = new PCA().fit(scaled).explainedVariance
    const plain = new PCA().fit({ ...scaled, data: data.map((v, at) => (at % 2 === 0 ? v : 0)) })
    expect(variances[0]! / 1e24 / plain.explainedVariance[0]!).toBeCloseTo(1, 10)
    expect(variances[1]).toBeGreaterThan(1e-8)
  })

  it('refuses more components than there are, and parts of one', () => {
    expect(() => new PCA({ nComponents: 5 }).fit(X)).toThrow(
      errorNamed('OptionInvalid', 'at most 4'),
    )
    expect(() => new PCA({ nComponents: 1.5 })).toThrow(errorNamed('OptionInvalid', 'nComponents'))
  })

  it('takes constant columns and a single row', () => {
    const flat = mapValues(X, () => 3)
    expect(
      new PCA({ whiten: true })
        .fit(flat)
        .transform(flat)
        .data.every((v) => v === 0),
    ).toBe(true)
    const single = matrixFromRows([[1, 2]])
    expect([...new PCA().fit(single).transform(single).data]).toEqual([0])
  })
})

describe('ColumnTransformer', () => {
  it('puts its parts side by side as scikit-learn does', () => {
    const six = { data: X.data.slice(0, 24), rows: 6, cols: 4 }
    const transformer = new ColumnTransformer(
      [{ columns: [2, 0], step: new StandardScaler() }, { columns: [3] }],
      { remainder: 'passthrough' },
    )
    expectRows(transformer.fit(six).transform(six), golden.columns)
  })

  it('learns nothing into the steps it was given', () => {
    const scaler = new StandardScaler()
    new ColumnTransformer([{ columns: [0], step: scaler }]).fit(X)
    expect(() => scaler.mean).toThrow(errorNamed('NotFitted'))
  })

  it('refuses columns that are not there, and parts that say nothing', () => {
    expect(() => new ColumnTransformer([{ columns: [4] }]).fit(X)).toThrow(
      errorNamed('ShapeMismatch', 'column 4'),
    )
    expect(() => new ColumnTransformer([{ columns: [] }])).toThrow(errorNamed('OptionInvalid'))
    expect(() => new ColumnTransformer([])).toThrow(errorNamed('OptionInvalid'))
    expect(() => new ColumnTransformer([{ columns: [0.5] }])).toThrow(errorNamed('OptionInvalid'))
  })
})

describe('FunctionTransformer', () => {
  it('applies its function, and refuses what is outside of its domain', () => {
    const transformer = new FunctionTransformer({ func: 'log' }).fit(X)
    expect([...transformer.transform(rowsOf([[1, Math.E, 10, null]])).data]).toEqual([
      0,
      1,
      Math.log(10),
      NaN,
    ])
    expect(() => transformer.transform(rowsOf([[1, -1, 1, 1]]))).toThrow(
      errorNamed('ValueNotFinite', 'column 1'),
    )
  })
})

/** Each with rows it learns from; the first row is one it can transform. */
const transformers: Record<string, [() => Transformer, Matrix]> = {
  StandardScaler: [() => new StandardScaler(), X],
  SimpleImputer: [() => new SimpleImputer({ strategy: 'median', addIndicator: true }), holes],
  OneHotEncoder: [() => new OneHotEncoder({ drop: 'if-binary' }), kinds],
  OrdinalEncoder: [() => new OrdinalEncoder({ encodedMissingValue: -1 }), kinds],
  'OrdinalEncoder with given categories': [
    () =>
      new OrdinalEncoder({
        categories: [
          [10, 1, 2, 3],
          [5, 0],
        ],
      }),
    matrixFromRows([
      [1, 5],
      [10, 0],
    ]),
  ],
  PCA: [() => new PCA({ nComponents: 2, whiten: true }), X],
  FunctionTransformer: [() => new FunctionTransformer({ func: 'sqrt' }), mapValues(X, Math.abs)],
  ColumnTransformer: [
    () =>
      new ColumnTransformer(
        [
          { columns: [1], step: new OneHotEncoder() },
          {
            columns: [0, 2],
            step: new ColumnTransformer([{ columns: [1], step: new SimpleImputer() }]),
          },
        ],
        { remainder: 'passthrough' },
      ),
    rowsOf([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ]),
  ],
}

for (const [name, [create, data]] of Object.entries(transformers)) {
  describe(`${name} keeps the transformer contract`, () => {
    const targets = Float64Array.from({ length: data.rows }, (_, i) => i % 2)

    it('transforms one row as it transforms many', () => {
      const transformer = create().fit(data)
      const all = transformer.transform(data)
      expect(all.cols).toBe(transformer.outputCount)
      for (let i = 0; i < data.rows; i++) {
        const out = new Float64Array(all.cols).fill(77)
        transformer.transformRow(rowOf(data, i), out)
        expect(out).toEqual(rowOf(all, i))
      }
    })

    it('transforms to the bit the same from a model file, in a pipeline', () => {
      const pipeline = new Pipeline(new MajorityBaseline(), { steps: [create()] }).fit(
        data,
        targets,
      )
      const bytes = encodeModel(pipeline)
      const { model } = decodeModel(bytes)
      expect(model.featureCount).toBe(data.cols)
      expect(model.steps[0]!.parameters).toEqual(pipeline.steps[0]!.parameters)
      expect(model.steps[0]!.transform(data)).toEqual(create().fit(data).transform(data))
      expect(encodeModel(model)).toEqual(bytes)
    })

    it('learns the same from the same, and forgets what was before', () => {
      const fitted = create().fit(data)
      const before = data.data.slice()
      expect(fitted.fit(data).toTensors()).toEqual(create().fit(data).toTensors())
      expect(data.data).toEqual(before)
      expect(fitted.unfitted().fit(data).toTensors()).toEqual(fitted.toTensors())
    })

    it('stays as it was when a fit fails', () => {
      const fitted = create().fit(data)
      const before = fitted.transform(data)
      const broken = mapValues(data, (value, i) => (i === 0 ? Infinity : value))
      expect(() => fitted.fit(broken)).toThrow(errorNamed('ValueNotFinite', 'row 0, column 0'))
      expect(fitted.transform(data)).toEqual(before)
    })

    it('refuses to answer before it learned, and rows of another width', () => {
      expect(() => create().transform(data)).toThrow(errorNamed('NotFitted'))
      expect(() => create().toTensors()).toThrow(errorNamed('NotFitted'))
      const narrow = { data: data.data.slice(0, data.cols + 1), rows: 1, cols: data.cols + 1 }
      expect(() => create().fit(data).transform(narrow)).toThrow(errorNamed('ShapeMismatch'))
      const empty = { data: new Float64Array(0), rows: 0, cols: data.cols }
      expect(() => create().fit(empty)).toThrow(errorNamed('DatasetEmpty'))
    })

    it('refuses NaN exactly where it says so', () => {
      const withNaN = mapValues(data, (value, i) => (i === 0 ? NaN : value))
      const attempt = () => create().fit(withNaN)
      if (create().missing === 'refused') {
        expect(attempt).toThrow(errorNamed('ValueNotFinite', 'row 0, column 0'))
      } else expect(attempt().outputCount).toBeGreaterThan(0)
    })
  })
}
