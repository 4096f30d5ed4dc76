import { permutation, seededRandom, takeRows, takeValues, type Matrix } from '../ml/data/index.ts'
import {
  crossValScores,
  isModelError,
  randomSearch,
  scorers,
  searchSpaceOf,
  type AnyPipeline,
  type ClusteringPipeline,
  type FitOptions,
  type Parameters,
  type Regressor,
  type ScoreOptions,
  type ScoringName,
  type Supervised,
  type Trainer,
} from '../ml/models/index.ts'
import { isLessBetter, metricOf } from './chosen-metric.ts'
import type { CandidateScore, LearningTask, MetricName } from './shapes.ts'
import { drawnRows, meanOf, silhouettesOf } from './silhouette.ts'
import { tuningFolds, type TuningFoldsOptions } from './tuning-folds.ts'

/** Rows, drawn by the seed, on which settings are compared; the best is then judged on all rows. */
export const searchRows = 10_000

/** Rows of each class that are among them, where it has so many. */
const searchRowsOfClass = 10

/** Rows of a fold that its silhouette is of. */
const silhouetteRows = 1000

export interface TuningOptions extends TuningFoldsOptions {
  /** Options that the uploader decided: these are not tuned. */
  readonly given: Parameters
  /** How many settings are tried, the defaults first; of a trainer with nothing to tune one. */
  readonly trials: number
  /** What they are compared by: one of the task's. */
  readonly metric: MetricName
}

export interface Tuned {
  /** What to create the model with. */
  readonly parameters: Parameters
  readonly score: CandidateScore
}

/**
 * The best setting of a trainer by seeded random search and cross-validation: of equally good ones the
 * first. The number of trials decides how long it takes, never the clock, so that it ends the same
 * everywhere. Rows and targets are moved within their memory meanwhile, and stand in the end as before:
 * of all of them no copy is held. Throws ModelError when no setting can be learned, or scored: log loss takes probabilities.
 */
export function tune(
  trainer: Trainer<LearningTask>,
  X: Matrix,
  y: Float64Array,
  { given, trials, metric, seed, timeOrder }: TuningOptions,
): Tuned {
  const { task } = trainer
  const create = (drawn: Parameters) =>
    learnerOf(trainer.create({ ...given, ...readable(drawn) }, seed))
  const space = Object.fromEntries(
    Object.entries(searchSpaceOf(trainer.name, task)).filter(
      ([name]) => !Object.hasOwn(given, name),
    ),
  )
  const tried = Object.keys(space).length === 0 ? 1 : trials
  const drawn = rowsToSearch(task, y, seed)
  const best = tried === 1 ? {} : readable(search(takeRows(X, drawn), takeValues(y, drawn)))
  return {
    parameters: { ...given, ...best },
    score: {
      ...judged(task, () => create(best), X, y, { metric, seed, timeOrder }),
      trials: tried,
      hyperparameters: { ...given, ...best },
    },
  }

  function search(rows: Matrix, targets: Float64Array): Parameters {
    const options: ScoreOptions<Supervised> = {
      folds: tuningFolds(task, rows, targets, { seed, timeOrder }),
      scoring: scoringOf(metric, seed),
    }
    const defaults = ifConverged(() => crossValScores(() => create({}), rows, targets, options))
    const trialOptions = { ...options, trials: tried - 1, seed }
    const found = ifConverged(() => randomSearch(create, space, rows, targets, trialOptions).best)
    return found && found.mean > (defaults?.mean ?? -Infinity) ? found.parameters : {}
  }
}

/** Rows in their order, those of a rare class among them. */
function rowsToSearch(task: LearningTask, y: Float64Array, seed: number): Int32Array {
  if (task !== 'classification' || y.length <= searchRows) {
    return drawnRows(y.length, searchRows, seed)
  }
  const order = permutation(y.length, seededRandom(seed))
  const taken = new Map<number, number>()
  const isFirstOfClass = (row: number) => {
    const count = taken.get(y[row]!) ?? 0
    taken.set(y[row]!, count + 1)
    return count < searchRowsOfClass
  }
  const rare = order.filter(isFirstOfClass)
  const known = new Set(rare)
  const others = order.filter((row) => !known.has(row))
  return Int32Array.of(...rare, ...others.subarray(0, searchRows - rare.length)).sort()
}

