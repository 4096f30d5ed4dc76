import { sigmoidAt, type PairSigmoids } from './platt.ts'

/** No pair is surer than this: a class must not be ruled out by one pair alone. */
const leastProbability = 1e-7
const smallChange = 1e-12
const mostSweeps = 1000

/** Room for the coupling of k classes. */
export interface CouplingScratch {
  /** k × k: P(i | i or j) at (i, j). */
  readonly shares: Float64Array
  /** k × k. */
  readonly matrix: Float64Array
  readonly products: Float64Array
}

export function couplingScratch(classCount: number): CouplingScratch {
  return {
    shares: new Float64Array(classCount * classCount),
    matrix: new Float64Array(classCount * classCount),
    products: new Float64Array(classCount),
  }
}

/**
 * The probability of each class out of the decisions of all pairs, into `out`: the p that makes
 * Σ Σ (P(j | i or j) p_i - P(i | i or j) p_j)² least, by the second method of Wu, Lin and Weng,
 * "Probability estimates for multi-class classification by pairwise coupling", JMLR 5 (2004).
 */
export function coupleProbabilities(
  decisions: Float64Array,
  { slopes, offsets }: PairSigmoids,
  { shares, matrix, products }: CouplingScratch,
  out: Float64Array,
): void {
  const k = out.length
  for (let i = 0, pair = 0; i < k; i++) {
    for (let j = i + 1; j < k; j++, pair++) {
      const share = sigmoidAt(slopes[pair]! * decisions[pair]! + offsets[pair]!)
      const kept = Math.min(Math.max(share, leastProbability), 1 - leastProbability)
      shares[i * k + j] = kept
      shares[j * k + i] = 1 - kept
    }
  }
  if (k === 2) {
    out[0] = shares[1]!
    out[1] = shares[2]!
    return
  }
  for (let i = 0; i < k; i++) {
    let own = 0
    for (let j = 0; j < k; j++) {
      if (j === i) continue
      own += shares[j * k + i]! ** 2
      matrix[i * k + j] = -shares[j * k + i]! * shares[i * k + j]!
    }
    matrix[i * k + i] = own
  }
  out.fill(1 / k)
  improve(matrix, products, out)
}

/** Sweeps over the classes, each time setting one probability right, all scaled to the sum 1. */
function improve(matrix: Float64Array, products: Float64Array, p: Float64Array): void {
  const k = p.length
  for (let sweep = 0; sweep < mostSweeps; sweep++) {
    let whole = 0
    for (let i = 0; i < k; i++) {
      let sum = 0
      for (let j = 0; j < k; j++) sum += matrix[i * k + j]! * p[j]!
      products[i] = sum
      whole += p[i]! * sum
    }
    let greatest = 0
    for (let i = 0; i < k; i++) greatest = Math.max(greatest, Math.abs(products[i]! - whole))
    if (greatest < smallChange) break
    for (let i = 0; i < k; i++) {
      const own = matrix[i * k + i]!
      const change = (whole - products[i]!) / own
      p[i]! += change
      const scale = 1 / (1 + change)
      whole = (whole + change * (change * own + 2 * products[i]!)) * scale * scale
      for (let j = 0; j < k; j++) {
        products[j] = (products[j]! + change * matrix[i * k + j]!) * scale
        p[j]! *= scale
      }
    }
  }
  let sum = 0
  for (let i = 0; i < k; i++) sum += p[i]!
  for (let i = 0; i < k; i++) p[i]! /= sum
}
