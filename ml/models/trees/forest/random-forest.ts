import { resolveOptions, type Parameters } from '../../options.ts'
import type { LoadedTensors } from '../../tensors.ts'
import type { ForestPlan } from './grow.ts'
import {
  randomForestClassifierOptions,
  randomForestOptions,
  forestPlan,
  type ClassCriterionName,
  type ForestOptions,
} from './options.ts'
import { TreesClassifier, TreesRegressor } from './tree-estimators.ts'

export interface RandomForestClassifierOptions extends ForestOptions {
  criterion?: ClassCriterionName
}

/**
 * A random forest (Breiman, "Random forests", 2001): trees of exact splits, each grown on rows drawn
 * with replacement, looking at features drawn anew at each node. Memory of a fit: 8 bytes a value of
 * X and 33 a row, however many the trees.
 *
 *     const model = new RandomForestClassifier({ nEstimators: 200, seed: 1 }).fit(X, y)
 *     model.predictProba(X)
 *
 * The constructor throws OptionInvalid.
 */
export class RandomForestClassifier extends TreesClassifier {
  readonly algorithm = 'random-forest'
  readonly #options: Required<RandomForestClassifierOptions>

  constructor(options: RandomForestClassifierOptions = {}) {
    super()
    this.#options = resolveOptions<RandomForestClassifierOptions>(
      'RandomForestClassifier',
      randomForestClassifierOptions,
      options,
    )
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): RandomForestClassifier {
    return new RandomForestClassifier(parameters).restoreTrees(tensors)
  }

  get parameters(): Parameters {
    return this.#options
  }

  protected get criterion(): ClassCriterionName {
    return this.#options.criterion
  }

  protected plan(rows: number, cols: number): ForestPlan {
    return forestPlan(this.#options, 'best', rows, cols)
  }
}

/**
 * A random forest of regression trees, which by default look at all features.
 *
 *     const model = new RandomForestRegressor({ nEstimators: 50 }).fit(X, y)
 */
export class RandomForestRegressor extends TreesRegressor {
  readonly algorithm = 'random-forest'
  readonly #options: Required<ForestOptions>

  constructor(options: ForestOptions = {}) {
    super()
    this.#options = resolveOptions<ForestOptions>(
      'RandomForestRegressor',
      randomForestOptions,
      options,
    )
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): RandomForestRegressor {
    return new RandomForestRegressor(parameters).restoreTrees(tensors)
  }

  get parameters(): Parameters {
    return this.#options
  }

  protected plan(rows: number, cols: number): ForestPlan {
    return forestPlan(this.#options, 'best', rows, cols)
  }
}
