import { takeRows, type Matrix } from '../../data/matrix.ts'
import { permutation, seededRandom } from '../../data/random.ts'
import { checkFeatures } from '../checks.ts'
import { ModelError } from '../errors.ts'
import { checkSeed, refuseUnknownOptions } from '../options.ts'
import { requirePairs } from './requirements.ts'

export interface SilhouetteOptions {
  /** Measure this many rows, drawn by the seed: time grows with their square. Default all. */
  readonly sampleSize?: number
  /** A 32-bit integer. Default 0. */
  readonly seed?: number
}

/**
 * The mean over all rows of how much nearer their own cluster is than the next, from -1 to 1
 * (Rousseeuw, 1987). Time is n² · d, memory k. Throws ShapeMismatch, and OneClass or TooManyClasses
 * unless there are from 2 to n - 1 clusters.
 */
export function silhouetteScore(
  X: Matrix,
  labels: ArrayLike<number>,
  options: SilhouetteOptions = {},
): number {
  refuseUnknownOptions('silhouetteScore', ['sampleSize', 'seed'], options)
  const { sampleSize, seed = 0 } = options
  checkSeed('silhouetteScore', seed)
  checkFeatures(X)
  requirePairs(labels, X.rows, 'rows')
  if (sampleSize !== undefined && (!Number.isInteger(sampleSize) || sampleSize < 2)) {
    throw new ModelError(
      'OptionInvalid',
      `silhouetteScore: option sampleSize takes a whole number from 2, got ${sampleSize}`,
    )
  }
  if (sampleSize === undefined || sampleSize >= X.rows) return meanOf(silhouetteSamples(X, labels))
  const drawn = permutation(X.rows, seededRandom(seed)).subarray(0, sampleSize).sort()
  return meanOf(
    silhouetteSamples(
      takeRows(X, drawn),
      Float64Array.from(drawn, (i) => labels[i]!),
    ),
  )
}

/** The silhouette of each row; 0 for the only row of a cluster. */
export function silhouetteSamples(X: Matrix, labels: ArrayLike<number>): Float64Array {
  const { numbers, counts } = clustersOf(X, labels)
  const { data, rows, cols } = X
  const sums = new Float64Array(counts.length)
  return Float64Array.from({ length: rows }, (_, i) => {
    sums.fill(0)
    for (let other = 0; other < rows; other++) {
      let square = 0
      for (let j = 0, a = i * cols, b = other * cols; j < cols; j++) {
        const difference = data[a + j]! - data[b + j]!
        square += difference * difference
      }
      sums[numbers[other]!]! += Math.sqrt(square)
    }
    const own = numbers[i]!
    if (counts[own] === 1) return 0
    const within = sums[own]! / (counts[own]! - 1)
    let next = Infinity
    for (let c = 0; c < sums.length; c++) {
      if (c !== own) next = Math.min(next, sums[c]! / counts[c]!)
    }
    return next === within ? 0 : (next - within) / Math.max(next, within)
  })
}

/**
 * The mean over all clusters of how wide they are with their most alike neighbour, in relation to
 * the distance between the two; 0 is best (Davies and Bouldin, 1979). Throws as `silhouetteScore`.
 */
export function daviesBouldinScore(X: Matrix, labels: ArrayLike<number>): number {
  const { numbers, counts } = clustersOf(X, labels)
  const centroids = centroidsOf(X, numbers, counts)
  const widths = new Float64Array(counts.length)
  for (let i = 0; i < X.rows; i++) {
    const c = numbers[i]!
    widths[c]! += Math.sqrt(squaredDistance(X.data, i, centroids, c, X.cols)) / counts[c]!
  }
  let sum = 0
  for (let a = 0; a < counts.length; a++) {
    let most = 0
    for (let b = 0; b < counts.length; b++) {
      const apart = Math.sqrt(squaredDistance(centroids, a, centroids, b, X.cols))
      if (a !== b && apart > 0) most = Math.max(most, (widths[a]! + widths[b]!) / apart)
    }
    sum += most
  }
  return sum / counts.length
}

