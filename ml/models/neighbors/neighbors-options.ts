import type { OptionTable } from '../options.ts'
import type { Metric, NeighborIndex } from './neighbor-index.ts'

export interface KNeighborsOptions {
  nNeighbors?: number
  weights?: 'uniform' | 'distance'
  metric?: Metric
}

export const kNeighborsOptions = {
  nNeighbors: {
    default: 5,
    number: { from: 1, to: 10_000, integer: true },
    meaning: 'how many of the nearest rows answer; all where there are fewer',
  },
  weights: {
    default: 'uniform',
    choices: ['uniform', 'distance'],
    meaning: 'whether each neighbour counts the same, or by one over its distance',
  },
  metric: {
    default: 'euclidean',
    choices: ['euclidean', 'manhattan'],
    meaning: 'what near means',
  },
} as const satisfies OptionTable

/**
 * How much the k-th neighbour of the last search counts. By distance, rows at the very point count
 * alone; distances are taken in relation to the nearest, so that none is too small to divide by.
 */
export function neighborWeight(
  { distances }: NeighborIndex,
  k: number,
  weights: 'uniform' | 'distance',
): number {
  if (weights === 'uniform') return 1
  const nearest = distances[0]!
  const distance = distances[k]!
  return nearest === 0 ? (distance === 0 ? 1 : 0) : nearest / distance
}
