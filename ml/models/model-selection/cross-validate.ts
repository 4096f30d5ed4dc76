import { takeRows, type Matrix } from '../../data/matrix.ts'
import { stratifiedFolds } from '../../data/split.ts'
import { checkFeatures, encodeTargets } from '../checks.ts'
import type { FitOptions } from '../classifier.ts'
import { ModelError } from '../errors.ts'
import { accuracy, logLoss } from '../metrics/classification.ts'
import type { OptionValue } from '../options.ts'
import { meanOf, spreadOver } from './score-tools.ts'
import type { Trainer } from '../trainers.ts'

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
      logLoss: logLoss(truth, spreadOver(probabilities, model.classes, classes), classes),
    }
  })
  const losses = folds.flatMap((scores) => ('logLoss' in scores ? [scores.logLoss] : []))
  return {
    folds,
    meanAccuracy: meanOf(folds.map((scores) => scores.accuracy)),
    ...(losses.length > 0 ? { meanLogLoss: meanOf(losses) } : {}),
  }
}

function indicesWhere(foldOf: Int32Array, holds: (fold: number) => boolean): number[] {
  const indices: number[] = []
  foldOf.forEach((fold, i) => {
    if (holds(fold)) indices.push(i)
  })
  return indices
}
