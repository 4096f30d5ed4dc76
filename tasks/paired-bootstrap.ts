import { seededRandom } from '../ml/data/index.ts'

const resamples = 2000

/**
 * The middle 95% of the differences of A's and B's means, over rows drawn with replacement, each with
 * both its values (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993).
 *
 * @param a values of A by row, `b` those of B on the same rows, one or more
 */
export function bootstrapMeans(a: Float64Array, b: Float64Array, seed: number): [number, number] {
  return bootstrap(a, b, seed, (meanA, meanB) => meanA - meanB)
}

/** The same of the roots of the means: of squared errors the difference of the RMSEs. */
export function bootstrapRoots(a: Float64Array, b: Float64Array, seed: number): [number, number] {
  return bootstrap(a, b, seed, (meanA, meanB) => Math.sqrt(meanA) - Math.sqrt(meanB))
}

function bootstrap(
  a: Float64Array,
  b: Float64Array,
  seed: number,
  difference: (meanA: number, meanB: number) => number,
): [number, number] {
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
  differences.sort()
  return [quantile(differences, 0.025), quantile(differences, 0.975)]
}

/** Between the two neighbours of the place, in proportion. */
function quantile(ascending: Float64Array, share: number): number {
  const place = share * (ascending.length - 1)
  const below = Math.floor(place)
  const above = Math.min(below + 1, ascending.length - 1)
  return ascending[below]! + (place - below) * (ascending[above]! - ascending[below]!)
}
