import type { Matrix } from '../../data/matrix.ts'
import { Layout, type Heap } from '../wasm/heap.ts'
import type { ConvexFunction } from './newton.ts'

/** What is learned from: `labels` count classes from 0, `weights` what each row counts. */
export interface LogisticProblem {
  readonly X: Matrix
  readonly labels: Int32Array
  readonly classCount: number
  readonly weights: Float64Array
  readonly C: number
}

/**
 * The mean log loss of n rows plus ‖weights‖² / (2 C n), which has its minimum where scikit-learn's
 * C Σ log loss + ½ ‖weights‖² has it. Two classes have one output, more have one each.
 *
 * Columns are centred, which the free intercepts make good, and each weight is taken times the
 * column's spread, so that no unit of a column slows the search down. The parameters are, for each
 * output, a line of d such weights, an intercept, and a 0 where that makes their number even. The
 * rows, likewise extended by a 1, and all else that is of every row is in one heap.
 *
 * The rows stand in an order in which the first ones of any number are spread evenly over all;
 * `useRows` confines the mean to these, for a first look that costs little.
 */
export class LogisticLoss implements ConvexFunction {
  readonly size: number
  readonly #cols: number
  readonly #heap: Heap
  readonly #outputs: number
  /** Doubles in a row and in a line of parameters. */
  readonly #width: number
  readonly #padded: number
  /** The rows in use, and as many with the empty ones that make them a multiple of 4. */
  #used: number
  #usedPadded: number
  /** In the order of the rows in the heap. */
  readonly #labels: Int32Array
  readonly #weights: Float64Array
  readonly #mean: Float64Array
  readonly #spread: Float64Array
  /** What a squared parameter of a column costs: 1 / (C n spread²). */
  readonly #penalty: Float64Array
  readonly #places: Record<
    | ('rows' | 'scores' | 'probabilities' | 'residuals' | 'curvatures')
    | ('targets' | 'weights' | 'line' | 'gram'),
    number
  >
  /** Outputs × padded rows, what a direction scores. */
  readonly #scores: Float64Array
  /** Outputs × padded rows, at the point that `value` was last asked for; of more than two classes. */
  readonly #probabilities: Float64Array
  readonly #residuals: Float64Array
  readonly #curvatures: Float64Array
  readonly #line: Float64Array
  readonly #gram: Float64Array
  readonly #point: Float64Array

