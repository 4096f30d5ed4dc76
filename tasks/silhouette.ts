import { permutation, seededRandom, takeRows, takeValues, type Matrix } from '../ml/data/index.ts'
import { isModelError, silhouetteSamples, type Transformer } from '../ml/models/index.ts'

/** Rows as a model sees them after its steps: near and far mean what they mean to it. */
export function throughSteps(steps: readonly Transformer[], X: Matrix): Matrix {
  return steps.reduce((features, step) => step.transform(features), X)
}

/** At most this many rows, drawn by the seed: the time of silhouettes grows with their square. */
export function drawnRows(rows: number, most: number, seed: number): Int32Array {
  return permutation(rows, seededRandom(seed)).subarray(0, most).sort()
}

/**
 * Silhouettes of the drawn rows among themselves, as a model sees them after its steps; null where they
 * are of one cluster, or of one each.
 */
export function silhouettesOf(
  steps: readonly Transformer[],
  X: Matrix,
  clusters: Float64Array,
  drawn: Int32Array,
): Float64Array | null {
  return unlessAlike(() =>
    silhouetteSamples(throughSteps(steps, takeRows(X, drawn)), takeValues(clusters, drawn)),
  )
}

/** What a measure of clusters says, or null where there are too few or too many to be measured. */
export function unlessAlike<Measure>(measure: () => Measure): Measure | null {
  try {
    return measure()
  } catch (error) {
    if (isModelError(error, 'OneClass') || isModelError(error, 'TooManyClasses')) return null
    throw error
  }
}

export function meanOf(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}
