import { resolveOptions, type Parameters } from '../../options.ts'
import type { LoadedTensors } from '../../tensors.ts'
import type { ForestPlan } from './grow.ts'
import {
  extraTreesClassifierOptions,
  extraTreesOptions,
  forestPlan,
  type ClassCriterionName,
  type ForestOptions,
} from './options.ts'
import { TreesClassifier, TreesRegressor } from './tree-estimators.ts'

export interface ExtraTreesClassifierOptions extends ForestOptions {
  criterion?: ClassCriterionName
}

/**
 * Extremely randomized trees (Geurts, Ernst and Wehenkel, 2006): each node takes the best of one
 * random threshold a drawn feature; by default every tree learns from all rows. Memory of a fit: at
 * most 48 bytes a row.
 *
 *     const model = new ExtraTreesClassifier({ nEstimators: 200, seed: 1 }).fit(X, y)
 *     model.predictProba(X)
 *
 * The constructor throws OptionInvalid.
 */
export class ExtraTreesClassifier extends TreesClassifier {
  readonly algorithm = 'extra-trees'
  readonly #options: Required<ExtraTreesClassifierOptions>

  constructor(options: ExtraTreesClassifierOptions = {}) {
    super()
    this.#options = resolveOptions<ExtraTreesClassifierOptions>(
      'ExtraTreesClassifier',
      extraTreesClassifierOptions,
      options,
    )
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): ExtraTreesClassifier {
    return new ExtraTreesClassifier(parameters).restoreTrees(tensors)
  }

  get parameters(): Parameters {
    return this.#options
  }

  protected get criterion(): ClassCriterionName {
    return this.#options.criterion
  }

  protected plan(rows: number, cols: number): ForestPlan {
    return forestPlan(this.#options, 'random', rows, cols)
  }
}

/**
 * Extremely randomized regression trees, which by default look at all features.
 *
 *     const model = new ExtraTreesRegressor({ nEstimators: 50 }).fit(X, y)
 */
export class ExtraTreesRegressor extends TreesRegressor {
  readonly algorithm = 'extra-trees'
  readonly #options: Required<ForestOptions>

  constructor(options: ForestOptions = {}) {
    super()
    this.#options = resolveOptions<ForestOptions>('ExtraTreesRegressor', extraTreesOptions, options)
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): ExtraTreesRegressor {
    return new ExtraTreesRegressor(parameters).restoreTrees(tensors)
  }

  get parameters(): Parameters {
    return this.#options
  }

  protected plan(rows: number, cols: number): ForestPlan {
    return forestPlan(this.#options, 'random', rows, cols)
  }
}
