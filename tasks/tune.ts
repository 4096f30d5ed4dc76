import { permutation, seededRandom, takeRows, takeValues, type Matrix } from '../ml/data/index.ts'
import {
  accuracy,
  crossValScores,
  isModelError,
  randomSearch,
  rootMeanSquaredError,
  scorers,
  searchSpaceOf,
  type AnyPipeline,
  type ClusteringPipeline,
  type FitOptions,
  type Parameters,
  type Regressor,
  type ScoreOptions,
  type Supervised,
  type Trainer,
} from '../ml/models/index.ts'
import type { CandidateScore, LearningTask } from './shapes.ts'
import { drawnRows, meanOf, silhouettesOf, throughSteps } from './silhouette.ts'
import { tuningFolds, type TuningFoldsOptions } from './tuning-folds.ts'

/** Rows, drawn by the seed, on which settings are compared; the best is then judged on all rows. */
const searchRows = 10_000

/** Rows of each class that are among them, where it has so many. */
const searchRowsOfClass = 10

/** Rows of a fold that its silhouette is of. */
const silhouetteRows = 1000

export interface TuningOptions extends TuningFoldsOptions {
  /** Options that the uploader decided: these are not tuned. */
  readonly given: Parameters
  /** How many settings are tried, the defaults first; of a trainer with nothing to tune one. */
  readonly trials: number
}

export interface Tuned {
  /** What to create the model with. */
  readonly parameters: Parameters
  readonly score: CandidateScore
}

/**
 * The best setting of a trainer by seeded random search and cross-validation: of equally good ones the
 * first. The number of trials decides how long it takes, never the clock, so that it ends the same
 * everywhere. Throws ModelError when no setting can be learned.
 */
export function tune(
  trainer: Trainer<LearningTask>,
  X: Matrix,
  y: Float64Array,
  { given, trials, seed, timeOrder }: TuningOptions,
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
      ...judged(task, () => create(best), X, y, { seed, timeOrder }),
      trials: tried,
      hyperparameters: { ...given, ...best },
    },
  }

  function search(rows: Matrix, targets: Float64Array): Parameters {
    const options: ScoreOptions<Supervised> = {
      folds: tuningFolds(task, rows, targets, { seed, timeOrder }),
      scoring: scoringOf(task, seed),
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

function judged(
  task: LearningTask,
  create: () => Supervised,
  X: Matrix,
  y: Float64Array,
  options: TuningFoldsOptions,
): Judged {
  const losses: number[] = []
  const scoring = scoringOf(task, options.seed)
  const { scores, mean } = crossValScores(create, X, y, {
    folds: tuningFolds(task, X, y, options),
    scoring: (model, rows, truth, classes) => {
      if ('predictProba' in model && model.predictProba) {
        losses.push(-scorers['neg-log-loss'](model, rows, truth, classes))
      }
      return scoring(model, rows, truth, classes)
    },
  })
  switch (task) {
    case 'classification': {
      const logLoss = losses.length === 0 ? null : meanOf(losses)
      return { task, accuracy: mean, logLoss, folds: [...scores] }
    }
    case 'regression':
      return { task, rmse: -mean, folds: scores.map((score) => -score) }
    case 'clustering':
      return { task, silhouette: mean, folds: [...scores] }
    default:
      return task satisfies never
  }
}

/** How good answers are for a task, greater is better. */
function scoringOf(
  task: LearningTask,
  seed: number,
): (model: Supervised, X: Matrix, y: Float64Array, classes: Float64Array) => number {
  switch (task) {
    case 'classification':
      return (model, X, y) => accuracy(y, model.predict(X))
    case 'regression':
      return (model, X, y) => -rootMeanSquaredError(y, model.predict(X))
    case 'clustering':
      return (model, X) => {
        const clusters = model.predict(X)
        const seen = model instanceof ClusterLearner ? throughSteps(model.pipeline.steps, X) : X
        const drawn = drawnRows(X.rows, silhouetteRows, seed)
        const silhouettes = silhouettesOf(seen, clusters, drawn)
        // One cluster of all tells as little as can be.
        return silhouettes === null ? -1 : meanOf(silhouettes)
      }
    default:
      return task satisfies never
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
