import { ModelError } from '../errors.ts'

/** P(first class of a pair) = 1 / (1 + exp(slope · decision + offset)), one of each a pair. */
export interface PairSigmoids {
  readonly slopes: Float64Array
  readonly offsets: Float64Array
}

export interface Sigmoid {
  readonly slope: number
  readonly offset: number
}

const mostSteps = 100
const smallGradient = 1e-9
/** Keeps the Hessian away from singular where all decisions are alike. */
const ridge = 1e-12
const sufficientDecrease = 1e-4
const shortestStep = 1e-10

/**
 * The sigmoid that makes decisions probabilities with the least cross-entropy, against targets drawn
 * in a little by Bayes' rule so that separable decisions do not make it a jump: Platt, "Probabilistic
 * outputs for support vector machines" (1999), by Newton's method with backtracking as in Lin, Lin
 * and Weng, "A note on Platt's probabilistic outputs", Machine Learning 68 (2007).
 *
 * @param decisions of rows that the machine did not learn from, above 0 for the first class
 * @param isFirst 1 for rows of the first class, else 0
 */
export function fitSigmoid(decisions: Float64Array, isFirst: Uint8Array): Sigmoid {
  const positives = isFirst.reduce((sum, one) => sum + one, 0)
  const negatives = isFirst.length - positives
  const high = (positives + 1) / (positives + 2)
  const low = 1 / (negatives + 2)
  const targets = Float64Array.from(isFirst, (one) => (one ? high : low))
  let slope = 0
  let offset = Math.log((negatives + 1) / (positives + 1))
  let loss = crossEntropy(decisions, targets, slope, offset)
  for (let step = 0; step < mostSteps; step++) {
    const { g, h } = derivatives(decisions, targets, slope, offset)
    if (Math.max(Math.abs(g.slope), Math.abs(g.offset)) < smallGradient * decisions.length) break
    const determinant = h.slope * h.offset - h.both * h.both
    const toSlope = -(h.offset * g.slope - h.both * g.offset) / determinant
    const toOffset = -(h.slope * g.offset - h.both * g.slope) / determinant
    const fall = g.slope * toSlope + g.offset * toOffset
    let length = 1
    let reached = crossEntropy(decisions, targets, slope + toSlope, offset + toOffset)
    while (!(reached < loss + sufficientDecrease * length * fall) && length > shortestStep) {
      length /= 2
      const [a, b] = [slope + length * toSlope, offset + length * toOffset]
      reached = crossEntropy(decisions, targets, a, b)
    }
    // At the optimum rounding hides the last fall.
    if (length <= shortestStep) break
    slope += length * toSlope
    offset += length * toOffset
    loss = reached
  }
  if (!Number.isFinite(slope) || !Number.isFinite(offset)) {
    throw new ModelError('NotConverged', 'the probabilities of the machine could not be fitted')
  }
  return { slope, offset }
}

/** 1 / (1 + e^score), without overflow. */
export function sigmoidAt(score: number): number {
  return score >= 0 ? Math.exp(-score) / (1 + Math.exp(-score)) : 1 / (1 + Math.exp(score))
}

function crossEntropy(
  decisions: Float64Array,
  targets: Float64Array,
  slope: number,
  offset: number,
): number {
  let sum = 0
  for (let i = 0; i < decisions.length; i++) {
    const score = slope * decisions[i]! + offset
    const rest = Math.log1p(Math.exp(-Math.abs(score)))
    sum += (score >= 0 ? targets[i]! : targets[i]! - 1) * score + rest
  }
  return sum
}

function derivatives(
  decisions: Float64Array,
  targets: Float64Array,
  slope: number,
  offset: number,
) {
  const g = { slope: 0, offset: 0 }
  const h = { slope: ridge, offset: ridge, both: 0 }
  for (let i = 0; i < decisions.length; i++) {
    const decision = decisions[i]!
    const probability = sigmoidAt(slope * decision + offset)
    const error = targets[i]! - probability
    const curvature = probability * (1 - probability)
    g.slope += decision * error
    g.offset += error
    h.slope += decision * decision * curvature
    h.offset += curvature
    h.both += decision * curvature
  }
  return { g, h }
}
