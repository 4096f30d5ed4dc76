import { ModelError } from '../errors.ts'
import { factorCholesky, solveCholesky } from './cholesky.ts'

/** A convex function of `size` parameters, twice differentiable. */
export interface ConvexFunction {
  readonly size: number
  value(at: Float64Array): number
  /** Writes the gradient at the point that `value` was last asked for. */
  gradient(out: Float64Array): void
  /** Writes the Hessian, at the point that `gradient` was last asked for, times `direction`. */
  hessianTimes(direction: Float64Array, out: Float64Array): void
  /** Writes that Hessian itself, size × size, of which the upper triangle counts. */
  hessian(out: Float64Array): void
  /** The parameters come in blocks of this size, within which most of the curvature is. */
  readonly blockSize: number
  /** Writes the Hessian's part of one block alone, likewise. */
  hessianBlock(block: number, out: Float64Array): void
}

export interface MinimizeOptions {
  /** The largest component of the gradient that may be left. */
  readonly tolerance: number
  readonly maxIterations: number
  /** Where to start; by default all parameters are 0. */
  readonly start?: Float64Array
  /** Called before every step, and within one before every product with the Hessian. */
  readonly onCheckpoint: (iterations: number) => void
}

/** Where rounding ends the search, a gradient this many times the tolerance still counts as 0. */
const roundingAllowance = 1000
const sufficientDecrease = 1e-4
const mostHalvings = 40

/** Up to so many parameters the Hessian costs less than the products with it that stand in for it. */
const mostParametersOfHessian = 300

/** A Hessian that made the gradient so much smaller is good for another step. */
const worthAnotherStep = 0.02

/**
 * The minimum of a convex function by Newton's method, its steps halved until the value falls enough.
 * Of few parameters steps come from the Hessian, of many from conjugate gradients
 * (truncated Newton: Nocedal and Wright, "Numerical Optimization", 2nd ed., algorithm 7.1). Throws
 * NotConverged.
 */
export function minimize(f: ConvexFunction, options: MinimizeOptions): Float64Array {
  const point = options.start?.slice() ?? new Float64Array(f.size)
  const trial = new Float64Array(f.size)
  const gradient = new Float64Array(f.size)
  const steps = f.size <= mostParametersOfHessian ? new ExactSteps(f) : new TruncatedSteps(f)
  let value = f.value(point)
  f.gradient(gradient)
  let steepness = largest(gradient)
  let before = 0
  for (let iterations = 0; steepness > options.tolerance; iterations++) {
    options.onCheckpoint(iterations)
    if (iterations >= options.maxIterations) throw notConverged(iterations, steepness, options)
    const isFast = steepness < worthAnotherStep * before
    const step = steps.find(gradient, isFast, () => options.onCheckpoint(iterations))
    before = steepness
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

/**
 * Solutions p of Hessian · p = -gradient. Where steps are fast, near the optimum, the next one takes
 * the last Hessian again: Shamanskii's method.
 */
class ExactSteps {
  readonly #f: ConvexFunction
  readonly #hessian: Float64Array
  readonly #step: Float64Array

  constructor(f: ConvexFunction) {
    this.#f = f
    this.#hessian = new Float64Array(f.size * f.size)
    this.#step = new Float64Array(f.size)
  }

  find(gradient: Float64Array, isFast: boolean): Float64Array {
    const { size } = this.#f
    if (!isFast) {
      this.#f.hessian(this.#hessian)
      factorCholesky(this.#hessian, size, size)
    }
    solveCholesky(this.#hessian, size, size, gradient, this.#step)
    for (let j = 0; j < size; j++) this.#step[j] = -this.#step[j]!
    return this.#step
  }
}

/**
 * Approximate solutions p of Hessian · p = -gradient, the closer the flatter the function is, by
 * conjugate gradients; where blocks are small, these are preconditioned by the blocks' own Hessians.
 */
class TruncatedSteps {
  readonly #f: ConvexFunction
  readonly #step: Float64Array
  readonly #residual: Float64Array
  readonly #solved: Float64Array
  readonly #direction: Float64Array
  readonly #product: Float64Array
  /** Factors of the blocks, one after another; of great blocks none. */
  readonly #factors: Float64Array[]

  constructor(f: ConvexFunction) {
    this.#f = f
    this.#step = new Float64Array(f.size)
    this.#residual = new Float64Array(f.size)
    this.#solved = new Float64Array(f.size)
    this.#direction = new Float64Array(f.size)
    this.#product = new Float64Array(f.size)
    const blocks = f.blockSize <= mostParametersOfHessian ? f.size / f.blockSize : 0
    this.#factors = Array.from({ length: blocks }, () => new Float64Array(f.blockSize ** 2))
  }

  find(gradient: Float64Array, _isFast: boolean, onProduct: () => void): Float64Array {
    const [residual, direction, product, solved] = [
      this.#residual,
      this.#direction,
      this.#product,
      this.#solved,
    ]
    const step = this.#step.fill(0)
    this.#factorBlocks()
    for (let j = 0; j < residual.length; j++) residual[j] = -gradient[j]!
    this.#precondition()
    direction.set(solved)
    let agreement = dot(residual, solved)
    const norm = Math.sqrt(dot(residual, residual))
    const target = Math.min(0.1, norm) * norm
    const mostProducts = Math.max(20, 2 * step.length)
    for (let products = 0; products < mostProducts; products++) {
      if (Math.sqrt(dot(residual, residual)) <= target) break
      onProduct()
      this.#f.hessianTimes(direction, product)
      const curvature = dot(direction, product)
      if (!(curvature > Number.EPSILON * dot(direction, direction))) {
        if (products === 0) step.set(residual)
        break
      }
      const length = agreement / curvature
      for (let j = 0; j < step.length; j++) {
        step[j]! += length * direction[j]!
        residual[j]! -= length * product[j]!
      }
      this.#precondition()
      const agreementBefore = agreement
      agreement = dot(residual, solved)
      const keep = agreement / agreementBefore
      for (let j = 0; j < step.length; j++) direction[j] = solved[j]! + keep * direction[j]!
    }
    return step
  }

  #factorBlocks(): void {
    const { blockSize } = this.#f
    this.#factors.forEach((factor, block) => {
      this.#f.hessianBlock(block, factor)
      factorCholesky(factor, blockSize, blockSize)
    })
  }

  /** The residual, each block solved for by itself, into `solved`. */
  #precondition(): void {
    if (this.#factors.length === 0) {
      this.#solved.set(this.#residual)
      return
    }
    const { blockSize } = this.#f
    this.#factors.forEach((factor, block) => {
      const [start, end] = [block * blockSize, (block + 1) * blockSize]
      const right = this.#residual.subarray(start, end)
      solveCholesky(factor, blockSize, blockSize, right, this.#solved.subarray(start, end))
    })
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

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let j = 0; j < a.length; j++) sum += a[j]! * b[j]!
  return sum
}
