import type { Matrix } from '../../data/matrix.ts'
import { resolveOptions, type OptionTable } from '../options.ts'
import { labelsOf, requirePairs, requireProbability } from './requirements.ts'
import { quantileOf } from './quantile.ts'

/**
 * The mean squared distance of the probabilities from 1 for the true class and 0 for the others; of
 * two classes half of it, which is the usual score from 0 to 1 (Brier, 1950; scikit-learn's
 * brier_score_loss). `probabilities` is rows × classes. Throws DatasetEmpty, ShapeMismatch,
 * OptionInvalid for classes that repeat, ValueNotFinite for what is no probability.
 */
export function brierScore(
  yTrue: ArrayLike<number>,
  probabilities: Matrix,
  classes: ArrayLike<number>,
): number {
  const labels = labelsOf(yTrue, probabilities, classes)
  const { data, cols } = probabilities
  let sum = 0
  for (let at = 0; at < data.length; at++) {
    const truth = labels[Math.floor(at / cols)] === at % cols ? 1 : 0
    sum += (data[at]! - truth) ** 2
  }
  return sum / labels.length / (cols === 2 ? 2 : 1)
}

export interface CalibrationOptions {
  /** Default 5. */
  readonly bins?: number
  /** Bins of equal width, or of about as many rows. Default 'uniform'. */
  readonly strategy?: 'uniform' | 'quantile'
}

const calibrationOptions = {
  bins: { default: 5, number: { from: 1, to: 1e6, integer: true }, meaning: 'the number of bins' },
  strategy: { default: 'uniform', choices: ['uniform', 'quantile'], meaning: 'how they are cut' },
} as const satisfies OptionTable

/** Bins that hold a row, by rising probability. */
export interface CalibrationCurve {
  /** The mean probability that was given. */
  readonly predicted: number[]
  /** The share of rows that were positive. */
  readonly observed: number[]
  readonly rows: number[]
}

/**
 * How often rows that were given a probability were positive, scikit-learn's calibration_curve.
 *
 * @param probabilities of the class `positive`, from 0 to 1
 * Throws DatasetEmpty, ShapeMismatch, ValueNotFinite, OptionInvalid.
 */
export function calibrationCurve(
  yTrue: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  positive: number,
  options: CalibrationOptions = {},
): CalibrationCurve {
  const { bins, strategy } = resolveOptions<CalibrationOptions>(
    'calibrationCurve',
    calibrationOptions,
    options,
  )
  requirePairs(yTrue, probabilities.length, 'probabilities')
  const edges = strategy === 'uniform' ? evenEdges(bins) : quantileEdges(probabilities, bins)
  const rows = new Array<number>(bins).fill(0)
  const sums = new Array<number>(bins).fill(0)
  const positives = new Array<number>(bins).fill(0)
  for (let i = 0; i < yTrue.length; i++) {
    const probability = probabilities[i]!
    requireProbability(probability, i)
    let bin = 0
    while (bin < bins - 1 && probability > edges[bin + 1]!) bin++
    rows[bin]!++
    sums[bin]! += probability
    if (yTrue[i] === positive) positives[bin]!++
  }
  const filled = [...rows.keys()].filter((bin) => rows[bin]! > 0)
  return {
    predicted: filled.map((bin) => sums[bin]! / rows[bin]!),
    observed: filled.map((bin) => positives[bin]! / rows[bin]!),
    rows: filled.map((bin) => rows[bin]!),
  }
}

/** The mean distance of the calibration curve from the diagonal, bins weighted by their rows. */
export function expectedCalibrationError(
  yTrue: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  positive: number,
  options: CalibrationOptions = {},
): number {
  const { predicted, observed, rows } = calibrationCurve(yTrue, probabilities, positive, options)
  return rows.reduce(
    (sum, count, bin) => sum + (count / yTrue.length) * Math.abs(predicted[bin]! - observed[bin]!),
    0,
  )
}

function evenEdges(bins: number): number[] {
  return Array.from({ length: bins + 1 }, (_, k) => k / bins)
}

function quantileEdges(values: ArrayLike<number>, bins: number): number[] {
  const ascending = Float64Array.from(values).sort()
  return Array.from({ length: bins + 1 }, (_, k) => quantileOf(ascending, k / bins))
}