/**
 * The variance between clusters in relation to that within them, greater is better; 1 where rows do
 * not differ from their centroids (Caliński and Harabasz, 1974). Throws as `silhouetteScore`.
 */
export function calinskiHarabaszScore(X: Matrix, labels: ArrayLike<number>): number {
  const { numbers, counts } = clustersOf(X, labels)
  const centroids = centroidsOf(X, numbers, counts)
  const mean = centroidsOf(X, new Int32Array(X.rows), Float64Array.of(X.rows))
  let within = 0
  for (let i = 0; i < X.rows; i++) {
    within += squaredDistance(X.data, i, centroids, numbers[i]!, X.cols)
  }
  let between = 0
  for (let c = 0; c < counts.length; c++) {
    between += counts[c]! * squaredDistance(centroids, c, mean, 0, X.cols)
  }
  const k = counts.length
  return within === 0 ? 1 : (between * (X.rows - k)) / (within * (k - 1))
}

/**
 * How alike two groupings of the same rows are, whatever their labels: 1 for the same, about 0 for
 * chance (Hubert and Arabie, 1985). Throws ShapeMismatch, DatasetEmpty.
 */
export function adjustedRandScore(first: ArrayLike<number>, second: ArrayLike<number>): number {
  requirePairs(first, second.length, 'labels')
  const together = new Map<string, number>()
  const ofFirst = new Map<number, number>()
  const ofSecond = new Map<number, number>()
  for (let i = 0; i < first.length; i++) {
    const [a, b] = [first[i]!, second[i]!]
    const pair = `${a} ${b}`
    together.set(pair, (together.get(pair) ?? 0) + 1)
    ofFirst.set(a, (ofFirst.get(a) ?? 0) + 1)
    ofSecond.set(b, (ofSecond.get(b) ?? 0) + 1)
  }
  const [both, inFirst, inSecond] = [together, ofFirst, ofSecond].map(pairsIn) as [
    number,
    number,
    number,
  ]
  const all = (first.length * (first.length - 1)) / 2
  if (inFirst === inSecond && both === inFirst) return 1
  const expected = (inFirst / all) * inSecond
  return (both - expected) / ((inFirst + inSecond) / 2 - expected)
}

function pairsIn(counts: ReadonlyMap<unknown, number>): number {
  let pairs = 0
  for (const count of counts.values()) pairs += (count * (count - 1)) / 2
  return pairs
}

/** Clusters numbered from 0, with the rows of each. */
function clustersOf(X: Matrix, labels: ArrayLike<number>) {
  checkFeatures(X)
  requirePairs(labels, X.rows, 'rows')
  const distinct = [...new Set(Array.from(labels))].sort((a, b) => a - b)
  if (distinct.length < 2) {
    throw new ModelError(
      'OneClass',
      `all rows are of one cluster: it takes from 2 to ${X.rows - 1}`,
    )
  }
  if (distinct.length >= X.rows) {
    throw new ModelError(
      'TooManyClasses',
      `each of ${X.rows} rows has a cluster of its own: it takes at most ${X.rows - 1}`,
    )
  }
  const numberOf = new Map(distinct.map((label, number) => [label, number]))
  const numbers = Int32Array.from(labels, (label) => numberOf.get(label)!)
  const counts = new Float64Array(distinct.length)
  for (const number of numbers) counts[number]!++
  return { numbers, counts }
}

function centroidsOf(
  { data, rows, cols }: Matrix,
  numbers: Int32Array,
  counts: Float64Array,
): Float64Array {
  const centroids = new Float64Array(counts.length * cols)
  for (let i = 0; i < rows; i++) {
    const c = numbers[i]!
    for (let j = 0; j < cols; j++) centroids[c * cols + j]! += data[i * cols + j]! / counts[c]!
  }
  return centroids
}

function squaredDistance(
  left: Float64Array,
  a: number,
  right: Float64Array,
  b: number,
  cols: number,
): number {
  let square = 0
  for (let j = 0; j < cols; j++) square += (left[a * cols + j]! - right[b * cols + j]!) ** 2
  return square
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
