import type { OptionTable } from '../../options.ts'
import type { ForestPlan } from './grow.ts'

/** scikit-learn's, with 'none' for its None and 'all' for max_features of None. */
export interface TreeOptions {
  maxDepth?: number | 'none'
  minSamplesSplit?: number
  minSamplesLeaf?: number
  maxFeatures?: number | 'all' | 'sqrt' | 'log2'
  minImpurityDecrease?: number
  seed?: number
}

export interface ForestOptions extends TreeOptions {
  nEstimators?: number
  bootstrap?: boolean
  maxSamples?: number
}

export type ClassCriterionName = 'gini' | 'entropy'

const criterion = {
  default: 'gini',
  choices: ['gini', 'entropy'],
  meaning: 'what is taken for the impurity of a node',
} as const

const tree = {
  maxDepth: {
    default: 'none',
    number: { from: 1, to: 10_000, integer: true },
    choices: ['none'],
    meaning: 'the most steps from the root to a leaf',
  },
  minSamplesSplit: {
    default: 2,
    number: { from: 2, to: 1_000_000_000, integer: true },
    meaning: 'the fewest rows of a node that is parted',
  },
  minSamplesLeaf: {
    default: 1,
    number: { from: 1, to: 1_000_000_000, integer: true },
    meaning: 'the fewest rows of a leaf',
  },
  minImpurityDecrease: {
    default: 0,
    number: { from: 0, to: 1e280 },
    meaning: "the least fall of the impurity by a split, times the node's share of the rows",
  },
  seed: {
    default: 0,
    number: { from: -(2 ** 31), to: 2 ** 32 - 1, integer: true },
    meaning: 'decides what is drawn: rows, features, thresholds',
  },
} as const

const maxFeatures = {
  number: { above: 0, to: 1_000_000, wholeFrom: 1 },
  choices: ['all', 'sqrt', 'log2'],
  meaning:
    'features that each node looks at, drawn anew: a share up to 1, or a whole number from 2',
} as const

const forest = {
  nEstimators: {
    default: 100,
    number: { from: 1, to: 100_000, integer: true },
    meaning: 'trees',
  },
  maxSamples: {
    default: 1,
    number: { above: 0, to: 1 },
    meaning: 'rows that each tree draws, as a share of all, where bootstrap is true',
  },
} as const

const drawsRows = {
  boolean: true,
  meaning: 'whether each tree learns from rows drawn with replacement, or from all',
} as const

export const decisionTreeOptions = {
  ...tree,
  maxFeatures: { default: 'all', ...maxFeatures },
} as const satisfies OptionTable

export const decisionTreeClassifierOptions = {
  criterion,
  ...decisionTreeOptions,
} as const satisfies OptionTable

export const randomForestOptions = {
  ...forest,
  bootstrap: { default: true, ...drawsRows },
  ...tree,
  maxFeatures: { default: 1, ...maxFeatures },
} as const satisfies OptionTable

export const randomForestClassifierOptions = {
  criterion,
  ...randomForestOptions,
  maxFeatures: { default: 'sqrt', ...maxFeatures },
} as const satisfies OptionTable

export const extraTreesOptions = {
  ...randomForestOptions,
  bootstrap: { default: false, ...drawsRows },
} as const satisfies OptionTable

export const extraTreesClassifierOptions = {
  ...randomForestClassifierOptions,
  bootstrap: { default: false, ...drawsRows },
} as const satisfies OptionTable

/** The plan for a matrix of rows × cols; of a single tree, which has no options of a forest. */
export function treePlan(options: Required<TreeOptions>, cols: number): ForestPlan {
  return {
    trees: 1,
    splits: 'best',
    drawnRows: 0,
    columnsPerSplit: columnsPerSplit(options.maxFeatures, cols),
    maxDepth: options.maxDepth === 'none' ? Infinity : options.maxDepth,
    minSamplesSplit: options.minSamplesSplit,
    minSamplesLeaf: options.minSamplesLeaf,
    minImpurityDecrease: options.minImpurityDecrease,
    seed: options.seed,
  }
}

export function forestPlan(
  options: Required<ForestOptions>,
  splits: 'best' | 'random',
  rows: number,
  cols: number,
): ForestPlan {
  const drawnRows = options.bootstrap ? Math.max(1, Math.round(options.maxSamples * rows)) : 0
  return { ...treePlan(options, cols), trees: options.nEstimators, splits, drawnRows }
}

function columnsPerSplit(maxFeatures: number | 'all' | 'sqrt' | 'log2', cols: number): number {
  if (maxFeatures === 'all') return cols
  const count =
    maxFeatures === 'sqrt'
      ? Math.sqrt(cols)
      : maxFeatures === 'log2'
        ? Math.log2(cols)
        : maxFeatures <= 1
          ? maxFeatures * cols
          : maxFeatures
  return Math.min(cols, Math.max(1, Math.floor(count)))
}
