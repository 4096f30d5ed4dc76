import { describe, expect, it } from 'vitest'
import { matrixFromRows } from '../../../../ml/data/matrix.ts'
import {
  accuracy,
  classificationReport,
  confusionMatrix,
  logLoss,
} from '../../../../ml/models/index.ts'
import golden from '../fixtures/metrics.json' with { type: 'json' }

const classes = [0, 1, 2, 5]
const { truth, predicted } = golden
const probabilities = matrixFromRows(golden.probabilities)

describe('classificationReport', () => {
  const report = classificationReport(truth, predicted, classes, probabilities)

  it('holds what scikit-learn answers', () => {
    expect(report.confusionMatrix).toEqual(golden.confusionMatrix)
    report.perClass.forEach((scores, c) => {
      expect(scores.class).toBe(classes[c])
      expect(scores.precision).toBeCloseTo(golden.precision[c]!, 14)
      expect(scores.recall).toBeCloseTo(golden.recall[c]!, 14)
      expect(scores.f1).toBeCloseTo(golden.f1[c]!, 14)
      expect(scores.support).toBe(golden.support[c])
    })
    const { precision, recall, f1 } = report.macro
    ;[precision, recall, f1].forEach((value, k) => expect(value).toBeCloseTo(golden.macro[k]!, 14))
    expect(report.logLoss).toBeCloseTo(golden.logLoss, 12)
    expect(report.accuracy).toBe(0.5)
    expect(report.rows).toBe(10)
  })

  it('is plain JSON, without a log loss where there are no probabilities', () => {
    expect(JSON.parse(JSON.stringify(report))).toEqual(report)
    expect(classificationReport(truth, predicted, classes)).not.toHaveProperty('logLoss')
  })

  it('counts what was never predicted and never there as 0', () => {
    const { perClass, macro } = classificationReport([1, 1], [1, 1], [1, 2])
    expect(perClass[1]).toEqual({ class: 2, precision: 0, recall: 0, f1: 0, support: 0 })
    expect(macro).toEqual({ precision: 0.5, recall: 0.5, f1: 0.5 })
  })
})

describe('measures', () => {
  it('are finite for a probability of 0 of the true class', () => {
    const loss = logLoss([1], matrixFromRows([[1, 0]]), [0, 1])
    expect(loss).toBeCloseTo(-Math.log(2 ** -52), 12)
  })

  it('refuse lengths that differ, no rows, and classes unknown', () => {
    const shape = expect.objectContaining({ name: 'ShapeMismatch' }) as Error
    expect(() => accuracy([1, 2], [1])).toThrow(shape)
    expect(() => confusionMatrix([1, 3], [1, 1], [1, 2])).toThrow(shape)
    expect(() => confusionMatrix([1, 1], [1, NaN], [1, 2])).toThrow(shape)
    expect(() => logLoss([1], matrixFromRows([[1]]), [0, 1])).toThrow(shape)
    expect(() => accuracy([], [])).toThrow(expect.objectContaining({ name: 'DatasetEmpty' }))
  })
})
