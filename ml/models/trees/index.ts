export {
  GradientBoostingClassifier,
  GradientBoostingRegressor,
} from './boosting/gradient-boosting.ts'
export type {
  GradientBoostingOptions,
  GradientBoostingRegressorOptions,
} from './boosting/options.ts'
export {
  DecisionTreeClassifier,
  DecisionTreeRegressor,
  type DecisionTreeClassifierOptions,
} from './forest/decision-tree.ts'
export {
  ExtraTreesClassifier,
  ExtraTreesRegressor,
  type ExtraTreesClassifierOptions,
} from './forest/extra-trees.ts'
export type { ForestOptions, TreeOptions } from './forest/options.ts'
export {
  RandomForestClassifier,
  RandomForestRegressor,
  type RandomForestClassifierOptions,
} from './forest/random-forest.ts'
