import type { Matrix } from '../../data/matrix.ts'
import type { Classifier } from '../classifier.ts'
import { ModelError } from '../errors.ts'
import { brierScore } from '../metrics/calibration.ts'
import { accuracy, classificationReport, logLoss } from '../metrics/classification.ts'
import { multiclassRocAuc, rocAuc } from '../metrics/ranking.ts'
import { meanAbsoluteError, r2Score, rootMeanSquaredError } from '../metrics/regression.ts'
import type { Regressor } from '../regressor.ts'
import { spreadOver } from './score-tools.ts'

export type Supervised = Classifier | Regressor

/**
 * How good a model's answers are, greater is better.
 *
 * @param classes all that there are, also beyond the rows judged here; empty for a quantity
 */
export type Scorer<Model extends Supervised = Supervised> = (
  model: Model,
  X: Matrix,
  y: Float64Array,
  classes: Float64Array,
) => number

export type ScoringName = keyof typeof scorers

/** Scorers by name; errors and losses are negative, so that greater is better. */
export const scorers = {
  accuracy: (model, X, y) => accuracy(y, model.predict(X)),
  'balanced-accuracy': (model, X, y, classes) => {
    const { perClass } = classificationReport(y, model.predict(X), classes)
    const present = perClass.filter(({ support }) => support > 0)
    return present.reduce((sum, { recall }) => sum + recall, 0) / present.length
  },
  'f1-macro': (model, X, y, classes) => {
    const answers = model.predict(X)
    const seen = new Set([...y, ...answers])
    const { perClass } = classificationReport(y, answers, classes)
    return perClass.reduce((sum, { f1 }) => sum + f1, 0) / seen.size
  },
  'neg-log-loss': (model, X, y, classes) =>
    -logLoss(y, probabilitiesOf(model, X, classes), classes),
  'neg-brier-score': (model, X, y, classes) =>
    -brierScore(y, probabilitiesOf(model, X, classes), classes),
  'roc-auc': (model, X, y, classes) => {
    if (classes.length > 2) {
      return multiclassRocAuc(y, probabilitiesOf(model, X, classes), classes)
    }
    return rocAuc(y, asClassifier(model).decisionFunction(X).data, classes[1]!)
  },
  r2: (model, X, y) => r2Score(y, model.predict(X)),
  'neg-mean-absolute-error': (model, X, y) => -meanAbsoluteError(y, model.predict(X)),
  'neg-root-mean-squared-error': (model, X, y) => -rootMeanSquaredError(y, model.predict(X)),
} as const satisfies Record<string, Scorer>

/** Throws OptionInvalid, which lists the known names. */
export function scorerOf<Model extends Supervised>(
  scoring: ScoringName | Scorer<Model>,
): Scorer<Model> {
  if (typeof scoring === 'function') return scoring
  if (Object.hasOwn(scorers, scoring)) return scorers[scoring]
  const known = Object.keys(scorers).join(', ')
  throw new ModelError(
    'OptionInvalid',
    `option scoring is ${JSON.stringify(scoring)}; known are: ${known}, or a function`,
  )
}

function probabilitiesOf(model: Supervised, X: Matrix, classes: Float64Array): Matrix {
  const classifier = asClassifier(model)
  if (!classifier.predictProba) {
    throw new ModelError('OptionInvalid', `${model.algorithm} has no probabilities to be scored`)
  }
  return spreadOver(classifier.predictProba(X), classifier.classes, classes)
}

function asClassifier(model: Supervised): Classifier {
  if (isClassifier(model)) return model
  throw new ModelError('OptionInvalid', `${model.algorithm} has no classes to be scored`)
}

export function isClassifier(model: Supervised): model is Classifier {
  return 'decisionFunction' in model
}
