import type { Matrix } from '../../data/matrix.ts'
import { seededRandom } from '../../data/random.ts'
import { checkFeatures, checkTargets, checkWeightCount } from '../checks.ts'
import type { FitOptions } from '../classifier.ts'
import { isModelError, ModelError } from '../errors.ts'
import { checkSeed, refuseUnknownOptions, type Parameters } from '../options.ts'
import { checkFoldRows, FoldRows, type FoldSource, type Rows } from './fold-rows.ts'
import { MovedRows } from './moved-rows.ts'
import { combinationsOf, drawsOf, type ParameterGrid, type ParameterSpace } from './spaces.ts'
import type { FromGrid, FromSpace } from './spaces.ts'
import { meanOf } from './score-tools.ts'
import { isClassifier, scorerOf, type Scorer, type ScoringName } from './scoring.ts'
import type { Supervised } from './scoring.ts'
import type { Fold } from './splits.ts'

export interface ScoreOptions<Model extends Supervised> extends FitOptions {
  /** As `kFold`, `stratifiedKFold`, `groupKFold` or `timeSeriesSplit` make them. */
  readonly folds: readonly Fold[]
  /**
   * By name, or a function of the fitted model and the rows to judge by, which are the next fold's
   * when it has answered; greater is better.
   */
  readonly scoring: ScoringName | Scorer<Model>
}

export interface CrossValScoresOptions<Model extends Supervised> extends ScoreOptions<Model> {
  /**
   * Whether the rows of X and of y, a Float64Array, may be moved within their own memory: then no copy of
   * them is held. They stand where they stood when all is done, also when it throws. No row may be twice
   * on a side of a fold. @default false
   */
  readonly movesRows?: boolean
}

const scoreOptions = ['folds', 'scoring', 'signal', 'onProgress', 'sampleWeight']

/** The scores of one way to learn, a number a fold. */
export interface FoldScoring {
  readonly scores: readonly number[]
  readonly mean: number
  /** Population standard deviation. */
  readonly deviation: number
}

/**
 * Cross-validation over any folds, by any score: a model of `create` learns from each fold's training
 * rows and is judged by its others. A pipeline learns its steps anew from each fold's training rows.
 * `sampleWeight` goes with its rows into the fits; scores count every row the same.
 * Holds one copy of X, in which one fold's rows follow the other's: a model keeps none of them; with
 * `movesRows` none but what a pipeline's steps make of a fold's training rows.
 * Throws what the fits throw, and OptionInvalid for a score that the model does not allow and for folds of
 * rows that there are not, or with a row on both sides.
 */
export function crossValScores<Model extends Supervised>(
  create: () => Model,
  X: Matrix,
  y: ArrayLike<number>,
  options: CrossValScoresOptions<Model>,
): FoldScoring {
  refuseUnknownOptions('crossValScores', [...scoreOptions, 'movesRows'], options)
  const { movesRows = false, ...rest } = options
  if (movesRows && !(y instanceof Float64Array)) {
    throw new ModelError('OptionInvalid', 'option movesRows: y is to be a Float64Array')
  }
  const FoldSource = movesRows ? MovedRows : FoldRows
  return scoreFolds(create, X, y, rest, (all) => new FoldSource(all, options.folds))
}

function scoreFolds<Model extends Supervised>(
  create: () => Model,
  X: Matrix,
  y: ArrayLike<number>,
  { folds, scoring, signal, onProgress, sampleWeight }: ScoreOptions<Model>,
  foldRowsOf: (all: Rows) => FoldSource,
): FoldScoring {
  // Whether a value may be missing its column may decide: the model refuses it.
  checkFeatures(X, undefined, true)
  const targets = checkTargets(y, X.rows)
  const scorer = scorerOf(scoring)
  checkFoldRows(folds, X.rows)
  const foldRows = foldRowsOf({ X, y: targets, weights: checkWeightCount(sampleWeight, X.rows) })
  let classes: Float64Array | undefined
  try {
    const scores = folds.map((rows, fold) => {
      const { train, test } = foldRows.of(rows)
      const model = create()
      model.fit(train.X, train.y, {
        ...foldRows.fitOptions,
        signal,
        sampleWeight: train.weights,
        onProgress: ({ fraction, iterations }) =>
          onProgress?.({ fraction: (fold + fraction) / folds.length, iterations }),
      })
      classes ??= isClassifier(model)
        ? Float64Array.from(new Set(targets)).sort()
        : new Float64Array(0)
      return scorer(model, test.X, test.y, classes)
    })
    return summaryOf(scores)
  } finally {
    foldRows.end()
  }
}

export interface SearchTrial<Found extends Parameters = Parameters> extends FoldScoring {
  readonly parameters: Found
  /** From 1; equal means have the same. */
  readonly rank: number
  /** Why there is no mean: a fit did not converge, or a score is NaN. It is then -Infinity. */
  readonly failure?: string
}

export interface SearchResult<Found extends Parameters = Parameters> {
  /** In the order they were made. */
  readonly trials: readonly SearchTrial<Found>[]
  /** The trial of the greatest mean, of equals the first. */
  readonly best: SearchTrial<Found>
}

