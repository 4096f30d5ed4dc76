import { factorCholesky, solveCholesky } from '../linear/cholesky.ts'
import type { Heap } from '../wasm/heap.ts'
import { Layout } from '../wasm/layout.ts'
import { signOf } from './pair-problem.ts'
import type { ScaledProblem } from './scaled-problem.ts'

export interface InteriorPointOptions {
  readonly heapFor: (bytes: number) => Heap
  /** Called before every step; ends the search by throwing. */
  readonly onCheckpoint: (steps: number) => void
}

const mostSteps = 60
/** How small the products of variables and multipliers, and the residuals, are to become. */
const smallProduct = 1e-10
const smallResidual = 1e-8
/** The share of the way to the nearest bound that a step goes. */
const shareOfStep = 0.995
/** Steps as short as this no longer lead anywhere. */
const shortestStep = 1e-8

/**
 * A point near the optimum of the dual of C-SVC with the linear kernel, by a primal-dual interior
 * point method with Mehrotra's predictor and corrector. As the kernel matrix X Xᵀ has no greater
 * rank than X has columns, a step comes from a system of d + 1 unknowns, the weights and the
 * intercept, made in n d² operations: Ferris and Munson, "Interior-point methods for massive support
 * vector machines", SIAM J. Optim. 13 (2002). It takes some twenty steps whatever the costs are,
 * where steps by pairs can be millions.
 *
 * Answers signed coefficients within their bounds, of sum 0 to rounding, those near a bound on it;
 * how close it came is for the caller to see.
 */
export function interiorPoint(problem: ScaledProblem, options: InteriorPointOptions): Float64Array {
  const point = new InteriorPoint(problem, options.heapFor)
  for (let steps = 0; steps < mostSteps && !point.isClose(); steps++) {
    options.onCheckpoint(steps)
    if (!point.advance()) break
  }
  return roundToBounds(point, problem)
}

/**
 * Each row t has α_t, its `slack` below the cost, the multipliers `lower` and `upper` of both bounds,
 * and a vector u_t = y_t (x_t, 1). With the weights and the intercept as v, the optimum is where
 * u_t · v = 1 + lower_t - upper_t, Σ α_t u_t = (weights, 0), and every product α lower and slack upper
 * is 0; all but the last are linear, and a step aims at products of a smaller size.
 */
class InteriorPoint {
  readonly alpha: Float64Array
  readonly slack: Float64Array
  readonly lower: Float64Array
  readonly upper: Float64Array
  readonly #alphaStep: Float64Array
  readonly #lowerStep: Float64Array
  readonly #upperStep: Float64Array
  /** u · v - 1 - lower + upper, which ends at 0. */
  readonly #residual: Float64Array
  /** Of each row, 1 / (lower / α + upper / slack). */
  readonly #weight: Float64Array
  /** Any value a row, on its way into or out of a product with the rows. */
  readonly #values: Float64Array
  readonly #gram: Float64Array
  readonly #rhs: Float64Array
  readonly #v: Float64Array
  readonly #vStep: Float64Array
  readonly #heap: Heap
  readonly #size: number
  readonly #padded: number
  /** Doubles in a u: the features, the 1, and a 0 where that makes them even. */
  readonly #cols: number
  readonly #unknowns: number
  readonly #places: Record<'rows' | 'weight' | 'values' | 'gram' | 'rhs' | 'v' | 'vStep', number>

