import { describe, expect, it } from 'vitest'
import { matrixFromRows, takeRows, takeValues } from '../../../ml/data/matrix.ts'
import {
  LogisticRegression,
  MajorityBaseline,
  SVC,
  type ClassWeight,
  type SVCOptions,
} from '../../../ml/models/index.ts'
import { blobs } from './datasets.ts'
import fixtures from './fixtures/svm-weights.json' with { type: 'json' }

type Name = 'three' | 'two'

const problems = (['three', 'two'] as const).map((name: Name) => ({
  name,
  X: matrixFromRows(fixtures[name].X),
  y: Float64Array.from(fixtures[name].y),
}))

describe('Weights of rows and classes count as they do in scikit-learn 1.9', () => {
  for (const { name, X, y } of problems) {
    const queries = takeRows(X, [0, 1, 2, 3, 4, 5])
    for (const golden of fixtures.svc[name]) {
      const options = { ...(golden.options as SVCOptions), tol: 1e-8 }
      it(`for SVC, ${name} classes and ${JSON.stringify(golden.options)}`, () => {
        const sampleWeight = golden.sampleWeight ?? undefined
        const model = new SVC(options).fit(X, y, { sampleWeight })
        expect([...model.supportVectorCount]).toEqual(golden.supportVectorCount)
        expectClose(model.decisionFunction(queries).data, golden.decisions.flat(), 1e-5)
      })
    }
    for (const golden of fixtures.logistic[name]) {
      it(`for LogisticRegression, ${name} classes and ${JSON.stringify(golden.classWeight)}`, () => {
        const classWeight = golden.classWeight as ClassWeight
        const sampleWeight = golden.sampleWeight ?? undefined
        const model = new LogisticRegression({ classWeight }).fit(X, y, { sampleWeight })
        const { weights, intercepts } = model.toTensors()
        expectClose(weights!.data, golden.coef.flat(), 1e-5)
        expectClose(intercepts!.data, golden.intercept, 1e-5)
        expectClose(model.predictProba(queries).data, golden.probabilities.flat(), 1e-6)
      })
    }
  }
})

describe('sampleWeight', () => {
  const { X, y } = blobs(60, 3, 3, { apart: 1 })
  const learners = [
    () => new SVC({ tol: 1e-8, gamma: 0.5 }),
    () => new SVC({ tol: 1e-8, kernel: 'linear' }),
    () => new LogisticRegression(),
  ]

  it('counts a row of weight 2 as two rows, and one of weight 0 as none', () => {
    const counts = Array.from({ length: 60 }, (_, i) => Math.floor(i / 3) % 3)
    const repeated = counts.flatMap((count, i) => new Array<number>(count).fill(i))
    for (const create of learners) {
      const weighted = create().fit(X, y, { sampleWeight: counts })
      const plain = create().fit(takeRows(X, repeated), takeValues(y, repeated))
      expectClose(weighted.decisionFunction(X).data, [...plain.decisionFunction(X).data], 1e-4)
    }
  })

  it('is refused by name where it cannot be used', () => {
    for (const create of learners) {
      const refused: [ArrayLike<number>, string][] = [
        [[1], 'ShapeMismatch'],
        [new Float64Array(60).fill(1).with(4, -1), 'ValueNotFinite'],
        [new Float64Array(60).fill(1).with(4, NaN), 'ValueNotFinite'],
        [new Float64Array(60).fill(1).with(4, 1e13), 'ValueTooLarge'],
        [y.map((label) => (label === 1 ? 0 : 1)), 'OneClass'],
      ]
      for (const [sampleWeight, name] of refused) {
        expect(() => create().fit(X, y, { sampleWeight })).toThrow(
          expect.objectContaining({ name }),
        )
      }
    }
    const sampleWeight = new Float64Array(60).fill(1)
    expect(() => new MajorityBaseline().fit(X, y, { sampleWeight })).toThrow(
      expect.objectContaining({ name: 'OptionInvalid' }),
    )
  })
})

describe('classWeight', () => {
  const { X, y } = blobs(60, 3, 3, { apart: 1 })

  it('takes a weight for each class, all above 0', () => {
    for (const classWeight of [[1, 2], [1, 2, 3, 4], [1, -1, 1], 'even', [1, 0, 1], [1, NaN, 1]]) {
      for (const create of [
        () => new SVC({ classWeight } as SVCOptions),
        () => new LogisticRegression({ classWeight } as { classWeight: ClassWeight }),
      ]) {
        expect(() => create().fit(X, y)).toThrow(expect.objectContaining({ name: 'OptionInvalid' }))
      }
    }
  })

  it('changes nothing when all classes weigh 1', () => {
    const evenly = new SVC({ classWeight: [1, 1, 1] }).fit(X, y)
    expect(evenly.toTensors()).toEqual(new SVC().fit(X, y).toTensors())
  })
})

function expectClose(actual: ArrayLike<number>, expected: number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length)
  expected.forEach((value, k) => {
    const difference = Math.abs(actual[k]! - value)
    expect(difference).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(value)))
  })
}
