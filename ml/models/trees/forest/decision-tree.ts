import { resolveOptions, type Parameters } from '../../options.ts'
import type { LoadedTensors } from '../../tensors.ts'
import type { ForestPlan } from './grow.ts'
import {
  decisionTreeClassifierOptions,
  decisionTreeOptions,
  treePlan,
  type ClassCriterionName,
  type TreeOptions,
} from './options.ts'
import { TreesClassifier, TreesRegressor } from './tree-estimators.ts'

export interface DecisionTreeClassifierOptions extends TreeOptions {
  criterion?: ClassCriterionName
}

/**
 * A classification tree (Breiman et al., "Classification and Regression Trees", 1984) of exact
 * splits. With all features at each node nothing is drawn; of equal splits the first feature's is
 * taken. Memory of a fit: 8 bytes a value of X and 33 a row.
 *
 *     const model = new DecisionTreeClassifier({ maxDepth: 5 }).fit(X, y)
 *     model.featureImportances
 *
 * The constructor throws OptionInvalid.
 */
export class DecisionTreeClassifier extends TreesClassifier {
  readonly algorithm = 'decision-tree'
  readonly #options: Required<DecisionTreeClassifierOptions>

  constructor(options: DecisionTreeClassifierOptions = {}) {
    super()
    this.#options = resolveOptions<DecisionTreeClassifierOptions>(
      'DecisionTreeClassifier',
      decisionTreeClassifierOptions,
      options,
    )
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): DecisionTreeClassifier {
    return new DecisionTreeClassifier(parameters).restoreTrees(tensors)
  }

  get parameters(): Parameters {
    return this.#options
  }

  protected get criterion(): ClassCriterionName {
    return this.#options.criterion
  }

  protected plan(_rows: number, cols: number): ForestPlan {
    return treePlan(this.#options, cols)
  }
}

/**
 * A regression tree of least squares: else as `DecisionTreeClassifier`.
 *
 *     const model = new DecisionTreeRegressor({ minSamplesLeaf: 3 }).fit(X, y)
 */
export class DecisionTreeRegressor extends TreesRegressor {
  readonly algorithm = 'decision-tree'
  readonly #options: Required<TreeOptions>

  constructor(options: TreeOptions = {}) {
    super()
    this.#options = resolveOptions<TreeOptions>(
      'DecisionTreeRegressor',
      decisionTreeOptions,
      options,
    )
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): DecisionTreeRegressor {
    return new DecisionTreeRegressor(parameters).restoreTrees(tensors)
  }

  get parameters(): Parameters {
    return this.#options
  }

  protected plan(_rows: number, cols: number): ForestPlan {
    return treePlan(this.#options, cols)
  }
}
