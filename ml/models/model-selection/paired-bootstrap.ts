import { seededRandom } from '../../data/random.ts'
import { ModelError } from '../errors.ts'
import { meanOf } from './score-tools.ts'

export interface PairedBootstrapOptions {
  /** A 32-bit integer. */
  readonly seed: number
  /** Default 2,000. */
  readonly resamples?: number
}

export interface PairedBootstrap {
  /** Accuracy of A less accuracy of B. */
  readonly difference: number
  /** The middle 95% of the resampled differences. */
  readonly lower: number
  readonly upper: number
  /** The share of resamples in which A is less accurate than B. */
  readonly probabilityWorse: number
}

/**
 * How sure it is that A is no worse than B, both judged on the same rows: rows are drawn with
 * replacement, each with both its answers, and the difference of the accuracies is taken again
 * (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993). Time is rows × resamples.
 *
 * @param correctA whether A was right on each row (true or 1), `correctB` the same of B
 * Throws DatasetEmpty, ShapeMismatch, OptionInvalid.
 */
export function pairedBootstrap(
  correctA: ArrayLike<boolean | number>,
  correctB: ArrayLike<boolean | number>,
  { seed, resamples = 2000 }: PairedBootstrapOptions,
): PairedBootstrap {
  const rows = correctA.length
  if (correctB.length !== rows) {
    throw new ModelError(
      'ShapeMismatch',
      `A has ${rows} rows and B has ${correctB.length}: both are judged on the same`,
    )
  }
  if (rows === 0) throw new ModelError('DatasetEmpty', 'there is no row to compare on')
  if (!Number.isInteger(resamples) || resamples < 1) {
    throw new ModelError(
      'OptionInvalid',
      `pairedBootstrap: option resamples takes a whole number from 1, got ${resamples}`,
    )
  }
  const gains = Int8Array.from(
    { length: rows },
    (_, i) => Number(Boolean(correctA[i])) - Number(Boolean(correctB[i])),
  )
  const random = seededRandom(seed)
  const differences = new Float64Array(resamples)
  let worse = 0
  for (let r = 0; r < resamples; r++) {
    let sum = 0
    for (let draw = 0; draw < rows; draw++) sum += gains[Math.floor(random() * rows)]!
    differences[r] = sum / rows
    if (sum < 0) worse++
  }
  differences.sort()
  return {
    difference: meanOf(gains),
    lower: quantile(differences, 0.025),
    upper: quantile(differences, 0.975),
    probabilityWorse: worse / resamples,
  }
}

/** Between the two neighbours of the place, in proportion: NumPy's default. */
function quantile(ascending: Float64Array, share: number): number {
  const place = share * (ascending.length - 1)
  const below = Math.floor(place)
  const above = Math.min(below + 1, ascending.length - 1)
  return ascending[below]! + (place - below) * (ascending[above]! - ascending[below]!)
}
