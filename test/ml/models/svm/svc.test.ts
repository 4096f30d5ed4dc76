import { describe, expect, it } from 'vitest'
import { matrixFromRows, type Matrix } from '../../../../ml/data/matrix.ts'
import { accuracy, SVC, type SVCOptions } from '../../../../ml/models/index.ts'
import { blobs, iris, mapValues } from '../datasets.ts'
import fixtures from '../fixtures/svc.json' with { type: 'json' }

interface Case {
  options: { C: number; gamma?: string | number; kernel?: string }
  gamma: number
  supportVectorCount: number[]
  accuracy: number
  predictions: number[]
  ovr: number[][]
  ovo: number[][]
  exactOvr: number[][]
  objective: number | null
}

const problems = [
  { name: 'Iris', ...iris, ...fixtures.iris },
  { name: 'four classes', ...problem(fixtures.fourClasses) },
  { name: 'two classes', ...problem(fixtures.twoClasses) },
]

describe('SVC answers what scikit-learn 1.9 answers', () => {
  for (const { name, X, y, queries, cases } of problems) {
    for (const golden of cases as Case[]) {
      const options = golden.options as SVCOptions
      const at = matrixFromRows(queries)

      it(`for ${name} with ${JSON.stringify(options)}`, () => {
        const model = new SVC(options).fit(X, y)
        const predictions = model.predict(X)
        expect([...model.supportVectorCount]).toEqual(golden.supportVectorCount)
        expect([...predictions]).toEqual(golden.predictions)
        expect(accuracy(y, predictions)).toBeCloseTo(golden.accuracy, 12)
        // Both stop at a violation of 1e-3, so decisions agree to about that; of linear machines
        // ours can be at the optimum itself.
        expectClose(model.decisionFunction(at), golden.ovr, 3e-3)
        const pairwise = new SVC({ ...options, decisionFunctionShape: 'ovo' }).fit(X, y)
        expectClose(pairwise.decisionFunction(at), golden.ovo, 5e-3)
        if (options.kernel !== 'linear') {
          expect(model.gamma).toBeCloseTo(golden.gamma, 12)
          expect(dualObjective(model)).toBeCloseTo(golden.objective!, 3)
        }
      })

      it(`the closer the tighter the tolerance, for ${name} with ${JSON.stringify(options)}`, () => {
        const model = new SVC({ ...options, tol: 1e-9 }).fit(X, y)
        // Kernel rows are single precision on both sides, which shows where C and values are great.
        const precision = options.kernel === 'linear' ? 1e-4 : 1e-6
        expectClose(model.decisionFunction(at), golden.exactOvr, precision)
      })
    }
  }

  it('for the flower [6.5, 2.8, 4.6, 1.5]', () => {
    const model = new SVC({ C: 1, gamma: 'scale' }).fit(iris.X, iris.y)
    const flower = Float64Array.of(6.5, 2.8, 4.6, 1.5)
    expect(accuracy(iris.y, model.predict(iris.X))).toBeCloseTo(0.97333, 5)
    expect([...model.supportVectorCount]).toEqual([7, 29, 24])
    expect(model.gamma).toBeCloseTo(0.06416744864, 10)
    expect(model.predictRow(flower)).toBe(1)
    const decisions = model.decisionFunction(matrixFromRows([[...flower]]))
    expectClose(decisions, [[-0.2317, 2.2215, 1.0767]], 2e-4)
  })
})

