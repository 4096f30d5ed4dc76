import type { ParameterSpace } from './model-selection/spaces.ts'
import type { LearningTask } from './pipeline/tasks.ts'

const boosting: ParameterSpace = {
  learningRate: { from: 0.03, to: 0.3, scale: 'log' },
  maxIter: { from: 50, to: 400, scale: 'log', integer: true },
  maxLeafNodes: { from: 4, to: 64, scale: 'log', integer: true },
  minSamplesLeaf: { from: 5, to: 50, scale: 'log', integer: true },
  l2Regularization: [0, 0.1, 1, 10],
}

const forest: ParameterSpace = {
  maxFeatures: ['sqrt', 0.3, 0.6, 1],
  minSamplesLeaf: { from: 1, to: 16, scale: 'log', integer: true },
}

const tree: ParameterSpace = {
  maxDepth: { from: 2, to: 20, scale: 'log', integer: true },
  minSamplesLeaf: { from: 1, to: 32, scale: 'log', integer: true },
}

const neighbors: ParameterSpace = {
  nNeighbors: { from: 1, to: 50, scale: 'log', integer: true },
  weights: ['uniform', 'distance'],
}

/**
 * What of each trainer is worth tuning and where to look; the defaults are tried besides. A trainer
 * that is not here has nothing to tune.
 */
const spaces: Readonly<Record<LearningTask, Readonly<Record<string, ParameterSpace>>>> = {
  classification: {
    svc: {
      C: { from: 0.1, to: 1000, scale: 'log' },
      gamma: { from: 1e-4, to: 1, scale: 'log' },
    },
    'svc-linear': { C: { from: 0.01, to: 100, scale: 'log' } },
    'ml-svm': { C: { from: 0.1, to: 100, scale: 'log' } },
    'logistic-regression': { C: { from: 1e-3, to: 1000, scale: 'log' } },
    'gradient-boosting': boosting,
    'random-forest': forest,
    'extra-trees': forest,
    'decision-tree': tree,
    'k-neighbors': neighbors,
  },
  regression: {
    ridge: { alpha: { from: 1e-3, to: 1e4, scale: 'log' } },
    'gradient-boosting': boosting,
    'random-forest': forest,
    'extra-trees': forest,
    'decision-tree': tree,
    'k-neighbors': neighbors,
  },
  clustering: {
    'k-means': { nClusters: [2, 3, 4, 5, 6, 7, 10] },
  },
}

/** Where to look for better options than a trainer's defaults; empty for one with nothing to tune. */
export function searchSpaceOf(trainer: string, task: LearningTask): ParameterSpace {
  return Object.hasOwn(spaces[task], trainer) ? spaces[task][trainer]! : {}
}
