import type { Matrix } from '../../data/matrix.ts'
import { classIndex, labelsOf, requireClass, requirePairs } from './requirements.ts'

export interface ClassScores {
  /** The class, a value of the target. */
  readonly class: number
  readonly precision: number
  readonly recall: number
  readonly f1: number
  /** Rows that truly are of this class. */
  readonly support: number
}

/** How well classes were told apart, as plain JSON. */
export interface ClassificationReport {
  readonly rows: number
  readonly accuracy: number
  readonly classes: readonly number[]
  /** Row: true class; column: predicted class; in the order of `classes`. */
  readonly confusionMatrix: readonly (readonly number[])[]
  readonly perClass: readonly ClassScores[]
  /** Unweighted means over all classes. */
  readonly macro: { readonly precision: number; readonly recall: number; readonly f1: number }
  /** Mean negative log of the probability given to the true class. */
  readonly logLoss?: number
}

/**
 * scikit-learn's classification measures over all of `classes`. A quotient without a denominator is
 * 0: the precision of a class never predicted, the recall of a class with no rows, the F1 of a class
 * with neither. Throws as `confusionMatrix` and `logLoss` do.
 */
export function classificationReport(
  yTrue: ArrayLike<number>,
  yPredicted: ArrayLike<number>,
  classes: ArrayLike<number>,
  probabilities?: Matrix,
): ClassificationReport {
  const confusion = confusionMatrix(yTrue, yPredicted, classes)
  const perClass = confusion.map((row, c) => {
    const correct = row[c]!
    const support = sumOf(row)
    const predicted = sumOf(confusion.map((counts) => counts[c]!))
    return {
      class: classes[c]!,
      precision: quotient(correct, predicted),
      recall: quotient(correct, support),
      f1: quotient(2 * correct, predicted + support),
      support,
    }
  })
  return {
    rows: yTrue.length,
    accuracy: sumOf(confusion.map((row, c) => row[c]!)) / yTrue.length,
    classes: Array.from(classes),
    confusionMatrix: confusion,
    perClass,
    macro: {
      precision: meanOf(perClass.map((scores) => scores.precision)),
      recall: meanOf(perClass.map((scores) => scores.recall)),
      f1: meanOf(perClass.map((scores) => scores.f1)),
    },
    ...(probabilities ? { logLoss: logLoss(yTrue, probabilities, classes) } : {}),
  }
}

/**
 * Counts of rows by true class (row) and predicted class (column). Throws DatasetEmpty, and
 * ShapeMismatch when the lengths differ or a value is none of `classes`, OptionInvalid for classes that
 * repeat.
 */
export function confusionMatrix(
  yTrue: ArrayLike<number>,
  yPredicted: ArrayLike<number>,
  classes: ArrayLike<number>,
): number[][] {
  requirePairs(yTrue, yPredicted.length, 'predictions')
  const indexOf = classIndex(classes)
  const counts = Array.from(indexOf, () => Array.from(indexOf, () => 0))
  for (let i = 0; i < yTrue.length; i++) {
    counts[requireClass(indexOf, yTrue[i]!, i)]![requireClass(indexOf, yPredicted[i]!, i)]!++
  }
  return counts
}

/** The share of predictions that are right. Throws DatasetEmpty, ShapeMismatch. */
export function accuracy(yTrue: ArrayLike<number>, yPredicted: ArrayLike<number>): number {
  requirePairs(yTrue, yPredicted.length, 'predictions')
  let correct = 0
  for (let i = 0; i < yTrue.length; i++) if (yTrue[i] === yPredicted[i]) correct++
  return correct / yTrue.length
}

/**
 * The mean of -log(probability of the true class), each probability clipped to [ε, 1 - ε] with the
 * double's ε of 2.2e-16, as scikit-learn 1.5 and later. `probabilities` is rows × classes. Throws
 * DatasetEmpty, ShapeMismatch, OptionInvalid for classes that repeat, ValueNotFinite for what is no
 * probability.
 */
export function logLoss(
  yTrue: ArrayLike<number>,
  probabilities: Matrix,
  classes: ArrayLike<number>,
): number {
  return meanOf(logLosses(yTrue, probabilities, classes))
}

/** What `logLoss` is the mean of, row by row. Throws as it does. */
export function logLosses(
  yTrue: ArrayLike<number>,
  probabilities: Matrix,
  classes: ArrayLike<number>,
): Float64Array {
  const labels = labelsOf(yTrue, probabilities, classes)
  const losses = new Float64Array(yTrue.length)
  for (let i = 0; i < losses.length; i++) {
    const probability = probabilities.data[i * probabilities.cols + labels[i]!]!
    losses[i] = -Math.log(Math.min(Math.max(probability, Number.EPSILON), 1 - Number.EPSILON))
  }
  return losses
}

function quotient(numerator: number, denominator: number): number {
  return denominator === 0 ? 0 : numerator / denominator
}

function sumOf(values: readonly number[] | Float64Array): number {
  let sum = 0
  for (const value of values) sum += value
  return sum
}

function meanOf(values: readonly number[] | Float64Array): number {
  return sumOf(values) / values.length
}
