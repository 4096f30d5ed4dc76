import { describe, expect, it } from 'vitest'
import { matrixFromRows } from '../../../../ml/data/matrix.ts'
import {
  averagePrecision,
  brierScore,
  calibrationCurve,
  classificationReport,
  confusionMatrix,
  expectedCalibrationError,
  logLoss,
  multiclassRocAuc,
  precisionRecallCurve,
  rocAuc,
  rocCurve,
  scorers,
  silhouetteScore,
  type Classifier,
  type MulticlassRocAucOptions,
} from '../../../../ml/models/index.ts'
import { errorNamed } from '../golden.ts'

const invalid = errorNamed('OptionInvalid')

describe('f1-macro', () => {
  it('counts a class that was answered where it is not, as scikit-learn does', () => {
    const answers = { predict: () => Float64Array.of(0, 0, 1, 2) } as unknown as Classifier
    const X = matrixFromRows([[0], [0], [0], [0]])
    const score = (classes: number[]) =>
      scorers['f1-macro'](answers, X, Float64Array.of(0, 0, 1, 1), Float64Array.from(classes))
    expect(score([0, 1, 2])).toBeCloseTo(5 / 9, 12)
    // A class that is neither there nor answered counts nothing.
    expect(score([0, 1, 2, 3])).toBeCloseTo(5 / 9, 12)
  })
})

describe('Curves', () => {
  it('take as many thresholds as there are rows', () => {
    const rows = 200_000
    const scores = Float64Array.from({ length: rows }, (_, i) => i)
    const truth = scores.map((score) => score % 2)
    const { thresholds, truePositiveRate } = rocCurve(truth, scores, 1)
    expect(thresholds).toHaveLength(rows + 1)
    expect([thresholds[0], thresholds[1], thresholds.at(-1)]).toEqual([Infinity, rows - 1, 0])
    expect(truePositiveRate.at(-1)).toBe(1)
    expect(precisionRecallCurve(truth, scores, 1).precision).toHaveLength(rows + 1)
    expect(rocAuc(truth, scores, 1)).toBeCloseTo(0.5, 4)
    expect(averagePrecision(truth, scores, 1)).toBeCloseTo(0.5, 4)
  })
})

describe('Probabilities', () => {
  const impossible = [NaN, Infinity, 7, -0.5, 1.001]

  it('are from 0 to 1', () => {
    for (const value of impossible) {
      const rows = matrixFromRows([
        [0.5, 0.5],
        [1 - value, value],
      ])
      for (const score of [logLoss, brierScore, multiclassRocAuc]) {
        expect(() => score([0, 1], rows, [0, 1])).toThrow(errorNamed('ValueNotFinite', 'row 1'))
      }
      expect(() => classificationReport([0, 1], [0, 1], [0, 1], rows)).toThrow(
        errorNamed('ValueNotFinite'),
      )
      expect(() => calibrationCurve([0, 1], [0.5, value], 1)).toThrow(errorNamed('ValueNotFinite'))
    }
    // Sums of probabilities are as near to 1 as doubles come.
    const rounded = matrixFromRows([[1 + 2 * Number.EPSILON, -Number.EPSILON]])
    expect(logLoss([0], rounded, [0, 1])).toBeCloseTo(0, 12)
    expect(brierScore([0], rounded, [0, 1])).toBeCloseTo(0, 12)
  })
})

describe('Classes', () => {
  it('are different ones', () => {
    const repeated = [0, 0, 1]
    const rows = matrixFromRows([
      [0.2, 0.2, 0.6],
      [0.2, 0.2, 0.6],
    ])
    expect(() => confusionMatrix([0, 1], [0, 1], repeated)).toThrow(invalid)
    expect(() => classificationReport([0, 1], [0, 1], repeated)).toThrow(invalid)
    for (const score of [logLoss, brierScore, multiclassRocAuc]) {
      expect(() => score([0, 1], rows, repeated)).toThrow(invalid)
    }
  })
})

describe('Options of metrics', () => {
  const rows = matrixFromRows([
    [0.7, 0.3],
    [0.4, 0.6],
  ])

  it('are refused where no one knows them', () => {
    for (const options of [{ multiClass: 'oops' }, { average: 'micro' }, { averaged: 'macro' }]) {
      expect(() =>
        multiclassRocAuc([0, 1], rows, [0, 1], options as MulticlassRocAucOptions),
      ).toThrow(invalid)
    }
    for (const options of [{ strategy: 'oops' }, { bins: 0 }, { bin: 3 }, null]) {
      expect(() => calibrationCurve([0, 1], [0.3, 0.6], 1, options as object)).toThrow(invalid)
      expect(() => expectedCalibrationError([0, 1], [0.3, 0.6], 1, options as object)).toThrow(
        invalid,
      )
    }
    for (const options of [{ sampleSize: 1.5 }, { seed: NaN }, { sample: 3 }]) {
      expect(() => silhouetteScore(rows, [0, 1], options as object)).toThrow(invalid)
    }
  })
})