/**
 * Tries every combination of `grid` (or of each of several) by cross-validation. Parameters go to
 * `create`, which decides what they mean: options of a model, of a step before it, or which steps
 * there are.
 *
 *     const search = gridSearch(
 *       ({ alpha }) => new RegressionPipeline(new Ridge({ alpha }), { scale: true }),
 *       { alpha: [0.1, 1, 10] }, X, y, { folds: kFold(X.rows), scoring: 'r2' },
 *     )
 *     search.best.parameters
 *
 * Throws OptionInvalid for an empty grid and what the fits throw. A fit that does not converge makes
 * its trial the last, and so does a score that is NaN; where all are such it throws NotConverged.
 */
export function gridSearch<Grid extends ParameterGrid, Model extends Supervised>(
  create: (parameters: FromGrid<Grid>) => Model,
  grid: Grid,
  X: Matrix,
  y: ArrayLike<number>,
  options: ScoreOptions<Model>,
): SearchResult<FromGrid<Grid>>
export function gridSearch<Model extends Supervised>(
  create: (parameters: Parameters) => Model,
  grids: readonly ParameterGrid[],
  X: Matrix,
  y: ArrayLike<number>,
  options: ScoreOptions<Model>,
): SearchResult
export function gridSearch<Model extends Supervised>(
  create: (parameters: Parameters) => Model,
  grid: ParameterGrid | readonly ParameterGrid[],
  X: Matrix,
  y: ArrayLike<number>,
  options: ScoreOptions<Model>,
): SearchResult {
  refuseUnknownOptions('gridSearch', scoreOptions, options)
  const grids = Array.isArray(grid) ? (grid as readonly ParameterGrid[]) : [grid as ParameterGrid]
  return runTrials(create, grids.flatMap(combinationsOf), X, y, options)
}

export interface RandomSearchOptions<Model extends Supervised> extends ScoreOptions<Model> {
  /** How many draws are tried; fewer where lists alone have fewer combinations. */
  readonly trials: number
  /** A 32-bit integer. */
  readonly seed: number
}

/** Tries as many draws from `space` as are asked for, by cross-validation. Throws as `gridSearch`. */
export function randomSearch<Space extends ParameterSpace, Model extends Supervised>(
  create: (parameters: FromSpace<Space>) => Model,
  space: Space,
  X: Matrix,
  y: ArrayLike<number>,
  options: RandomSearchOptions<Model>,
): SearchResult<FromSpace<Space>> {
  refuseUnknownOptions('randomSearch', [...scoreOptions, 'trials', 'seed'], options)
  const { trials, seed, ...rest } = options
  if (!Number.isInteger(trials) || trials < 1) {
    throw new ModelError(
      'OptionInvalid',
      `randomSearch: option trials takes a whole number from 1, got ${trials}`,
    )
  }
  checkSeed('randomSearch', seed)
  return runTrials(create, drawsOf(space, trials, seededRandom(seed)), X, y, rest)
}

function runTrials<Found extends Parameters, Model extends Supervised>(
  create: (parameters: Found) => Model,
  candidates: readonly Found[],
  X: Matrix,
  y: ArrayLike<number>,
  { onProgress, ...options }: ScoreOptions<Model>,
): SearchResult<Found> {
  if (candidates.length === 0) throw new ModelError('OptionInvalid', 'there is no grid to try')
  let foldRows: FoldRows | undefined
  const foldRowsOf = (all: Rows) => (foldRows ??= new FoldRows(all, options.folds))
  const scored = candidates.map((parameters, trial) => {
    const report: ScoreOptions<Model> = {
      ...options,
      onProgress: ({ fraction, iterations }) =>
        onProgress?.({ fraction: (trial + fraction) / candidates.length, iterations }),
    }
    try {
      const scoring = scoreFolds(() => create(parameters), X, y, report, foldRowsOf)
      if (!Number.isNaN(scoring.mean)) return { parameters, ...scoring }
      return { parameters, ...scoring, mean: -Infinity, deviation: 0, failure: 'a score is NaN' }
    } catch (error) {
      if (!isModelError(error, 'NotConverged')) throw error
      return { parameters, scores: [], mean: -Infinity, deviation: 0, failure: error.message }
    }
  })
  const trials = scored.map((trial) => ({
    ...trial,
    rank: 1 + scored.filter(({ mean }) => mean > trial.mean).length,
  }))
  const best = trials
    .filter((trial) => !('failure' in trial))
    .reduce<(typeof trials)[number] | undefined>(
      (first, trial) => (first && first.rank <= trial.rank ? first : trial),
      undefined,
    )
  if (best) return { trials, best }
  const failures = new Set(trials.map((trial) => ('failure' in trial ? trial.failure : '')))
  throw new ModelError('NotConverged', `every trial failed: ${[...failures].join('; ')}`)
}

function summaryOf(scores: readonly number[]): FoldScoring {
  const mean = meanOf(scores)
  return { scores, mean, deviation: Math.sqrt(meanOf(scores.map((score) => (score - mean) ** 2))) }
}