/** Lets the defaults or all draws lose, rather than the search fail, where they do not converge. */
function ifConverged<Result>(score: () => Result): Result | undefined {
  try {
    return score()
  } catch (error) {
    if (!isModelError(error, 'NotConverged')) throw error
    return undefined
  }
}

type Judged = CandidateScore extends infer Score
  ? Score extends CandidateScore
    ? Omit<Score, 'trials' | 'hyperparameters'>
    : never
  : never

/** By cross-validation on all rows: the score by the metric, and by what is told of every model. */
function judged(
  task: LearningTask,
  create: () => Supervised,
  X: Matrix,
  y: Float64Array,
  { metric, ...options }: Pick<TuningOptions, 'metric' | 'seed' | 'timeOrder'>,
): Judged {
  const scoring = scoringOf(metric, options.seed)
  const usual = metricOf(task, {})
  const usualScoring = scoringOf(usual, options.seed)
  const usualScores: number[] = []
  const losses: number[] = []
  const { scores, mean } = crossValScores(create, X, y, {
    folds: tuningFolds(task, X, y, options),
    movesRows: true,
    scoring: (model, rows, truth, classes) => {
      if ('predictProba' in model && model.predictProba) {
        losses.push(-scorers['neg-log-loss'](model, rows, truth, classes))
      }
      const score = scoring(model, rows, truth, classes)
      usualScores.push(metric === usual ? score : usualScoring(model, rows, truth, classes))
      return score
    },
  })
  const sign = isLessBetter(metric) ? -1 : 1
  const compared = { metric, score: sign * mean, folds: scores.map((score) => sign * score) }
  switch (task) {
    case 'classification': {
      const logLoss = losses.length === 0 ? null : meanOf(losses)
      return { task, ...compared, accuracy: meanOf(usualScores), logLoss }
    }
    case 'regression':
      return { task, ...compared, rmse: -meanOf(usualScores) }
    case 'clustering':
      return { task, ...compared, silhouette: meanOf(usualScores) }
    default:
      return task satisfies never
  }
}

const scoringNames = {
  accuracy: 'accuracy',
  balancedAccuracy: 'balanced-accuracy',
  macroF1: 'f1-macro',
  logLoss: 'neg-log-loss',
  rmse: 'neg-root-mean-squared-error',
  mae: 'neg-mean-absolute-error',
  r2: 'r2',
} as const satisfies Record<Exclude<MetricName, 'silhouette'>, ScoringName>

/** How good answers are by a metric, greater is better. */
function scoringOf(
  metric: MetricName,
  seed: number,
): (model: Supervised, X: Matrix, y: Float64Array, classes: Float64Array) => number {
  if (metric !== 'silhouette') return scorers[scoringNames[metric]]
  return (model, X) => {
    const clusters = model.predict(X)
    const steps = model instanceof ClusterLearner ? model.pipeline.steps : []
    const drawn = drawnRows(X.rows, silhouetteRows, seed)
    const silhouettes = silhouettesOf(steps, X, clusters, drawn)
    // One cluster of all tells as little as can be.
    return silhouettes === null ? -1 : meanOf(silhouettes)
  }
}

function learnerOf(pipeline: AnyPipeline): Supervised {
  return pipeline.task === 'clustering' ? new ClusterLearner(pipeline) : pipeline
}

/** A clustering as cross-validation takes it: it learns from no targets, and answers cluster numbers. */
class ClusterLearner implements Regressor {
  readonly pipeline: ClusteringPipeline

  constructor(pipeline: ClusteringPipeline) {
    this.pipeline = pipeline
  }

  get algorithm(): string {
    return this.pipeline.algorithm
  }

  get parameters(): Parameters {
    return this.pipeline.parameters
  }

  get featureCount(): number {
    return this.pipeline.featureCount
  }

  get acceptsMissing(): boolean {
    return this.pipeline.acceptsMissing
  }

  fit(X: Matrix, _y: ArrayLike<number>, options?: FitOptions): this {
    this.pipeline.fit(X, options)
    return this
  }

  predict(X: Matrix): Float64Array {
    return this.pipeline.predict(X)
  }

  predictRow(row: Float64Array): number {
    return this.pipeline.predictRow(row)
  }

  toTensors() {
    return this.pipeline.toTensors()
  }
}

/** Drawn numbers with three digits, which is all that people want to read of them. */
function readable(drawn: Parameters): Parameters {
  return Object.fromEntries(
    Object.entries(drawn).map(([name, value]) => [
      name,
      typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(3)) : value,
    ]),
  )
}
