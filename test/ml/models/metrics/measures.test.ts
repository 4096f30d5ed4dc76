import { describe, expect, it } from 'vitest'
import { matrixFromRows } from '../../../../ml/data/matrix.ts'
import {
  adjustedRandScore,
  averagePrecision,
  brierScore,
  calibrationCurve,
  calinskiHarabaszScore,
  daviesBouldinScore,
  expectedCalibrationError,
  meanSquaredError,
  multiclassRocAuc,
  precisionRecallCurve,
  r2Score,
  regressionReport,
  rocAuc,
  rocCurve,
  silhouetteSamples,
  silhouetteScore,
} from '../../../../ml/models/index.ts'
import clustering from '../fixtures/clustering.json' with { type: 'json' }
import golden from '../fixtures/measures.json' with { type: 'json' }
import { errorNamed, expectClose } from '../golden.ts'

const { truth, scores, three } = golden
const shares = matrixFromRows(golden.shares)
const points = matrixFromRows(clustering.points)

describe('Measures of ranking', () => {
  it('are those of scikit-learn', () => {
    const roc = rocCurve(truth, scores, 1)
    expectClose(roc.falsePositiveRate, golden.fpr)
    expectClose(roc.truePositiveRate, golden.tpr)
    expectClose(roc.thresholds.slice(1), golden.thresholds)
    expect(roc.thresholds[0]).toBe(Infinity)
    expect(rocAuc(truth, scores, 1)).toBeCloseTo(golden.auc, 13)
    const curve = precisionRecallCurve(truth, scores, 1)
    expectClose(curve.precision, golden.precision)
    expectClose(curve.recall, golden.recall)
    expectClose(curve.thresholds, golden.cuts)
    expect(averagePrecision(truth, scores, 1)).toBeCloseTo(golden.averagePrecision, 13)
    for (const multiClass of ['ovr', 'ovo'] as const) {
      for (const average of ['macro', 'weighted'] as const) {
        const found = multiclassRocAuc(three, shares, [0, 1, 2], { multiClass, average })
        expect(found).toBeCloseTo(golden.aucThree[`${multiClass}-${average}`], 13)
      }
    }
  })

  it('count the pairs in the right order, equal scores half', () => {
    let pairs = 0
    let right = 0
    truth.forEach((positive, i) => {
      truth.forEach((negative, j) => {
        if (positive === 0 || negative === 1) return
        pairs++
        right += scores[i]! > scores[j]! ? 1 : scores[i] === scores[j] ? 0.5 : 0
      })
    })
    expect(rocAuc(truth, scores, 1)).toBeCloseTo(right / pairs, 13)
    expect(rocAuc(truth, scores, 0)).toBeCloseTo(1 - right / pairs, 13)
    expect(rocAuc([7, 9], [1, 1], 9)).toBe(0.5)
  })

  it('refuse one kind of rows alone, and scores that are not there', () => {
    expect(() => rocAuc([1, 1], [0.1, 0.2], 1)).toThrow(errorNamed('OneClass'))
    expect(() => averagePrecision([0, 0], [0.1, 0.2], 1)).toThrow(errorNamed('OneClass'))
    expect(() => rocAuc([0, 1], [0.1, NaN], 1)).toThrow(errorNamed('ValueNotFinite', 'row 1'))
    expect(() => rocAuc([0, 1], [0.1], 1)).toThrow(errorNamed('ShapeMismatch'))
    expect(() => multiclassRocAuc(three, shares, [0, 1, 2, 3])).toThrow(errorNamed('ShapeMismatch'))
  })
})

