import type { Matrix } from '../../data/matrix.ts'
import { ModelError } from '../errors.ts'
import { resolveOptions, type OptionTable } from '../options.ts'
import { labelsOf, requireFinite, requirePairs } from './requirements.ts'

/** What calling every score from a threshold up positive gives, a point a threshold. */
export interface RocCurve {
  /** The share of negative rows that are called positive, rising from 0 to 1. */
  readonly falsePositiveRate: Float64Array
  /** The share of positive rows that are, rising from 0 to 1. */
  readonly truePositiveRate: Float64Array
  /** Falling; the first is infinite: nothing is called positive. */
  readonly thresholds: Float64Array
}

export interface PrecisionRecallCurve {
  /** One more than thresholds: the last is 1, of calling nothing positive. */
  readonly precision: Float64Array
  /** Falling to 0. */
  readonly recall: Float64Array
  /** Rising. */
  readonly thresholds: Float64Array
}

/**
 * The receiver operating characteristic at every distinct score (scikit-learn's with
 * drop_intermediate=False).
 *
 * @param positive the class that high scores speak for; all others are negative
 * Throws DatasetEmpty, ShapeMismatch, ValueNotFinite; OneClass unless both kinds are there.
 */
export function rocCurve(
  yTrue: ArrayLike<number>,
  scores: ArrayLike<number>,
  positive: number,
): RocCurve {
  const { truePositives, falsePositives, thresholds } = countsByThreshold(yTrue, scores, positive)
  const share = (counts: number[]) => Float64Array.from([0, ...counts], (n) => n / counts.at(-1)!)
  return {
    falsePositiveRate: share(falsePositives),
    truePositiveRate: share(truePositives),
    thresholds: Float64Array.from([Infinity, ...thresholds]),
  }
}

/**
 * The area under the ROC curve: the probability that a positive row has a higher score than a
 * negative one, equal scores counted half. Throws as `rocCurve` does.
 */
export function rocAuc(
  yTrue: ArrayLike<number>,
  scores: ArrayLike<number>,
  positive: number,
): number {
  const { truePositives, falsePositives } = countsByThreshold(yTrue, scores, positive)
  let area = 0
  let [above, left] = [0, 0]
  truePositives.forEach((right, k) => {
    area += ((falsePositives[k]! - left) * (above + right)) / 2
    above = right
    left = falsePositives[k]!
  })
  return area / (above * left)
}

export interface MulticlassRocAucOptions {
  /** Each class against all others, or every pair of classes by itself. Default 'ovr'. */
  readonly multiClass?: 'ovr' | 'ovo'
  /** Whether classes count the same or by their rows. Default 'macro'. */
  readonly average?: 'macro' | 'weighted'
}

const multiclassRocAucOptions = {
  multiClass: { default: 'ovr', choices: ['ovr', 'ovo'], meaning: 'against which classes' },
  average: { default: 'macro', choices: ['macro', 'weighted'], meaning: 'what a class counts' },
} as const satisfies OptionTable

/**
 * The mean ROC AUC of several classes (Hand and Till, 2001, for 'ovo'), scikit-learn's
 * roc_auc_score. `probabilities` is rows × classes. Throws as `rocCurve` does: every class needs a
 * row; OptionInvalid.
 */
export function multiclassRocAuc(
  yTrue: ArrayLike<number>,
  probabilities: Matrix,
  classes: ArrayLike<number>,
  options: MulticlassRocAucOptions = {},
): number {
  const { multiClass, average } = resolveOptions<MulticlassRocAucOptions>(
    'multiclassRocAuc',
    multiclassRocAucOptions,
    options,
  )
  const labels = labelsOf(yTrue, probabilities, classes)
  const counts = new Float64Array(classes.length)
  for (const label of labels) counts[label]!++
  const scoresOf = (c: number, rows: ArrayLike<number>) =>
    Float64Array.from(rows, (i) => probabilities.data[i * probabilities.cols + c]!)
  const all = Array.from(labels.keys())
  let [sum, weights] = [0, 0]
  const add = (score: number, weight: number) => {
    sum += average === 'macro' ? score : score * weight
    weights += average === 'macro' ? 1 : weight
  }
  for (let c = 0; c < classes.length; c++) {
    if (multiClass === 'ovr') add(rocAuc(labels, scoresOf(c, all), c), counts[c]!)
    for (let other = c + 1; multiClass === 'ovo' && other < classes.length; other++) {
      const rows = all.filter((i) => labels[i] === c || labels[i] === other)
      const truth = Int32Array.from(rows, (i) => labels[i]!)
      const forward = rocAuc(truth, scoresOf(c, rows), c)
      const backward = rocAuc(truth, scoresOf(other, rows), other)
      add((forward + backward) / 2, counts[c]! + counts[other]!)
    }
  }
  return sum / weights
}

/** Precision and recall at every distinct score. Throws as `rocCurve` does. */
export function precisionRecallCurve(
  yTrue: ArrayLike<number>,
  scores: ArrayLike<number>,
  positive: number,
): PrecisionRecallCurve {
  const { truePositives, falsePositives, thresholds } = countsByThreshold(yTrue, scores, positive)
  const positives = truePositives.at(-1)!
  const precision = truePositives.map((count, k) => count / (count + falsePositives[k]!))
  const recall = truePositives.map((count) => count / positives)
  return {
    precision: Float64Array.from([...precision.reverse(), 1]),
    recall: Float64Array.from([...recall.reverse(), 0]),
    thresholds: Float64Array.from(thresholds.reverse()),
  }
}

/**
 * The area under the precision-recall curve as a sum of steps: the mean precision over all positive
 * rows, without interpolation. Throws as `rocCurve` does.
 */
export function averagePrecision(
  yTrue: ArrayLike<number>,
  scores: ArrayLike<number>,
  positive: number,
): number {
  const { truePositives, falsePositives } = countsByThreshold(yTrue, scores, positive)
  let area = 0
  let before = 0
  truePositives.forEach((count, k) => {
    area += ((count - before) * count) / (count + falsePositives[k]!)
    before = count
  })
  return area / before
}

/** Rows of each kind with at least each distinct score, from the highest down. */
function countsByThreshold(yTrue: ArrayLike<number>, scores: ArrayLike<number>, positive: number) {
  requirePairs(yTrue, scores.length, 'scores')
  requireFinite(scores, 'the score of row')
  const order = Array.from({ length: scores.length }, (_, i) => i)
  order.sort((a, b) => scores[b]! - scores[a]!)
  const truePositives: number[] = []
  const falsePositives: number[] = []
  const thresholds: number[] = []
  let positives = 0
  order.forEach((i, k) => {
    if (yTrue[i] === positive) positives++
    const next = order[k + 1]
    if (next !== undefined && scores[next] === scores[i]) return
    truePositives.push(positives)
    falsePositives.push(k + 1 - positives)
    thresholds.push(scores[i]!)
  })
  if (positives === 0 || positives === scores.length) {
    throw new ModelError(
      'OneClass',
      `of ${scores.length} rows ${positives} are of the class ${positive}: it takes both kinds`,
    )
  }
  return { truePositives, falsePositives, thresholds }
}