  constructor(problem: ScaledProblem, heapFor: (bytes: number) => Heap) {
    const size = problem.rows.length
    this.#size = size
    this.#unknowns = problem.X.cols + 1
    this.#cols = this.#unknowns + (this.#unknowns % 2)
    this.#padded = Math.ceil(size / 4) * 4
    const layout = new Layout()
    const places = {
      rows: layout.doubles(this.#padded * this.#cols),
      weight: layout.doubles(this.#padded),
      values: layout.doubles(this.#padded),
      gram: layout.doubles(this.#cols * this.#cols),
      rhs: layout.doubles(this.#cols),
      v: layout.doubles(this.#cols),
      vStep: layout.doubles(this.#cols),
    }
    const variables = Array.from({ length: 8 }, () => layout.doubles(size))
    this.#heap = heapFor(layout.bytes)
    this.#places = places
    const doubles = (place: number, count: number) => this.#heap.doubles(place, count).fill(0)
    this.#weight = doubles(places.weight, this.#padded)
    this.#values = doubles(places.values, this.#padded)
    this.#gram = doubles(places.gram, this.#cols * this.#cols)
    this.#rhs = doubles(places.rhs, this.#cols)
    this.#v = doubles(places.v, this.#cols)
    this.#vStep = doubles(places.vStep, this.#cols)
    const arrays = variables.map((place) => doubles(place, size))
    this.alpha = arrays[0]!
    this.slack = arrays[1]!
    this.lower = arrays[2]!.fill(1)
    this.upper = arrays[3]!.fill(1)
    this.#alphaStep = arrays[4]!
    this.#lowerStep = arrays[5]!
    this.#upperStep = arrays[6]!
    this.#residual = arrays[7]!
    problem.costs.forEach((cost, t) => {
      this.alpha[t] = Math.min(cost / 2, 1)
      this.slack[t] = cost - this.alpha[t]
    })
    writeRows(problem, this.#cols, doubles(places.rows, this.#padded * this.#cols))
    this.#updateResidual()
  }

  isClose(): boolean {
    return this.#meanProduct(0) < smallProduct && this.#largestResidual() < smallResidual
  }

  /** One step, predicted and corrected; false where rounding allows no further one. */
  advance(): boolean {
    this.#factor()
    this.#aimAt(0, false)
    const mean = this.#meanProduct(0)
    const centring = (this.#meanProduct(this.#longestStep()) / mean) ** 3
    this.#aimAt(centring * mean, true)
    const step = Math.min(1, shareOfStep * this.#longestStep())
    if (!(step > shortestStep) || !this.#vStep.every(Number.isFinite)) return false
    for (let t = 0; t < this.#size; t++) {
      this.alpha[t]! += step * this.#alphaStep[t]!
      this.slack[t]! -= step * this.#alphaStep[t]!
      this.lower[t]! += step * this.#lowerStep[t]!
      this.upper[t]! += step * this.#upperStep[t]!
    }
    for (let c = 0; c < this.#unknowns; c++) this.#v[c]! += step * this.#vStep[c]!
    this.#updateResidual()
    return true
  }

  /** Makes and factors the matrix Σ weight u uᵀ, plus 1 on the diagonal for each of the weights. */
  #factor(): void {
    for (let t = 0; t < this.#size; t++) {
      this.#weight[t] = 1 / (this.lower[t]! / this.alpha[t]! + this.upper[t]! / this.slack[t]!)
    }
    this.#gram.fill(0)
    const { rows, weight, gram } = this.#places
    this.#heap.arithmetic.weightedGram(rows, weight, this.#padded, this.#cols, gram)
    for (let c = 0; c < this.#unknowns - 1; c++) this.#gram[c * this.#cols + c]! += 1
    factorCholesky(this.#gram, this.#cols, this.#unknowns)
  }

  /** Steps towards products of the size `target`; a corrector reckons with the steps before. */
  #aimAt(target: number, correct: boolean): void {
    const { rows, values, rhs, vStep } = this.#places
    const { arithmetic } = this.#heap
    for (let t = 0; t < this.#size; t++) {
      const before = correct ? this.#alphaStep[t]! : 0
      const alpha = this.alpha[t]!
      const slack = this.slack[t]!
      const toLower = (target - before * this.#lowerStep[t]!) / alpha - this.lower[t]!
      const toUpper = (target + before * this.#upperStep[t]!) / slack - this.upper[t]!
      // Here until the step of α is known, which they lack.
      this.#lowerStep[t] = toLower
      this.#upperStep[t] = toUpper
      this.#values[t] = alpha + this.#weight[t]! * (toLower - toUpper - this.#residual[t]!)
    }
    this.#rhs.fill(0)
    arithmetic.transposedTimes(rows, this.#padded, this.#cols, values, rhs)
    for (let c = 0; c < this.#unknowns - 1; c++) this.#rhs[c]! -= this.#v[c]!
    solveCholesky(this.#gram, this.#cols, this.#unknowns, this.#rhs, this.#vStep)
    arithmetic.rowsTimes(rows, this.#padded, this.#cols, vStep, values)
    for (let t = 0; t < this.#size; t++) {
      const push = this.#lowerStep[t]! - this.#upperStep[t]! - this.#residual[t]!
      const change = this.#weight[t]! * (push - this.#values[t]!)
      this.#alphaStep[t] = change
      this.#lowerStep[t]! -= (this.lower[t]! * change) / this.alpha[t]!
      this.#upperStep[t]! += (this.upper[t]! * change) / this.slack[t]!
    }
  }

  /** How far all variables can go along their steps and stay above 0, at most 1. */
  #longestStep(): number {
    let longest = 1
    for (let t = 0; t < this.#size; t++) {
      const change = this.#alphaStep[t]!
      if (change < 0) longest = Math.min(longest, -this.alpha[t]! / change)
      else if (change > 0) longest = Math.min(longest, this.slack[t]! / change)
      if (this.#lowerStep[t]! < 0) {
        longest = Math.min(longest, -this.lower[t]! / this.#lowerStep[t]!)
      }
      if (this.#upperStep[t]! < 0) {
        longest = Math.min(longest, -this.upper[t]! / this.#upperStep[t]!)
      }
    }
    return longest
  }

  /** The mean of the products α lower and slack upper, as they would be after a step. */
  #meanProduct(step: number): number {
    let sum = 0
    for (let t = 0; t < this.#size; t++) {
      const change = step * this.#alphaStep[t]!
      sum += (this.alpha[t]! + change) * (this.lower[t]! + step * this.#lowerStep[t]!)
      sum += (this.slack[t]! - change) * (this.upper[t]! + step * this.#upperStep[t]!)
    }
    return sum / (2 * this.#size)
  }

  #updateResidual(): void {
    const { rows, values, v } = this.#places
    this.#heap.arithmetic.rowsTimes(rows, this.#padded, this.#cols, v, values)
    for (let t = 0; t < this.#size; t++) {
      this.#residual[t] = this.#values[t]! - 1 - this.lower[t]! + this.upper[t]!
    }
  }

  #largestResidual(): number {
    let largest = 0
    for (let t = 0; t < this.#size; t++) {
      largest = Math.max(largest, Math.abs(this.#residual[t]!))
    }
    return largest
  }
}

function writeRows(problem: ScaledProblem, width: number, out: Float64Array): void {
  const { X, rows, centre, length } = problem
  rows.forEach((row, t) => {
    const sign = signOf(problem, t)
    for (let c = 0; c < X.cols; c++) {
      out[t * width + c] = (sign * (X.data[row * X.cols + c]! - centre[c]!)) / length
    }
    out[t * width + X.cols] = sign
  })
}

/** Signed coefficients: of a variable and its multiplier the smaller one is taken for 0. */
function roundToBounds(point: InteriorPoint, problem: ScaledProblem): Float64Array {
  let sum = 0
  const signed = problem.costs.map((cost, t) => {
    const scale = Math.min(cost, 1)
    const alpha = Math.min(Math.max(point.alpha[t]!, 0), cost)
    const rounded =
      alpha < point.lower[t]! * scale ? 0 : point.slack[t]! < point.upper[t]! * scale ? cost : alpha
    sum += rounded * signOf(problem, t)
    return rounded * signOf(problem, t)
  })
  return balance(signed, sum, problem)
}

/** Takes a sum that is not 0 off the coefficients, free ones first, as far as their bounds let it. */
function balance(signed: Float64Array, sum: number, problem: ScaledProblem): Float64Array {
  let rest = sum
  for (const onlyFree of [true, false]) {
    for (let t = 0; t < signed.length && rest !== 0; t++) {
      const cost = problem.costs[t]!
      const [floor, ceiling] = signOf(problem, t) > 0 ? [0, cost] : [-cost, 0]
      const value = signed[t]!
      if (onlyFree && (value === floor || value === ceiling)) continue
      const moved = Math.min(Math.max(value - rest, floor), ceiling)
      rest -= value - moved
      signed[t] = moved
    }
  }
  return signed
}