describe('Measures of probabilities', () => {
  const two = matrixFromRows(scores.map((score) => [1 - score, score]))

  it('are those of scikit-learn', () => {
    expect(brierScore(truth, two, [0, 1])).toBeCloseTo(golden.brier, 13)
    expect(brierScore(three, shares, [0, 1, 2])).toBeCloseTo(golden.brierThree, 13)
    for (const strategy of ['uniform', 'quantile'] as const) {
      for (const bins of [4, 5] as const) {
        const { observed, predicted } = calibrationCurve(truth, scores, 1, { bins, strategy })
        const [expectedObserved, expectedPredicted] = golden.calibration[`${strategy}${bins}`]
        expectClose(observed, expectedObserved!)
        expectClose(predicted, expectedPredicted!)
      }
    }
  })

  it('see no error in probabilities that are kept, and all of it in those that are not', () => {
    const kept = [0.5, 0.5, 1, 0]
    expect(expectedCalibrationError([1, 0, 1, 0], kept, 1)).toBe(0)
    expect(expectedCalibrationError([0, 0, 0, 1], [1, 1, 1, 0], 1)).toBe(1)
    const { rows } = calibrationCurve(truth, scores, 1)
    expect(rows.reduce((sum, count) => sum + count, 0)).toBe(60)
  })

  it('refuse what is no probability', () => {
    expect(() => calibrationCurve([1], [1.5], 1)).toThrow(errorNamed('ValueNotFinite', 'row 0'))
    expect(() => calibrationCurve([1], [0.5], 1, { bins: 0 })).toThrow(errorNamed('OptionInvalid'))
    expect(() => brierScore([4], matrixFromRows([[1, 0]]), [0, 1])).toThrow(
      errorNamed('ShapeMismatch'),
    )
  })
})

describe('Measures of regression', () => {
  it('are those of scikit-learn', () => {
    const { rows, ...report } = regressionReport(golden.y, golden.answers)
    expect(rows).toBe(40)
    expect(Object.keys(report).sort()).toEqual(Object.keys(golden.regression).sort())
    for (const [name, value] of Object.entries(report)) {
      expectClose([value], [golden.regression[name as 'r2']])
    }
    expect(meanSquaredError(golden.y, golden.answers)).toBeCloseTo(golden.meanSquaredError, 12)
  })

  it('know 1 for what is right, 0 for the mean, and both where all targets are equal', () => {
    expect(r2Score([1, 2, 4], [1, 2, 4])).toBe(1)
    expect(r2Score([1, 2, 6], [3, 3, 3])).toBe(0)
    expect(r2Score([5, 5], [5, 5])).toBe(1)
    expect(r2Score([5, 5], [5, 6])).toBe(0)
  })

  it('refuse lengths that differ and what is not finite', () => {
    expect(() => r2Score([1, 2], [1])).toThrow(errorNamed('ShapeMismatch'))
    expect(() => r2Score([], [])).toThrow(errorNamed('DatasetEmpty'))
    expect(() => r2Score([1, 2], [1, NaN])).toThrow(errorNamed('ValueNotFinite', 'row 1'))
  })
})

describe('Measures of clusters', () => {
  const { labels, other } = clustering

  it('are those of scikit-learn, whatever the labels are called', () => {
    for (const named of [labels, labels.map((label) => 10 - 3 * label)]) {
      expect(silhouetteScore(points, named)).toBeCloseTo(clustering.silhouette, 12)
      expectClose(silhouetteSamples(points, named), clustering.silhouettes, 1e-11)
      expect(daviesBouldinScore(points, named)).toBeCloseTo(clustering.daviesBouldin, 12)
      expect(calinskiHarabaszScore(points, named)).toBeCloseTo(clustering.calinskiHarabasz, 9)
      expect(adjustedRandScore(named, other)).toBeCloseTo(clustering.adjustedRand, 13)
      expect(adjustedRandScore(labels, named)).toBe(1)
    }
  })

  it('estimate the silhouette from a sample, the same for the same seed', () => {
    const sample = (seed: number) => silhouetteScore(points, labels, { sampleSize: 80, seed })
    expect(Math.abs(sample(1) - clustering.silhouette)).toBeLessThan(0.1)
    expect(sample(1)).toBe(sample(1))
    expect(sample(1)).not.toBe(sample(2))
  })

  it('refuse one cluster, and one for each row', () => {
    for (const measure of [silhouetteScore, daviesBouldinScore, calinskiHarabaszScore]) {
      expect(() =>
        measure(
          points,
          labels.map(() => 0),
        ),
      ).toThrow(errorNamed('OneClass'))
      expect(() =>
        measure(
          points,
          labels.map((_, i) => i),
        ),
      ).toThrow(errorNamed('TooManyClasses'))
      expect(() => measure(points, [0, 1])).toThrow(errorNamed('ShapeMismatch'))
    }
  })
})
