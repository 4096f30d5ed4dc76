import type { OptionTable } from '../../options.ts'
import type { BoostingOptions } from './boost.ts'

/** The options that both estimators have; scikit-learn's, with 'none' for its None. */
export interface GradientBoostingOptions {
  learningRate?: number
  maxIter?: number
  maxLeafNodes?: number | 'none'
  maxDepth?: number | 'none'
  minSamplesLeaf?: number
  l2Regularization?: number
  maxFeatures?: number
  maxBins?: number
  categoricalFeatures?: readonly number[]
  earlyStopping?: boolean | 'auto'
  validationFraction?: number
  nIterNoChange?: number
  tol?: number
  seed?: number
}

export interface GradientBoostingRegressorOptions extends GradientBoostingOptions {
  loss?: 'squared_error' | 'absolute_error'
}

export const gradientBoostingOptions = {
  learningRate: {
    default: 0.1,
    number: { above: 0, to: 1 },
    meaning: 'the share of each tree that is added',
  },
  maxIter: {
    default: 100,
    number: { from: 1, to: 100_000, integer: true },
    meaning: 'the most iterations, each a tree (with more than two classes a tree a class)',
  },
  maxLeafNodes: {
    default: 31,
    number: { from: 2, to: 1_000_000, integer: true },
    choices: ['none'],
    meaning: 'the most leaves of a tree',
  },
  maxDepth: {
    default: 'none',
    number: { from: 1, to: 10_000, integer: true },
    choices: ['none'],
    meaning: 'the most steps from the root of a tree to a leaf',
  },
  minSamplesLeaf: {
    default: 20,
    number: { from: 1, to: 1_000_000_000, integer: true },
    meaning: 'the fewest rows of a leaf',
  },
  l2Regularization: {
    default: 0,
    number: { from: 0, to: 1e12 },
    meaning: 'what is added to the curvature of a leaf, against large steps',
  },
  maxFeatures: {
    default: 1,
    number: { above: 0, to: 1 },
    meaning: 'the share of the features that each node looks at, drawn anew',
  },
  maxBins: {
    default: 255,
    number: { from: 2, to: 255, integer: true },
    meaning: 'the most bins of a feature, one more for missing values apart',
  },
  categoricalFeatures: {
    default: [],
    list: { from: 0, to: 1_000_000, integer: true },
    meaning: 'indices of the features whose values are categories, at most maxBins different ones',
  },
  earlyStopping: {
    default: 'auto',
    boolean: true,
    choices: ['auto'],
    meaning: "whether to end once held out rows gain no more; 'auto': from 10,001 rows",
  },
  validationFraction: {
    default: 0.1,
    number: { above: 0, to: 0.9 },
    meaning: 'the share of the rows that is held out for early stopping',
  },
  nIterNoChange: {
    default: 10,
    number: { from: 1, to: 100_000, integer: true },
    meaning: 'iterations without gain after which early stopping ends the fit',
  },
  tol: {
    default: 1e-7,
    number: { from: 0, to: 1e12 },
    meaning: 'the least fall of the loss that early stopping counts as a gain',
  },
  seed: {
    default: 0,
    number: { from: -(2 ** 31), to: 2 ** 32 - 1, integer: true },
    meaning: 'decides the rows held out, the features drawn, and the rows whose quantiles are bins',
  },
} as const satisfies OptionTable

export const gradientBoostingRegressorOptions = {
  loss: {
    default: 'squared_error',
    choices: ['squared_error', 'absolute_error'],
    meaning: 'what is made small',
  },
  ...gradientBoostingOptions,
} as const satisfies OptionTable

/** The options as the fit takes them. */
export function boostingOptions(options: Required<GradientBoostingOptions>): BoostingOptions {
  return {
    ...options,
    maxLeafNodes: orInfinity(options.maxLeafNodes),
    maxDepth: orInfinity(options.maxDepth),
  }
}

function orInfinity(value: number | 'none'): number {
  return value === 'none' ? Infinity : value
}
