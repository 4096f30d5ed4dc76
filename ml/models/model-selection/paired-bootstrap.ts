import { seededRandom } from '../../data/random.ts'
import { ModelError } from '../errors.ts'
import { quantileOf } from '../metrics/quantile.ts'
import { checkSeed, resolveOptions, seedRange, type OptionTable } from '../options.ts'
import { meanOf } from './score-tools.ts'

export interface PairedBootstrapOptions {
  /** A 32-bit integer. */
  readonly seed: number
  /** Default 2,000. */
  readonly resamples?: number
}

const usualResamples = 2000

const pairedBootstrapOptions = {
  seed: { default: 0, number: seedRange, meaning: 'decides which rows are drawn' },
  resamples: { default: usualResamples, number: { from: 1, integer: true }, meaning: 'how often' },
} as const satisfies OptionTable

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
  options: PairedBootstrapOptions,
): PairedBootstrap {
  const { seed, resamples } = resolveOptions<PairedBootstrapOptions>(
    'pairedBootstrap',
    pairedBootstrapOptions,
    options,
  )
  checkSeed('pairedBootstrap', options.seed)
  const rows = correctA.length
  if (correctB.length !== rows) {
    throw new ModelError(
      'ShapeMismatch',
      `A has ${rows} rows and B has ${correctB.length}: both are judged on the same`,
    )
  }
  if (rows === 0) throw new ModelError('DatasetEmpty', 'there is no row to compare on')
  const gains = Float64Array.from(
    { length: rows },
    (_, i) => Number(Boolean(correctA[i])) - Number(Boolean(correctB[i])),
  )
  const none = new Float64Array(rows)
  const differences = resampledDifferences(gains, none, { seed, resamples }, byMeans)
  const [lower, upper] = intervalOf(differences)
  return {
    difference: meanOf(gains),
    lower,
    upper,
    probabilityWorse: differences.filter((difference) => difference < 0).length / resamples,
  }
}

/** How much of the resampled differences an interval has, and of how many. */
export interface BootstrapInterval {
  /** The share beyond each of its ends. Default 0.025: it has the middle 95%. */
  readonly tail?: number
  /** Default 2,000. An interval takes some of them beyond its ends to be told. */
  readonly resamples?: number
}

/**
 * The middle 95% of the differences of A's and B's means, over rows drawn as for `pairedBootstrap`.
 *
 * @param a values of A by row, `b` those of B on the same rows, one or more
 */
export function bootstrapMeans(
  a: Float64Array,
  b: Float64Array,
  seed: number,
  { tail, resamples = usualResamples }: BootstrapInterval = {},
): [number, number] {
  return intervalOf(resampledDifferences(a, b, { seed, resamples }, byMeans), tail)
}

/** The same of the roots of the means: of squared errors the difference of the RMSEs. */
export function bootstrapRoots(
  a: Float64Array,
  b: Float64Array,
  seed: number,
  { tail, resamples = usualResamples }: BootstrapInterval = {},
): [number, number] {
  return intervalOf(resampledDifferences(a, b, { seed, resamples }, byRoots), tail)
}

/**
 * The same of measures that are no mean over the rows, as the F1 of each class: `difference` is of the
 * rows drawn, of which one may come several times.
 *
 * @param rows one or more
 */
export function bootstrapRows(
  rows: number,
  seed: number,
  difference: (drawn: Int32Array) => number,
): [number, number] {
  const random = seededRandom(seed)
  const drawn = new Int32Array(rows)
  const differences = new Float64Array(usualResamples)
  for (let r = 0; r < differences.length; r++) {
    for (let draw = 0; draw < rows; draw++) drawn[draw] = Math.floor(random() * rows)
    differences[r] = difference(drawn)
  }
  return intervalOf(differences.sort())
}

const byMeans = (meanA: number, meanB: number) => meanA - meanB
const byRoots = (meanA: number, meanB: number) => Math.sqrt(meanA) - Math.sqrt(meanB)

/** Ascending. */
function resampledDifferences(
  a: Float64Array,
  b: Float64Array,
  { seed, resamples = usualResamples }: PairedBootstrapOptions,
  difference: (meanA: number, meanB: number) => number,
): Float64Array {
  const rows = a.length
  const random = seededRandom(seed)
  const differences = new Float64Array(resamples)
  for (let r = 0; r < resamples; r++) {
    let [sumA, sumB] = [0, 0]
    for (let draw = 0; draw < rows; draw++) {
      const row = Math.floor(random() * rows)
      sumA += a[row]!
      sumB += b[row]!
    }
    differences[r] = difference(sumA / rows, sumB / rows)
  }
  return differences.sort()
}

function intervalOf(differences: Float64Array, tail = 0.025): [number, number] {
  return [quantileOf(differences, tail), quantileOf(differences, 1 - tail)]
}
