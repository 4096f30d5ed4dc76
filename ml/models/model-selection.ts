import { takeRows, type Matrix } from '../data/matrix.ts'
import { seededRandom } from '../data/random.ts'
import { stratifiedFolds } from '../data/split.ts'
import { checkFeatures, encodeTargets } from './checks.ts'
import type { FitOptions } from './classifier.ts'
import { ModelError } from './errors.ts'
import { accuracy, logLoss } from './metrics.ts'
import type { OptionValue } from './options.ts'
import type { Trainer } from './trainers.ts'

export interface CrossValidationOptions extends FitOptions {
  /** From 2 to the number of rows. */
  readonly folds: number
  /** A 32-bit integer: decides the folds and seeds the trainer. */
  readonly seed: number
  readonly hyperparameters?: Readonly<Record<string, OptionValue>>
}

export interface CrossValidation {
  readonly folds: readonly FoldScores[]
  readonly meanAccuracy: number
  /** Where the model has probabilities. */
  readonly meanLogLoss?: number
}

export interface FoldScores {
  readonly rows: number
  readonly accuracy: number
  readonly logLoss?: number
}

/**
 * Stratified cross-validation: each fold is judged by a model that learned from the other folds. A
 * class whose rows are all in one fold counts as a class of probability 0 there. Throws what the
 * fit throws, and OptionInvalid for an impossible number of folds.
 */
export function crossValidate(
  trainer: Trainer,
  X: Matrix,
  y: ArrayLike<number>,
  options: CrossValidationOptions,
): CrossValidation {
  checkFeatures(X)
  const { classes } = encodeTargets(y, X.rows)
  const targets = Float64Array.from(y)
  const { folds: count, seed } = options
  if (!Number.isInteger(count) || count < 2 || count > X.rows) {
    throw new ModelError(
      'OptionInvalid',
      `crossValidate: option folds takes a whole number from 2 to the ${X.rows} rows, got ${count}`,
    )
  }
  const foldOf = stratifiedFolds(targets, count, seed)
  const folds = Array.from({ length: count }, (_, fold) => {
    const learn = indicesWhere(foldOf, (of) => of !== fold)
    const judge = indicesWhere(foldOf, (of) => of === fold)
    const model = trainer.create(options.hyperparameters, seed)
    const targetsOf = (indices: readonly number[]) => indices.map((i) => targets[i]!)
    model.fit(takeRows(X, learn), targetsOf(learn), {
      signal: options.signal,
      onProgress: ({ fraction, iterations }) =>
        options.onProgress?.({ fraction: (fold + fraction) / count, iterations }),
    })
    const rows = takeRows(X, judge)
    const truth = targetsOf(judge)
    const scores = { rows: judge.length, accuracy: accuracy(truth, model.predict(rows)) }
    const probabilities = model.predictProba?.(rows)
    if (!probabilities) return scores
    return {
      ...scores,
      logLoss: logLoss(truth, spread(probabilities, model.classes, classes), classes),
    }
  })
  const losses = folds.flatMap((scores) => ('logLoss' in scores ? [scores.logLoss] : []))
  return {
    folds,
    meanAccuracy: mean(folds.map((scores) => scores.accuracy)),
    ...(losses.length > 0 ? { meanLogLoss: mean(losses) } : {}),
  }
}

export interface PairedBootstrapOptions {
  /** A 32-bit integer. */
  readonly seed: number
  /** Default 2,000. */
  readonly resamples?: number
}

export interface PairedBootstrap {
  /** Accuracy of A less accuracy of B. */
  readonly difference: number
  /** The middle 95% of the resampled differences. */
  readonly lower: number
  readonly upper: number
  /** The share of resamples in which A is less accurate than B. */
  readonly probabilityWorse: number
}

/**
 * How sure it is that A is no worse than B, both judged on the same rows: rows are drawn with
 * replacement, each with both its answers, and the difference of the accuracies is taken again
 * (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993). Time is rows × resamples.
 *
 * @param correctA whether A was right on each row (true or 1), `correctB` the same of B
 * Throws DatasetEmpty, ShapeMismatch, OptionInvalid.
 */
export function pairedBootstrap(
  correctA: ArrayLike<boolean | number>,
  correctB: ArrayLike<boolean | number>,
  { seed, resamples = 2000 }: PairedBootstrapOptions,
): PairedBootstrap {
  const rows = correctA.length
  if (correctB.length !== rows) {
    throw new ModelError(
      'ShapeMismatch',
      `A has ${rows} rows and B has ${correctB.length}: both are judged on the same`,
    )
  }
  if (rows === 0) throw new ModelError('DatasetEmpty', 'there is no row to compare on')
  if (!Number.isInteger(resamples) || resamples < 1) {
    throw new ModelError(
      'OptionInvalid',
      `pairedBootstrap: option resamples takes a whole number from 1, got ${resamples}`,
    )
  }
  const gains = Int8Array.from(
    { length: rows },
    (_, i) => Number(Boolean(correctA[i])) - Number(Boolean(correctB[i])),
  )
  const random = seededRandom(seed)
  const differences = new Float64Array(resamples)
  let worse = 0
  for (let r = 0; r < resamples; r++) {
    let sum = 0
    for (let draw = 0; draw < rows; draw++) sum += gains[Math.floor(random() * rows)]!
    differences[r] = sum / rows
    if (sum < 0) worse++
  }
  differences.sort()
  return {
    difference: mean(gains),
    lower: quantile(differences, 0.025),
    upper: quantile(differences, 0.975),
    probabilityWorse: worse / resamples,
  }
}

function indicesWhere(foldOf: Int32Array, holds: (fold: number) => boolean): number[] {
  const indices: number[] = []
  foldOf.forEach((fold, i) => {
    if (holds(fold)) indices.push(i)
  })
  return indices
}

/** Probabilities over the classes that were learned, as columns of all classes. */
function spread(probabilities: Matrix, learned: Float64Array, classes: Float64Array): Matrix {
  if (learned.length === classes.length) return probabilities
  const columns = Array.from(learned, (value) => classes.indexOf(value))
  const { rows, cols } = probabilities
  const data = new Float64Array(rows * classes.length)
  for (let i = 0; i < rows; i++) {
    columns.forEach((column, c) => {
      data[i * classes.length + column] = probabilities.data[i * cols + c]!
    })
  }
  return { data, rows, cols: classes.length }
}

function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}

/** Between the two neighbours of the place, in proportion: NumPy's default. */
function quantile(ascending: Float64Array, share: number): number {
  const place = share * (ascending.length - 1)
  const below = Math.floor(place)
  const above = Math.min(below + 1, ascending.length - 1)
  return ascending[below]! + (place - below) * (ascending[above]! - ascending[below]!)
}
