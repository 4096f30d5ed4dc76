import { factorCholesky, solveCholesky } from './cholesky.ts'
import { dot } from './dot.ts'
import type { ConvexFunction, NewtonSteps, Slope } from './newton-steps.ts'

/** The greatest share of a gradient that a step may be wrong by. */
const greatestError = 0.1

/**
 * Approximate solutions by conjugate gradients, for functions of many parameters, preconditioned by
 * the Hessians of their blocks where these are small. A step is the more exact the better the last
 * one was (truncated Newton: Nocedal and Wright, "Numerical Optimization", 2nd ed., algorithm 7.1;
 * Eisenstat and Walker, "Choosing the forcing terms in an inexact Newton method", 1996, choice 2).
 */
export class TruncatedSteps implements NewtonSteps {
  readonly #f: ConvexFunction
  readonly #step: Float64Array
  readonly #residual: Float64Array
  readonly #solved: Float64Array
  readonly #direction: Float64Array
  readonly #product: Float64Array
  /** Factors of the blocks, one after another; none where they are not used. */
  readonly #factors: Float64Array[]
  /** How many products the factors have served for. */
  #productsByFactors = Infinity

  constructor(f: ConvexFunction, usesBlocks: boolean) {
    this.#f = f
    this.#step = new Float64Array(f.size)
    this.#residual = new Float64Array(f.size)
    this.#solved = new Float64Array(f.size)
    this.#direction = new Float64Array(f.size)
    this.#product = new Float64Array(f.size)
    const blocks = usesBlocks ? f.size / f.blockSize : 0
    this.#factors = Array.from({ length: blocks }, () => new Float64Array(f.blockSize ** 2))
  }

  find({ gradient, left, tolerance }: Slope, onProduct: () => void): Float64Array {
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
    const error = Math.min(greatestError, left === undefined ? 1 : left * left)
    const target = Math.max(error * norm, tolerance / 2)
    const mostProducts = Math.max(20, 2 * step.length)
    for (let products = 0; products < mostProducts; products++) {
      if (Math.sqrt(dot(residual, residual)) <= target) break
      onProduct()
      this.#productsByFactors++
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

  learn(): void {
    // Every step asks for its own products with the Hessian.
  }

  canImprove(): boolean {
    return false
  }

  /** New factors cost as much as a quarter of a block's size of products. */
  #factorBlocks(): void {
    const { blockSize } = this.#f
    if (this.#productsByFactors < blockSize / 4) return
    this.#productsByFactors = 0
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
