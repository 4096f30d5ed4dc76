import { ModelError } from './errors.ts'
import type { KernelCache } from './kernel-cache.ts'

export interface SmoProblem {
  readonly kernel: KernelCache
  /** The first `positives` rows are the class +1, the others the class -1. */
  readonly positives: number
  readonly C: number
  /** The largest violation of the optimality conditions that may be left. */
  readonly tolerance: number
  readonly maxIterations: number
  /** Called every `checkInterval` iterations; ends the search by throwing. */
  readonly onCheckpoint: (iterations: number) => void
}

export interface SmoSolution {
  /** Signed dual coefficients, y_t α_t; exactly 0 for all but support vectors. */
  readonly coefficients: Float64Array
  /** The decision at x is Σ coefficients_t k(x_t, x) + intercept, positive for the class +1. */
  readonly intercept: number
  /** The value reached of the dual to minimise, ½ Σ Σ β_s β_t k(x_s, x_t) - Σ |β_t|. */
  readonly objective: number
  readonly iterations: number
}

const checkInterval = 128

/** The curvature taken where the kernel has none along a step (libsvm's TAU). */
const leastCurvature = 1e-12

const mayRise = 1
const mayFall = 2

/**
 * The dual of C-SVC by sequential minimal optimisation with second-order selection of the working
 * set: Fan, Chen and Lin, "Working Set Selection Using Second Order Information for Training SVM",
 * JMLR 6 (2005), as libsvm has it, with its order of ties.
 *
 * It is written in signed coefficients β_t = y_t α_t, which lie in [0, C] for the class +1 and in
 * [-C, 0] for the class -1, and always sum to 0: a step moves one up and another down by the same
 * amount. With f(x) = Σ β_s k(x_s, x), the pull u_t = y_t - f(x_t) says how much the objective gains
 * when β_t rises. At the optimum no β that may rise has a greater pull than one that may fall.
 *
 * Throws NotConverged after `maxIterations`.
 */
export function solveSmo(problem: SmoProblem): SmoSolution {
  const { kernel, positives, C } = problem
  const { size, diagonal } = kernel
  const coefficients = new Float64Array(size)
  const pull = new Float64Array(size).fill(1, 0, positives).fill(-1, positives)
  const moves = new Uint8Array(size).fill(mayRise, 0, positives).fill(mayFall, positives)

  let iterations = 0
  // All pulls are equal at the start, and the last of equals is taken.
  let rising = positives - 1
  let gap = 2
  while (gap >= problem.tolerance) {
    if (iterations % checkInterval === 0) problem.onCheckpoint(iterations)
    if (iterations >= problem.maxIterations) throw notConverged(problem, gap)
    iterations++

    const risingRow = kernel.row(rising)
    const top = pull[rising]!
    let falling = -1
    let greatestGain = -Infinity
    for (let t = 0; t < size; t++) {
      const difference = top - pull[t]!
      if (difference <= 0 || (moves[t]! & mayFall) === 0) continue
      const curvature = diagonal[rising]! + diagonal[t]! - 2 * risingRow[t]!
      const gain = (difference * difference) / (curvature > 0 ? curvature : leastCurvature)
      if (gain >= greatestGain) {
        greatestGain = gain
        falling = t
      }
    }

    const fallingRow = kernel.row(falling)
    const curvature = diagonal[rising]! + diagonal[falling]! - 2 * risingRow[falling]!
    const wanted = (top - pull[falling]!) / (curvature > 0 ? curvature : leastCurvature)
    const step = move(coefficients, moves, rising, falling, wanted, positives, C)

    let highest = -Infinity
    let lowest = Infinity
    for (let t = 0; t < size; t++) {
      const updated = pull[t]! + step * (fallingRow[t]! - risingRow[t]!)
      pull[t] = updated
      const can = moves[t]!
      if (updated >= highest && (can & mayRise) !== 0) {
        highest = updated
        rising = t
      }
      if (updated < lowest && (can & mayFall) !== 0) lowest = updated
    }
    gap = highest - lowest
  }

  return {
    coefficients,
    intercept: interceptOf(pull, moves),
    objective: objectiveOf(coefficients, pull),
    iterations,
  }
}

/** Moves two coefficients by `wanted` or as far as their bounds let them; answers how far. */
function move(
  coefficients: Float64Array,
  moves: Uint8Array,
  rising: number,
  falling: number,
  wanted: number,
  positives: number,
  C: number,
): number {
  const ceiling = rising < positives ? C : 0
  const floor = falling < positives ? 0 : -C
  const step = Math.min(wanted, ceiling - coefficients[rising]!, coefficients[falling]! - floor)
  // A bound is met exactly or not at all: rounding must leave no coefficient a hair beside it.
  const raised = coefficients[rising]! + step
  const lowered = coefficients[falling]! - step
  const atCeiling = raised >= ceiling || step === ceiling - coefficients[rising]!
  const atFloor = lowered <= floor || step === coefficients[falling]! - floor
  coefficients[rising] = atCeiling ? ceiling : raised
  coefficients[falling] = atFloor ? floor : lowered
  moves[rising] = movesOf(coefficients[rising], rising < positives, C)
  moves[falling] = movesOf(coefficients[falling], falling < positives, C)
  return step
}

function movesOf(coefficient: number, positive: boolean, C: number): number {
  const rise = coefficient < (positive ? C : 0)
  const fall = coefficient > (positive ? 0 : -C)
  return (rise ? mayRise : 0) | (fall ? mayFall : 0)
}

/** The mean pull of the free coefficients; without any, the middle of what the bounds allow. */
function interceptOf(pull: Float64Array, moves: Uint8Array): number {
  let free = 0
  let sum = 0
  let highest = -Infinity
  let lowest = Infinity
  for (let t = 0; t < pull.length; t++) {
    if (moves[t] === (mayRise | mayFall)) {
      free++
      sum += pull[t]!
    } else if (moves[t] === mayRise) highest = Math.max(highest, pull[t]!)
    else lowest = Math.min(lowest, pull[t]!)
  }
  return free > 0 ? sum / free : (highest + lowest) / 2
}

function objectiveOf(coefficients: Float64Array, pull: Float64Array): number {
  let sum = 0
  for (let t = 0; t < pull.length; t++) {
    sum -= coefficients[t]! * pull[t]! + Math.abs(coefficients[t]!)
  }
  return sum / 2
}

function notConverged(problem: SmoProblem, gap: number): ModelError {
  return new ModelError(
    'NotConverged',
    `the support vector machine did not converge in ${problem.maxIterations} iterations ` +
      `(violation ${gap.toPrecision(3)}, tolerance ${problem.tolerance}): scale the columns, ` +
      'lower C or raise maxIter',
  )
}
