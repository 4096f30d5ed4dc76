import { takeRows, takeValues, type Matrix } from '../../data/matrix.ts'
import { permutation, seededRandom, type Random } from '../../data/random.ts'
import { checkFeatures, checkTargets } from '../checks.ts'
import type { FitOptions } from '../classifier.ts'
import { isModelError, ModelError } from '../errors.ts'
import type { OptionValue, Parameters } from '../options.ts'
import { meanOf } from './score-tools.ts'
import { isClassifier, scorerOf, type Scorer, type ScoringName } from './scoring.ts'
import type { Supervised } from './scoring.ts'
import type { Fold } from './splits.ts'

export interface ScoreOptions<Model extends Supervised> extends FitOptions {
  /** As `kFold`, `stratifiedKFold`, `groupKFold` or `timeSeriesSplit` make them. */
  readonly folds: readonly Fold[]
  /** By name, or a function of the fitted model and the rows to judge by; greater is better. */
  readonly scoring: ScoringName | Scorer<Model>
}

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
 * Throws what the fits throw, and OptionInvalid for a score that the model does not allow.
 */
export function crossValScores<Model extends Supervised>(
  create: () => Model,
  X: Matrix,
  y: ArrayLike<number>,
  { folds, scoring, signal, onProgress }: ScoreOptions<Model>,
): FoldScoring {
  checkFeatures(X, undefined, create().acceptsMissing)
  const targets = checkTargets(y, X.rows)
  const scorer = scorerOf(scoring)
  if (folds.length === 0) throw new ModelError('OptionInvalid', 'option folds is empty')
  let classes: Float64Array | undefined
  const scores = folds.map(({ train, test }, fold) => {
    const model = create()
    model.fit(takeRows(X, train), takeValues(targets, train), {
      signal,
      onProgress: ({ fraction, iterations }) =>
        onProgress?.({ fraction: (fold + fraction) / folds.length, iterations }),
    })
    classes ??= isClassifier(model)
      ? Float64Array.from(new Set(targets)).sort()
      : new Float64Array(0)
    return scorer(model, takeRows(X, test), takeValues(targets, test), classes)
  })
  return summaryOf(scores)
}

/** The values to try of each parameter: all combinations. */
export type ParameterGrid = Readonly<Record<string, readonly OptionValue[]>>

/** What to draw each parameter from: a list, or a range, evenly or evenly by its logarithm. */
export type ParameterSpace = Readonly<Record<string, readonly OptionValue[] | ParameterRange>>

export interface ParameterRange {
  readonly from: number
  readonly to: number
  /** Default 'linear'. */
  readonly scale?: 'linear' | 'log'
  readonly integer?: boolean
}

export interface SearchTrial extends FoldScoring {
  readonly parameters: Parameters
  /** From 1; equal means have the same. */
  readonly rank: number
  /** Why there are no scores: a fit did not converge. The mean is then -Infinity. */
  readonly failure?: string
}

export interface SearchResult {
  /** In the order they were made. */
  readonly trials: readonly SearchTrial[]
  /** The trial of the greatest mean, of equals the first. */
  readonly best: SearchTrial
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
 * Throws OptionInvalid for an empty grid and what the fits throw; a fit that does not converge makes
 * its trial the last.
 */
export function gridSearch<Model extends Supervised>(
  create: (parameters: Parameters) => Model,
  grid: ParameterGrid | readonly ParameterGrid[],
  X: Matrix,
  y: ArrayLike<number>,
  options: ScoreOptions<Model>,
): SearchResult {
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
export function randomSearch<Model extends Supervised>(
  create: (parameters: Parameters) => Model,
  space: ParameterSpace,
  X: Matrix,
  y: ArrayLike<number>,
  options: RandomSearchOptions<Model>,
): SearchResult {
  const { trials, seed } = options
  if (!Number.isInteger(trials) || trials < 1) {
    throw new ModelError(
      'OptionInvalid',
      `randomSearch: option trials takes a whole number from 1, got ${trials}`,
    )
  }
  return runTrials(create, draws(space, trials, seededRandom(seed)), X, y, options)
}

function runTrials<Model extends Supervised>(
  create: (parameters: Parameters) => Model,
  candidates: readonly Parameters[],
  X: Matrix,
  y: ArrayLike<number>,
  { onProgress, ...options }: ScoreOptions<Model>,
): SearchResult {
  if (candidates.length === 0) throw new ModelError('OptionInvalid', 'there is no grid to try')
  const scored = candidates.map((parameters, trial) => {
    const report: ScoreOptions<Model> = {
      ...options,
      onProgress: ({ fraction, iterations }) =>
        onProgress?.({ fraction: (trial + fraction) / candidates.length, iterations }),
    }
    try {
      return { parameters, ...crossValScores(() => create(parameters), X, y, report) }
    } catch (error) {
      if (!isModelError(error, 'NotConverged')) throw error
      return { parameters, scores: [], mean: -Infinity, deviation: 0, failure: error.message }
    }
  })
  const trials = scored.map((trial) => ({
    ...trial,
    rank: 1 + scored.filter(({ mean }) => mean > trial.mean).length,
  }))
  return { trials, best: trials.find(({ rank }) => rank === 1)! }
}

/** Names in alphabetical order, the last one's values changing first. */
function combinationsOf(grid: ParameterGrid): Parameters[] {
  let combinations: Parameters[] = [{}]
  for (const name of Object.keys(grid).sort()) {
    const values = grid[name]!
    if (values.length === 0) {
      throw new ModelError('OptionInvalid', `the grid has no value of ${name} to try`)
    }
    combinations = combinations.flatMap((before) =>
      values.map((value) => ({ ...before, [name]: value })),
    )
  }
  return combinations
}

function draws(space: ParameterSpace, trials: number, random: Random): Parameters[] {
  const names = Object.keys(space).sort()
  if (names.every((name) => isList(space[name]!))) {
    const all = combinationsOf(space as ParameterGrid)
    return Array.from(permutation(all.length, random).subarray(0, trials), (k) => all[k]!)
  }
  return Array.from({ length: trials }, () =>
    Object.fromEntries(names.map((name) => [name, drawFrom(name, space[name]!, random)])),
  )
}

function drawFrom(
  name: string,
  source: readonly OptionValue[] | ParameterRange,
  random: Random,
): OptionValue {
  if (isList(source)) {
    if (source.length > 0) return source[Math.floor(random() * source.length)]!
    throw new ModelError('OptionInvalid', `the space has no value of ${name} to try`)
  }
  const { from, to, scale = 'linear', integer = false } = source
  if (!(from <= to) || !Number.isFinite(to - from) || (scale === 'log' && !(from > 0))) {
    throw new ModelError('OptionInvalid', `the space of ${name} is ${from} to ${to}, ${scale}`)
  }
  const share = random()
  const reach = to + (integer ? 1 : 0)
  const value =
    scale === 'log'
      ? from * Math.exp(share * Math.log(reach / from))
      : from + share * (reach - from)
  return integer ? Math.min(to, Math.floor(value)) : Math.min(to, value)
}

function isList(source: readonly OptionValue[] | ParameterRange): source is readonly OptionValue[] {
  return Array.isArray(source)
}

function summaryOf(scores: readonly number[]): FoldScoring {
  const mean = meanOf(scores)
  return { scores, mean, deviation: Math.sqrt(meanOf(scores.map((score) => (score - mean) ** 2))) }
}
