import { ModelError } from './errors.ts'
import { dot } from './kernels.ts'

/** A convex function of `size` parameters, twice differentiable. */
export interface ConvexFunction {
  readonly size: number
  value(at: Float64Array): number
  /** Writes the gradient at the point that `value` was last asked for. */
  gradient(out: Float64Array): void
  /** Writes the Hessian, at the point that `gradient` was last asked for, times `direction`. */
  hessianTimes(direction: Float64Array, out: Float64Array): void
}

export interface MinimizeOptions {
  /** The largest component of the gradient that may be left. */
  readonly tolerance: number
  readonly maxIterations: number
  /** Called before every step, and within one before every product with the Hessian. */
  readonly onCheckpoint: (iterations: number) => void
}

/** Where rounding ends the search, a gradient this many times the tolerance still counts as 0. */
const roundingAllowance = 1000
const sufficientDecrease = 1e-4
const mostHalvings = 40

/**
 * The minimum of a convex function from 0 on, by Newton's method with the steps found by conjugate
 * gradients and halved until the value falls enough (truncated Newton: Nocedal and Wright,
 * "Numerical Optimization", 2nd ed., algorithm 7.1). Throws NotConverged.
 */
export function minimize(f: ConvexFunction, options: MinimizeOptions): Float64Array {
  const point = new Float64Array(f.size)
  const trial = new Float64Array(f.size)
  const gradient = new Float64Array(f.size)
  const steps = new NewtonSteps(f)
  let value = f.value(point)
  f.gradient(gradient)
  let steepness = largest(gradient)
  for (let iterations = 0; steepness > options.tolerance; iterations++) {
    options.onCheckpoint(iterations)
    if (iterations >= options.maxIterations) throw notConverged(iterations, steepness, options)
    const step = steps.find(gradient, () => options.onCheckpoint(iterations))
    const slope = dot(gradient, step)
    let length = 1
    let reached = advance(f, point, step, length, trial)
    while (reached > value + sufficientDecrease * length * slope && length > 2 ** -mostHalvings) {
      length /= 2
      reached = advance(f, point, step, length, trial)
    }
    if (reached >= value) {
      // At the optimum the value no longer tells points apart, while a full step may still help.
      advance(f, point, step, 1, trial)
      f.gradient(gradient)
      const steepnessThere = largest(gradient)
      if (steepnessThere < steepness) {
        point.set(trial)
        value = f.value(point)
        steepness = steepnessThere
        continue
      }
      if (steepness <= roundingAllowance * options.tolerance) return point
      throw notConverged(iterations, steepness, options)
    }
    point.set(trial)
    value = reached
    f.gradient(gradient)
    steepness = largest(gradient)
  }
  return point
}

/** Approximate solutions p of Hessian · p = -gradient, the closer the flatter the function is. */
class NewtonSteps {
  readonly #f: ConvexFunction
  readonly #step: Float64Array
  readonly #residual: Float64Array
  readonly #direction: Float64Array
  readonly #product: Float64Array

  constructor(f: ConvexFunction) {
    this.#f = f
    this.#step = new Float64Array(f.size)
    this.#residual = new Float64Array(f.size)
    this.#direction = new Float64Array(f.size)
    this.#product = new Float64Array(f.size)
  }

  find(gradient: Float64Array, onProduct: () => void): Float64Array {
    const [step, residual, direction, product] = [
      this.#step.fill(0),
      this.#residual,
      this.#direction,
      this.#product,
    ]
    for (let j = 0; j < residual.length; j++) residual[j] = -gradient[j]!
    direction.set(residual)
    let squared = dot(residual, residual)
    const norm = Math.sqrt(squared)
    const target = Math.min(0.1, norm) * norm
    const mostProducts = Math.max(20, 2 * step.length)
    for (let products = 0; Math.sqrt(squared) > target && products < mostProducts; products++) {
      onProduct()
      this.#f.hessianTimes(direction, product)
      const curvature = dot(direction, product)
      if (!(curvature > Number.EPSILON * dot(direction, direction))) {
        if (products === 0) step.set(residual)
        break
      }
      const length = squared / curvature
      for (let j = 0; j < step.length; j++) {
        step[j]! += length * direction[j]!
        residual[j]! -= length * product[j]!
      }
      const squaredBefore = squared
      squared = dot(residual, residual)
      const keep = squared / squaredBefore
      for (let j = 0; j < step.length; j++) direction[j] = residual[j]! + keep * direction[j]!
    }
    return step
  }
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