  /** @param heapFor a heap of at least so many bytes, with anything in it */
  constructor(problem: LogisticProblem, heapFor: (bytes: number) => Heap) {
    const { X, classCount, C } = problem
    const { rows, cols } = X
    this.#cols = cols
    this.#outputs = classCount === 2 ? 1 : classCount
    this.#width = cols + 1 + ((cols + 1) % 2)
    this.#padded = inFours(rows)
    this.#used = rows
    this.#usedPadded = this.#padded
    this.size = this.#outputs * this.#width
    this.#point = new Float64Array(this.size)
    const layout = new Layout()
    const each = this.#outputs * this.#padded
    const places = {
      rows: layout.doubles(this.#padded * this.#width),
      scores: layout.doubles(each),
      probabilities: layout.doubles(this.#outputs === 1 ? 0 : each),
      residuals: layout.doubles(this.#padded),
      curvatures: layout.doubles(this.#padded),
      targets: layout.doubles(this.#padded),
      weights: layout.doubles(this.#padded),
      line: layout.doubles(this.#width),
      gram: layout.doubles(this.#width * this.#width),
    }
    this.#places = places
    this.#heap = heapFor(layout.bytes)
    const zeros = (place: number, count: number) => this.#heap.doubles(place, count).fill(0)
    this.#scores = zeros(places.scores, each)
    this.#probabilities = zeros(places.probabilities, this.#outputs === 1 ? 0 : each)
    this.#residuals = zeros(places.residuals, this.#padded)
    this.#curvatures = zeros(places.curvatures, this.#padded)
    this.#line = zeros(places.line, this.#width)
    this.#gram = zeros(places.gram, this.#width * this.#width)
    const order = spreadOrder(rows)
    this.#labels = order.map((i) => problem.labels[i]!)
    this.#weights = zeros(places.weights, this.#padded)
    order.forEach((i, k) => (this.#weights[k] = problem.weights[i]!))
    zeros(places.targets, this.#padded).set(this.#labels.map((label) => (label === 1 ? 1 : 0)))
    copyRows(X, order, zeros(places.rows, this.#padded * this.#width), this.#width)
    this.#mean = this.#meanRow()
    const ridge = 1 / (C * rows)
    this.#spread = this.#centre().map((variance) => Math.sqrt(variance + ridge))
    this.#penalty = this.#spread.map((spread) => ridge / (spread * spread))
    this.#scale()
  }

  /** From now on only the first rows count: a multiple of 4 of them, or all. */
  useRows(count: number): void {
    this.#used = count
    this.#usedPadded = inFours(count)
  }

  value(at: Float64Array): number {
    this.#point.set(at)
    this.#score(at)
    const { scores, targets, weights, residuals, curvatures } = this.#places
    const loss =
      this.#outputs === 1
        ? this.#heap.arithmetic.logisticPass(
            scores,
            targets,
            weights,
            this.#usedPadded,
            residuals,
            curvatures,
          )
        : this.#multinomialLoss()
    let penalty = 0
    this.#forEachWeight((j, column) => {
      penalty += this.#penalty[column]! * at[j]! * at[j]!
    })
    return loss / this.#used + penalty / 2
  }

  gradient(out: Float64Array): void {
    for (let c = 0; c < this.#outputs; c++) {
      if (this.#outputs > 1) {
        const first = c * this.#padded
        for (let i = 0; i < this.#used; i++) {
          const target = this.#labels[i] === c ? 1 : 0
          this.#residuals[i] = this.#weights[i]! * (this.#probabilities[first + i]! - target)
        }
      }
      this.#sumRows(this.#places.residuals, c, out)
    }
    this.#finish(out, this.#point)
  }

  hessianTimes(direction: Float64Array, out: Float64Array): void {
    this.#score(direction)
    if (this.#outputs === 1) {
      for (let i = 0; i < this.#used; i++) this.#scores[i]! *= this.#curvatures[i]!
    } else this.#timesCurvature()
    for (let c = 0; c < this.#outputs; c++) {
      this.#sumRows(this.#places.scores + c * this.#padded * 8, c, out)
    }
    this.#finish(out, direction)
  }

  get blockSize(): number {
    return this.#width
  }

  hessianBlock(c: number, out: Float64Array): void {
    this.#writeBlock(c, c, out, 0, this.#width)
    for (let j = 0; j < this.#penalty.length; j++) out[j * this.#width + j]! += this.#penalty[j]!
  }

  hessian(out: Float64Array): void {
    out.fill(0)
    for (let a = 0; a < this.#outputs; a++) {
      for (let b = a; b < this.#outputs; b++) {
        this.#writeBlock(a, b, out, (a * this.size + b) * this.#width, this.size)
      }
    }
    this.#forEachWeight((j, column) => {
      out[j * this.size + j]! += this.#penalty[column]!
    })
    if (this.#outputs > 1) this.#holdIntercepts(out)
  }

  /** Weights (outputs × d) and intercepts for the columns as they were given. */
  inOriginalUnits(point: Float64Array): { weights: Float64Array; intercepts: Float64Array } {
    const cols = this.#cols
    const weights = new Float64Array(this.#outputs * cols)
    const intercepts = new Float64Array(this.#outputs)
    for (let c = 0; c < this.#outputs; c++) {
      const start = c * this.#width
      let intercept = point[start + cols]!
      for (let j = 0; j < cols; j++) {
        const weight = point[start + j]! / this.#spread[j]!
        weights[c * cols + j] = weight
        intercept -= weight * this.#mean[j]!
      }
      intercepts[c] = intercept
    }
    return { weights, intercepts }
  }

  #meanRow(): Float64Array {
    const { rows, residuals, line } = this.#places
    this.#residuals.fill(1, 0, this.#used)
    this.#heap.arithmetic.transposedTimes(rows, this.#padded, this.#width, residuals, line)
    return this.#line.slice(0, this.#cols).map((sum) => sum / this.#used)
  }

  /** Takes the mean off the features; answers their variances. */
  #centre(): Float64Array {
    const { rows, line, gram } = this.#places
    this.#line.fill(0).set(this.#mean)
    this.#heap.arithmetic.centreRows(rows, this.#used, this.#width, line, gram)
    return this.#gram.slice(0, this.#cols).map((sum) => sum / this.#used)
  }

  #scale(): void {
    const { rows, line } = this.#places
    this.#line.fill(1).set(this.#spread.map((spread) => 1 / spread))
    this.#heap.arithmetic.scaleRows(rows, this.#used, this.#width, line)
  }

  /** The rows times the parameters of each output. */
  #score(parameters: Float64Array): void {
    const { rows, line, scores } = this.#places
    for (let c = 0; c < this.#outputs; c++) {
      this.#line.set(parameters.subarray(c * this.#width, (c + 1) * this.#width))
      const out = scores + c * this.#padded * 8
      this.#heap.arithmetic.rowsTimes(rows, this.#usedPadded, this.#width, line, out)
    }
  }

  /** The sum of the rows, each times a value, into the parameters of output c. */
  #sumRows(values: number, c: number, out: Float64Array): void {
    const { rows, line } = this.#places
    this.#line.fill(0)
    this.#heap.arithmetic.transposedTimes(rows, this.#usedPadded, this.#width, values, line)
    out.set(this.#line, c * this.#width)
  }

  #multinomialLoss(): number {
    const [labels, weights] = [this.#labels, this.#weights]
    const [scores, probabilities, step] = [this.#scores, this.#probabilities, this.#padded]
    const end = this.#outputs * step
    let loss = 0
    for (let i = 0; i < this.#used; i++) {
      let greatest = -Infinity
      for (let at = i; at < end; at += step) greatest = Math.max(greatest, scores[at]!)
      for (let at = i; at < end; at += step) probabilities[at] = scores[at]! - greatest
      loss -= weights[i]! * probabilities[labels[i]! * step + i]!
    }
    for (let first = 0; first < end; first += step) {
      const place = this.#places.probabilities + first * 8
      this.#heap.arithmetic.exponentials(place, this.#usedPadded)
    }
    for (let i = 0; i < this.#used; i++) {
      let sum = 0
      for (let at = i; at < end; at += step) sum += probabilities[at]!
      for (let at = i; at < end; at += step) probabilities[at]! /= sum
      loss += weights[i]! * Math.log(sum)
    }
    return loss
  }

  /** The scores times the second derivative of each row's loss: diag(p) - p pᵀ. */
  #timesCurvature(): void {
    const weights = this.#weights
    const [scores, probabilities, step] = [this.#scores, this.#probabilities, this.#padded]
    const end = this.#outputs * step
    for (let i = 0; i < this.#used; i++) {
      let mean = 0
      for (let at = i; at < end; at += step) mean += probabilities[at]! * scores[at]!
      for (let at = i; at < end; at += step) {
        scores[at] = weights[i]! * probabilities[at]! * (scores[at]! - mean)
      }
    }
  }

  /** The Hessian of the loss between outputs a and b into `out` from `start` on, by lines of `stride`. */
  #writeBlock(a: number, b: number, out: Float64Array, start: number, stride: number): void {
    const weights = this.#weights
    const { rows, gram, curvatures } = this.#places
    if (this.#outputs > 1) {
      const [first, second] = [a * this.#padded, b * this.#padded]
      for (let i = 0; i < this.#used; i++) {
        const other = (a === b ? 1 : 0) - this.#probabilities[second + i]!
        this.#curvatures[i] = weights[i]! * this.#probabilities[first + i]! * other
      }
    }
    this.#gram.fill(0)
    this.#heap.arithmetic.weightedGram(rows, curvatures, this.#usedPadded, this.#width, gram)
    const width = this.#width
    for (let j = 0; j < width; j++) {
      for (let l = 0; l < width; l++) {
        const value = this.#gram[Math.min(j, l) * width + Math.max(j, l)]! / this.#used
        out[start + j * stride + l] = value
      }
    }
  }

  /**
   * Intercepts that all rise alike change nothing, which leaves the Hessian without weight in that
   * direction, where the gradient is 0 too. With some weight there the step stays at 0 in it.
   */
  #holdIntercepts(out: Float64Array): void {
    const cols = this.#cols
    for (let a = 0; a < this.#outputs; a++) {
      const row = a * this.#width + cols
      for (let b = a; b < this.#outputs; b++) {
        out[row * this.size + b * this.#width + cols]! += 1 / this.#outputs
      }
    }
  }

  /** Turns the sum over rows into a mean and adds the penalty's part. */
  #finish(out: Float64Array, parameters: Float64Array): void {
    for (let j = 0; j < out.length; j++) out[j] = out[j]! / this.#used
    this.#forEachWeight((j, column) => {
      out[j]! += this.#penalty[column]! * parameters[j]!
    })
  }

  #forEachWeight(visit: (parameter: number, column: number) => void): void {
    for (let c = 0; c < this.#outputs; c++) {
      const start = c * this.#width
      for (let j = 0; j < this.#penalty.length; j++) visit(start + j, j)
    }
  }
}

/** The rows in this order, each with a 1 behind, in lines of `width`. */
function copyRows(
  { data, cols }: Matrix,
  order: Int32Array,
  out: Float64Array,
  width: number,
): void {
  for (let k = 0; k < order.length; k++) {
    const from = order[k]! * cols
    const to = k * width
    for (let j = 0; j < cols; j++) out[to + j] = data[from + j]!
    out[to + cols] = 1
  }
}

function inFours(count: number): number {
  return Math.ceil(count / 4) * 4
}

/** Rows that stay together: memory is read by more than a row at a time. */
const together = 8

/**
 * 0 … n-1, a few together, in steps of the golden section of n, which leave no two of the first ones
 * near each other; the step has no divisor in common with their number, so that all come.
 */
function spreadOrder(n: number): Int32Array {
  const groups = Math.ceil(n / together)
  let step = Math.max(1, Math.round(groups * 0.6180339887498949))
  while (greatestCommonDivisor(step, groups) !== 1) step++
  const order = new Int32Array(n)
  for (let k = 0, group = 0; k < n; group = (group + step) % groups) {
    const end = Math.min(n, (group + 1) * together)
    for (let i = group * together; i < end; i++) order[k++] = i
  }
  return order
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