describe('SVC', () => {
  it('answers for a batch in WebAssembly what it answers for a row without', () => {
    // Few vectors, so that a row takes the plain path, and so many rows that all do not.
    const { X, y } = blobs(60, 3, 3, { apart: 1 })
    const many = blobs(9000, 3, 3, { apart: 1, seed: 4 }).X
    const model = new SVC().fit(X, y)
    const rows = Array.from({ length: 100 }, (_, i) => many.data.slice(3 * i, 3 * i + 3))
    const alone = rows.map((row) => [...model.decisionFunction(matrixFromRows([[...row]])).data])
    const together = model.decisionFunction(many)
    expect(alone.flat()).toEqual([...together.data.subarray(0, 300)])
    expect(rows.map((row) => model.predictRow(row))).toEqual([
      ...model.predict(many).subarray(0, 100),
    ])
  })

  it('starts another fit while one tells of its progress', () => {
    const { X, y } = blobs(120, 3, 3, { apart: 1 })
    const other = blobs(90, 5, 2, { apart: 1, seed: 3 })
    const alone = new SVC({ gamma: 2 }).fit(other.X, other.y).toTensors()
    let nested: unknown
    const outer = new SVC().fit(X, y, {
      onProgress: () => (nested = new SVC({ gamma: 2 }).fit(other.X, other.y).toTensors()),
    })
    expect(nested).toEqual(alone)
    expect(outer.toTensors()).toEqual(new SVC().fit(X, y).toTensors())
  })

  it('learns the same through a cache of two rows as through one that holds all', () => {
    const { X, y } = blobs(200, 3, 3, { apart: 1 })
    const small = new SVC({ cacheSize: 1e-6 }).fit(X, y)
    expect(small.toTensors()).toEqual(new SVC().fit(X, y).toTensors())
  })

  it('meets the optimality conditions on every training row', () => {
    const { X, y } = blobs(150, 3, 2, { apart: 1 })
    for (const kernel of ['rbf', 'linear'] as const) {
      const C = 2
      const model = new SVC({ C, kernel, tol: 1e-6 }).fit(X, y)
      const { data } = model.decisionFunction(X)
      const margins = Array.from(data, (decision, i) => decision * (y[i] === 1 ? 1 : -1))
      const outside = margins.filter((margin) => margin > 1 + 1e-5).length
      const supports = model.supportVectorCount.reduce((sum, count) => sum + count, 0)
      expect(supports).toBeLessThanOrEqual(X.rows - outside)
      expect(supports).toBeGreaterThanOrEqual(margins.filter((margin) => margin < 1 - 1e-5).length)
      expect(outside).toBeGreaterThan(0)
    }
  })

  it('is not moved by features far from 0', () => {
    const { X, y } = blobs(120, 4, 3, { apart: 1 })
    const far = mapValues(X, (value) => Math.round(value * 1024) / 1024 + 2 ** 30)
    const near = mapValues(far, (value) => value - 2 ** 30)
    for (const kernel of ['rbf', 'linear'] as const) {
      const options = { kernel, gamma: 0.5, tol: 1e-6 }
      const decisions = new SVC(options).fit(far, y).decisionFunction(far)
      const expected = new SVC(options).fit(near, y).decisionFunction(near)
      decisions.data.forEach((decision, k) => {
        expect(decision).toBeCloseTo(expected.data[k]!, 4)
      })
    }
  })

  it('says when its steps run out', () => {
    const { X, y } = blobs(200, 3, 2, { apart: 0.1 })
    expect(() => new SVC({ maxIter: 5 }).fit(X, y)).toThrow(
      expect.objectContaining({
        name: 'NotConverged',
        message: expect.stringContaining('5 iterations') as string,
      }),
    )
  })

  it('refuses options that are unknown or impossible, by name', () => {
    const refused: [object, string][] = [
      [{ c: 1 }, 'unknown option "c"'],
      [JSON.parse('{"__proto__": 1}') as object, 'unknown option "__proto__"'],
      [{ constructor: 1 }, 'unknown option "constructor"'],
      [{ C: 0 }, 'option C'],
      [{ C: NaN }, 'option C'],
      [{ C: '1' }, 'option C'],
      [{ C: null }, 'option C'],
      [{ gamma: 'big' }, 'option gamma'],
      [{ gamma: -1 }, 'option gamma'],
      [{ gamma: Infinity }, 'option gamma'],
      [{ kernel: 'poly' }, 'option kernel'],
      [{ kernel: ['rbf'] }, 'option kernel'],
      [{ tol: 0 }, 'option tol'],
      [{ maxIter: 1.5 }, 'option maxIter'],
      [{ decisionFunctionShape: 'one' }, 'option decisionFunctionShape'],
      [[], 'options are an object'],
    ]
    for (const [options, message] of refused) {
      expect(() => new SVC(options)).toThrow(
        expect.objectContaining({
          name: 'OptionInvalid',
          message: expect.stringContaining(message) as string,
        }),
      )
    }
    expect(new SVC({ C: undefined as unknown as number }).parameters.C).toBe(1)
  })
})

function problem<F extends { X: number[][]; y: number[] }>(fixture: F) {
  return { ...fixture, X: matrixFromRows(fixture.X), y: Float64Array.from(fixture.y) }
}

function expectClose(actual: Matrix, expected: number[][], tolerance: number): void {
  expect([actual.rows, actual.cols]).toEqual([expected.length, expected[0]!.length])
  expected.flat().forEach((value, k) => {
    expect(Math.abs(actual.data[k]! - value)).toBeLessThanOrEqual(tolerance)
  })
}

/** The sum over all pairs of what the dual minimises: ½ βᵀKβ - Σ|β|. */
function dualObjective(model: SVC): number {
  const { coefficients, supportVectors } = model.toTensors()
  const vectors = supportVectors!.data as Float64Array
  const [count, cols] = supportVectors!.shape as [number, number]
  const counts = [...model.supportVectorCount]
  const classOf = counts.flatMap((size, c) => Array.from({ length: size }, () => c))
  let sum = 0
  for (let a = 0; a < counts.length; a++) {
    for (let b = a + 1; b < counts.length; b++) {
      const betas = classOf.map((c, t) => {
        if (c !== a && c !== b) return 0
        return coefficients!.data[(c === a ? b - 1 : a) * count + t]!
      })
      for (let s = 0; s < count; s++) {
        sum -= Math.abs(betas[s]!)
        for (let t = 0; t < count; t++) {
          let distance = 0
          for (let j = 0; j < cols; j++) {
            distance += (vectors[s * cols + j]! - vectors[t * cols + j]!) ** 2
          }
          sum += (betas[s]! * betas[t]! * Math.exp(-model.gamma * distance)) / 2
        }
      }
    }
  }
  return sum
}
