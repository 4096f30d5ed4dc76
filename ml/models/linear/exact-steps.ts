import { factorCholesky, solveCholesky } from './cholesky.ts'
import { dot } from './dot.ts'
import type { ConvexFunction, NewtonSteps, Slope } from './newton-steps.ts'

/** As long as a step leaves less than this of the gradient, the Hessian stays. */
const worthAnotherStep = 0.2

/** So many steps at most are kept. */
const mostPairs = 20

/** What a step moved and what that changed of the gradient, and the inverse of their product. */
interface Pair {
  readonly moved: Float64Array
  readonly change: Float64Array
  readonly inverse: number
}

/**
 * Solutions by the Hessian itself, for functions of few parameters. A Hessian costs as much as many
 * gradients and serves until a step leaves much of the gradient; meanwhile every step taken corrects
 * it in the direction it went (L-BFGS from that Hessian: Nocedal and Wright, "Numerical
 * Optimization", 2nd ed., algorithm 7.4).
 */
export class ExactSteps implements NewtonSteps {
  readonly #f: ConvexFunction
  readonly #factor: Float64Array
  readonly #step: Float64Array
  readonly #right: Float64Array
  /** Whether the factor is of the Hessian at the point, of one before or of a similar function's. */
  #factorIs: 'none' | 'fresh' | 'old' = 'none'
  #pairs: Pair[] = []

  constructor(f: ConvexFunction) {
    this.#f = f
    this.#factor = new Float64Array(f.size * f.size)
    this.#step = new Float64Array(f.size)
    this.#right = new Float64Array(f.size)
  }

  find({ gradient, left }: Slope): Float64Array {
    const { size } = this.#f
    if (left === undefined) this.#beginSearch()
    if (this.#factorIs === 'none' || (left !== undefined && left > worthAnotherStep)) {
      this.#f.hessian(this.#factor)
      factorCholesky(this.#factor, size, size)
      this.#factorIs = 'fresh'
      this.#pairs = []
    }
    const [right, step] = [this.#right, this.#step]
    for (let j = 0; j < size; j++) right[j] = -gradient[j]!
    const shares = new Float64Array(this.#pairs.length)
    for (let k = shares.length - 1; k >= 0; k--) {
      const { moved, change, inverse } = this.#pairs[k]!
      const share = inverse * dot(moved, right)
      shares[k] = share
      for (let j = 0; j < size; j++) right[j]! -= share * change[j]!
    }
    solveCholesky(this.#factor, size, size, right, step)
    for (const [k, { moved, change, inverse }] of this.#pairs.entries()) {
      const rest = shares[k]! - inverse * dot(change, step)
      for (let j = 0; j < size; j++) step[j]! += rest * moved[j]!
    }
    return step
  }

  learn(moved: Float64Array, change: Float64Array): void {
    this.#factorIs = 'old'
    const product = dot(moved, change)
    // Beyond rounding a convex function has none that is not positive.
    if (!(product > Number.EPSILON * dot(change, change))) return
    if (this.#pairs.length === mostPairs) this.#pairs.shift()
    this.#pairs.push({ moved: moved.slice(), change: change.slice(), inverse: 1 / product })
  }

  canImprove(): boolean {
    if (this.#factorIs === 'fresh') return false
    this.#factorIs = 'none'
    return true
  }

  /** What is known is of another function from now on. */
  #beginSearch(): void {
    this.#pairs = []
    if (this.#factorIs === 'fresh') this.#factorIs = 'old'
  }
}
