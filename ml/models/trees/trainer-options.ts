import type { OptionTable } from '../options.ts'
import * as boosting from './boosting/options.ts'
import * as forest from './forest/options.ts'

/** The options that a trainer takes: all but the seed, which comes beside them. */
export const treeTrainerOptions = {
  boosting: withoutSeed(boosting.gradientBoostingOptions),
  boostingRegressor: withoutSeed(boosting.gradientBoostingRegressorOptions),
  decisionTree: withoutSeed(forest.decisionTreeClassifierOptions),
  decisionTreeRegressor: withoutSeed(forest.decisionTreeOptions),
  randomForest: withoutSeed(forest.randomForestClassifierOptions),
  randomForestRegressor: withoutSeed(forest.randomForestOptions),
  extraTrees: withoutSeed(forest.extraTreesClassifierOptions),
  extraTreesRegressor: withoutSeed(forest.extraTreesOptions),
}

function withoutSeed(table: OptionTable): OptionTable {
  return Object.fromEntries(Object.entries(table).filter(([name]) => name !== 'seed'))
}
