import type { Matrix } from '../../data/matrix.ts'
import { stratifiedFolds } from '../../data/split.ts'
import { checkFeatures, checkWeightCount, encodeTargets } from '../checks.ts'
import type { FitOptions } from '../classifier.ts'
import { ModelError } from '../errors.ts'
import { accuracy, logLoss } from '../metrics/classification.ts'
import { checkSeed, refuseUnknownOptions, type OptionValue } from '../options.ts'
import { FoldRows } from './fold-rows.ts'
import { meanOf, spreadOver } from './score-tools.ts'
import type { Trainer } from '../trainers.ts'

export interface CrossValidationOptions extends FitOptions {
  /** From 2 to the number of rows. */
  readonly folds: number
  /** A 32-bit integer: decides the folds and seeds the trainer. */
  readonly seed: number
  readonly hyperparameters?: Readonly<Record<string, OptionValue>>
}

const knownOptions = ['folds', 'seed', 'hyperparameters', 'signal', 'onProgress', 'sampleWeight']

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
  refuseUnknownOptions('crossValidate', knownOptions, options)
  const { folds: count, seed, hyperparameters, sampleWeight } = options
  checkSeed('crossValidate', seed)
  // Whether a value may be missing its column may decide: the model refuses it.
  checkFeatures(X, undefined, true)
  const { classes } = encodeTargets(y, X.rows)
  const targets = Float64Array.from(y)
  if (!Number.isInteger(count) || count < 2 || count > X.rows) {
    throw new ModelError(
      'OptionInvalid',
      `crossValidate: option folds takes a whole number from 2 to the ${X.rows} rows, got ${count}`,
    )
  }
  const foldOf = stratifiedFolds(targets, count, seed)
  const all = Array.from({ length: count }, (_, fold) => ({
    train: indicesWhere(foldOf, (of) => of !== fold),
    test: indicesWhere(foldOf, (of) => of === fold),
  }))
  const foldRows = new FoldRows(
    { X, y: targets, weights: checkWeightCount(sampleWeight, X.rows) },
    all,
  )
  const folds = all.map((rows, fold) => {
    const { train, test } = foldRows.of(rows)
    const model = trainer.create(hyperparameters, seed)
    model.fit(train.X, train.y, {
      ...foldRows.fitOptions,
      signal: options.signal,
      sampleWeight: train.weights,
      onProgress: ({ fraction, iterations }) =>
        options.onProgress?.({ fraction: (fold + fraction) / count, iterations }),
    })
    const scores = { rows: test.X.rows, accuracy: accuracy(test.y, model.predict(test.X)) }
    const probabilities = model.predictProba?.(test.X)
    if (!probabilities) return scores
    return {
      ...scores,
      logLoss: logLoss(test.y, spreadOver(probabilities, model.classes, classes), classes),
    }
  })
  const losses = folds.flatMap((scores) => ('logLoss' in scores ? [scores.logLoss] : []))
  return {
    folds,
    meanAccuracy: meanOf(folds.map((scores) => scores.accuracy)),
    ...(losses.length > 0 ? { meanLogLoss: meanOf(losses) } : {}),
  }
}

function indicesWhere(foldOf: Int32Array, holds: (fold: number) => boolean): Int32Array {
  return foldOf.map((_, i) => i).filter((i) => holds(foldOf[i]!))
}
