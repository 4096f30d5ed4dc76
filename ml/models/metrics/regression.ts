import { requireFinite, requirePairs } from './requirements.ts'

/** How near answers came to quantities, as plain JSON. */
export interface RegressionReport {
  readonly rows: number
  readonly r2: number
  readonly meanAbsoluteError: number
  readonly rootMeanSquaredError: number
  readonly medianAbsoluteError: number
  readonly meanAbsolutePercentageError: number
  readonly maxError: number
  readonly explainedVariance: number
}

/** scikit-learn's measures of regression. Throws DatasetEmpty, ShapeMismatch, ValueNotFinite. */
export function regressionReport(
  yTrue: ArrayLike<number>,
  yPredicted: ArrayLike<number>,
): RegressionReport {
  return {
    rows: yTrue.length,
    r2: r2Score(yTrue, yPredicted),
    meanAbsoluteError: meanAbsoluteError(yTrue, yPredicted),
    rootMeanSquaredError: rootMeanSquaredError(yTrue, yPredicted),
    medianAbsoluteError: medianAbsoluteError(yTrue, yPredicted),
    meanAbsolutePercentageError: meanAbsolutePercentageError(yTrue, yPredicted),
    maxError: maxError(yTrue, yPredicted),
    explainedVariance: explainedVariance(yTrue, yPredicted),
  }
}

/**
 * The share of the variance that the answers explain: 1 when all are right, 0 for the mean, below it
 * for worse. Where all targets are equal it is 1 when all answers are right, else 0.
 */
export function r2Score(yTrue: ArrayLike<number>, yPredicted: ArrayLike<number>): number {
  const errors = errorsOf(yTrue, yPredicted)
  return shareExplained(sumOfSquares(errors, 0), sumOfSquares(yTrue, meanOf(yTrue)))
}

/** As `r2Score`, with a constant error of all answers forgiven. */
export function explainedVariance(yTrue: ArrayLike<number>, yPredicted: ArrayLike<number>): number {
  const errors = errorsOf(yTrue, yPredicted)
  return shareExplained(sumOfSquares(errors, meanOf(errors)), sumOfSquares(yTrue, meanOf(yTrue)))
}

export function meanAbsoluteError(yTrue: ArrayLike<number>, yPredicted: ArrayLike<number>): number {
  return meanOf(errorsOf(yTrue, yPredicted).map(Math.abs))
}

export function meanSquaredError(yTrue: ArrayLike<number>, yPredicted: ArrayLike<number>): number {
  const errors = errorsOf(yTrue, yPredicted)
  return sumOfSquares(errors, 0) / errors.length
}

export function rootMeanSquaredError(
  yTrue: ArrayLike<number>,
  yPredicted: ArrayLike<number>,
): number {
  return Math.sqrt(meanSquaredError(yTrue, yPredicted))
}

export function medianAbsoluteError(
  yTrue: ArrayLike<number>,
  yPredicted: ArrayLike<number>,
): number {
  const sizes = errorsOf(yTrue, yPredicted).map(Math.abs).sort()
  const middle = sizes.length >> 1
  return sizes.length % 2 === 1 ? sizes[middle]! : (sizes[middle - 1]! + sizes[middle]!) / 2
}

/** Errors as shares of the targets, a target of 0 taken as the double's ε. */
export function meanAbsolutePercentageError(
  yTrue: ArrayLike<number>,
  yPredicted: ArrayLike<number>,
): number {
  const errors = errorsOf(yTrue, yPredicted)
  return meanOf(
    errors.map((error, i) => Math.abs(error) / Math.max(Math.abs(yTrue[i]!), Number.EPSILON)),
  )
}

export function maxError(yTrue: ArrayLike<number>, yPredicted: ArrayLike<number>): number {
  return errorsOf(yTrue, yPredicted).reduce((most, error) => Math.max(most, Math.abs(error)), 0)
}

function errorsOf(yTrue: ArrayLike<number>, yPredicted: ArrayLike<number>): Float64Array {
  requirePairs(yTrue, yPredicted.length, 'predictions')
  requireFinite(yTrue, 'the target of row')
  requireFinite(yPredicted, 'the prediction of row')
  return Float64Array.from({ length: yTrue.length }, (_, i) => yTrue[i]! - yPredicted[i]!)
}

function shareExplained(left: number, total: number): number {
  if (total === 0) return left === 0 ? 1 : 0
  return 1 - left / total
}

function sumOfSquares(values: ArrayLike<number>, around: number): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += (values[i]! - around) ** 2
  return sum
}

function meanOf(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}
