import { ModelError } from '../errors.ts'
import { dot } from './dot.ts'
import { ExactSteps } from './exact-steps.ts'
import type { ConvexFunction, NewtonSteps } from './newton-steps.ts'
import { TruncatedSteps } from './truncated-steps.ts'

export interface MinimizeOptions {
  /** The largest component of the gradient that may be left. */
  readonly tolerance: number
  readonly maxIterations: number
  /** Where to start; by default all parameters are 0. */
  readonly start?: Float64Array
  /** Those of an earlier search for the minimum of a similar function know its Hessian. */
  readonly steps: NewtonSteps
  /** Called before every step, and within one before every product with the Hessian. */
  readonly onCheckpoint: (iterations: number) => void
}

/** Where rounding ends the search, a gradient this many times the tolerance still counts as 0. */
const roundingAllowance = 1000
const sufficientDecrease = 1e-4
const mostHalvings = 40

/** Up to so many parameters the Hessian costs less than the products with it that stand in for it. */
const mostParametersOfHessian = 300

export function stepsFor(f: ConvexFunction): NewtonSteps {
  if (f.size <= mostParametersOfHessian) return new ExactSteps(f)
  return new TruncatedSteps(f, f.blockSize <= mostParametersOfHessian)
}

/**
 * The minimum of a convex function by Newton's method, its steps halved until the value falls enough.
 * Throws NotConverged.
 */
export function minimize(f: ConvexFunction, options: MinimizeOptions): Float64Array {
  const { steps, tolerance } = options
  const point = options.start?.slice() ?? new Float64Array(f.size)
  const trial = new Float64Array(f.size)
  const gradient = new Float64Array(f.size)
  const gradientThere = new Float64Array(f.size)
  let value = f.value(point)
  f.gradient(gradient)
  let steepness = largest(gradient)
  let left: number | undefined
  for (let iterations = 0; steepness > tolerance; iterations++) {
    options.onCheckpoint(iterations)
    if (iterations >= options.maxIterations) throw notConverged(iterations, steepness, options)
    const step = steps.find({ gradient, left, tolerance }, () => options.onCheckpoint(iterations))
    const slope = dot(gradient, step)
    let length = 1
    let reached = advance(f, point, step, length, trial)
    while (reached > value + sufficientDecrease * length * slope && length > 2 ** -mostHalvings) {
      length /= 2
      reached = advance(f, point, step, length, trial)
    }
    // At the optimum the value no longer tells points apart, while a full step may still help.
    const isLevel = reached >= value
    if (isLevel && length < 1) reached = advance(f, point, step, 1, trial)
    f.gradient(gradientThere)
    const steepnessThere = largest(gradientThere)
    if (isLevel && !(steepnessThere < steepness)) {
      if (steps.canImprove()) {
        f.value(point)
        continue
      }
      if (steepness <= roundingAllowance * tolerance) return point
      throw notConverged(iterations, steepness, options)
    }
    for (let j = 0; j < point.length; j++) {
      const moved = trial[j]! - point[j]!
      const change = gradientThere[j]! - gradient[j]!
      point[j] = trial[j]!
      gradient[j] = gradientThere[j]!
      trial[j] = moved
      gradientThere[j] = change
    }
    steps.learn(trial, gradientThere)
    value = reached
    left = steepnessThere / steepness
    steepness = steepnessThere
  }
  return point
}

/** The value at point + length · step, which it leaves in `out`. */
function advance(
  f: ConvexFunction,
  point: Float64Array,
  step: Float64Array,
  length: number,
  out: Float64Array,
): number {
  for (let j = 0; j < out.length; j++) out[j] = point[j]! + length * step[j]!
  return f.value(out)
}

function largest(values: Float64Array): number {
  let greatest = 0
  for (let j = 0; j < values.length; j++) greatest = Math.max(greatest, Math.abs(values[j]!))
  return greatest
}

function notConverged(
  iterations: number,
  steepness: number,
  { tolerance }: MinimizeOptions,
): ModelError {
  return new ModelError(
    'NotConverged',
    `the optimisation ended after ${iterations} steps with a gradient of ` +
      `${steepness.toPrecision(3)}, tolerance ${tolerance}: raise tol or maxIter, or lower C`,
  )
}
