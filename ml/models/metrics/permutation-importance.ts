import type { Matrix } from '../../data/matrix.ts'
import { permutation, seededRandom } from '../../data/random.ts'
import { resolveOptions, seedRange, type OptionTable } from '../options.ts'

export interface PermutationImportanceOptions {
  /** How many times each feature is permuted. Default 5. */
  readonly repeats?: number
  /** Measure the first so many features. Default all. */
  readonly columns?: number
  /** A 32-bit integer. Default 0. */
  readonly seed?: number
}

const permutationImportanceOptions = {
  repeats: {
    default: 5,
    number: { from: 1, to: 1000, integer: true },
    meaning: 'how many times each feature is permuted',
  },
  columns: {
    default: Infinity,
    number: { from: 0, integer: true },
    meaning: 'how many features are measured',
  },
  seed: { default: 0, number: seedRange, meaning: 'what the permutations depend on' },
} as const satisfies OptionTable

/** What a model's score loses when a feature tells it nothing. */
export interface PermutedFeature {
  readonly mean: number
  /** Over the repeats: of the population. */
  readonly deviation: number
}

/**
 * How much a score falls when the values of one feature are shuffled among the rows, feature by
 * feature (Breiman, 2001; scikit-learn's permutation_importance). A feature that another one repeats
 * looks less important than it is.
 *
 * @param X n × d; it is not changed
 * @param score of a model on the rows, the greater the better; called once, and `repeats` times a feature, with a
 *   matrix that the next call changes
 * Throws OptionInvalid, and what `score` throws.
 */
export function permutationImportance(
  X: Matrix,
  score: (X: Matrix) => number,
  options: PermutationImportanceOptions = {},
): PermutedFeature[] {
  const { repeats, seed, columns } = resolveOptions<PermutationImportanceOptions>(
    'permutationImportance',
    permutationImportanceOptions,
    options,
  )
  const random = seededRandom(seed)
  const { rows, cols } = X
  const data = X.data.slice()
  const whole = score(X)
  return Array.from({ length: Math.min(cols, columns) }, (_, j) => {
    const losses = Array.from({ length: repeats }, () => {
      permutation(rows, random).forEach((from, i) => {
        data[i * cols + j] = X.data[from * cols + j]!
      })
      return whole - score({ data, rows, cols })
    })
    for (let at = j; at < data.length; at += cols) data[at] = X.data[at]!
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / repeats
    const variance = losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / repeats
    return { mean, deviation: Math.sqrt(variance) }
  })
}
