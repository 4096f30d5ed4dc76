import type { Matrix } from '../data/matrix.ts'
import { columnMeans, columnVariances } from './column-statistics.ts'
import type { ConvexFunction } from './newton.ts'

/**
 * The mean log loss of n rows plus ‖weights‖² / (2 C n), which has its minimum where scikit-learn's
 * C Σ log loss + ½ ‖weights‖² has it. `outputs` is the number of classes, or 1 for two classes.
 *
 * Columns are centred, which the free intercepts make good, and each weight is taken times the
 * column's spread, so that no unit of a column slows the search down. The parameters are, for each
 * output, d such weights and an intercept.
 */
export class LogisticLoss implements ConvexFunction {
  readonly size: number
  readonly #outputs: number
  readonly #rows: number
  readonly #cols: number
  readonly #labels: Int32Array
  readonly #mean: Float64Array
  readonly #spread: Float64Array
  /** What a squared parameter of a column costs: 1 / (C n spread²). */
  readonly #penalty: Float64Array
  /** Rows × cols, centred and divided by the spreads. */
  readonly #scaled: Float64Array
  /** Rows × outputs, at the point that `value` was last asked for. */
  readonly #probabilities: Float64Array
  readonly #point: Float64Array
  /** One value an output, of the row at hand. */
  readonly #scores: Float64Array

  constructor(X: Matrix, labels: Int32Array, outputs: number, C: number) {
    const { rows, cols } = X
    this.size = outputs * (cols + 1)
    this.#outputs = outputs
    this.#rows = rows
    this.#cols = cols
    this.#labels = labels
    this.#mean = columnMeans(X)
    const ridge = 1 / (C * rows)
    this.#spread = columnVariances(X, this.#mean).map((variance) => Math.sqrt(variance + ridge))
    this.#penalty = this.#spread.map((spread) => ridge / (spread * spread))
    this.#scaled = X.data.map((x, at) => (x - this.#mean[at % cols]!) / this.#spread[at % cols]!)
    this.#probabilities = new Float64Array(rows * outputs)
    this.#point = new Float64Array(this.size)
    this.#scores = new Float64Array(outputs)
  }

  value(at: Float64Array): number {
    this.#point.set(at)
    let loss = 0
    for (let i = 0; i < this.#rows; i++) {
      this.#scoresOf(i, at)
      loss += this.#outputs === 1 ? this.#binaryLoss(i) : this.#multinomialLoss(i)
    }
    let penalty = 0
    this.#forEachWeight((j, column) => {
      penalty += this.#penalty[column]! * at[j]! * at[j]!
    })
    return loss / this.#rows + penalty / 2
  }

  gradient(out: Float64Array): void {
    out.fill(0)
    for (let i = 0; i < this.#rows; i++) {
      const first = i * this.#outputs
      for (let c = 0; c < this.#outputs; c++) {
        this.#scores[c] = this.#probabilities[first + c]! - (this.#isTarget(i, c) ? 1 : 0)
      }
      this.#addRow(i, out)
    }
    this.#finish(out, this.#point)
  }

  hessianTimes(direction: Float64Array, out: Float64Array): void {
    out.fill(0)
    for (let i = 0; i < this.#rows; i++) {
      this.#scoresOf(i, direction)
      this.#timesCurvature(i * this.#outputs)
      this.#addRow(i, out)
    }
    this.#finish(out, direction)
  }

  /** Weights (outputs × d) and intercepts for the columns as they were given. */
  inOriginalUnits(point: Float64Array): { weights: Float64Array; intercepts: Float64Array } {
    const weights = new Float64Array(this.#outputs * this.#cols)
    const intercepts = new Float64Array(this.#outputs)
    for (let c = 0; c < this.#outputs; c++) {
      const start = c * (this.#cols + 1)
      let intercept = point[start + this.#cols]!
      for (let j = 0; j < this.#cols; j++) {
        const weight = point[start + j]! / this.#spread[j]!
        weights[c * this.#cols + j] = weight
        intercept -= weight * this.#mean[j]!
      }
      intercepts[c] = intercept
    }
    return { weights, intercepts }
  }

  #isTarget(i: number, output: number): boolean {
    return this.#labels[i] === (this.#outputs === 1 ? 1 : output)
  }

  #scoresOf(i: number, parameters: Float64Array): void {
    const start = i * this.#cols
    for (let c = 0, p = 0; c < this.#outputs; c++) {
      let sum = 0
      for (let j = 0; j < this.#cols; j++) sum += parameters[p++]! * this.#scaled[start + j]!
      this.#scores[c] = sum + parameters[p++]!
    }
  }

  /** log(1 + exp(score)), less the score where the target is the second class. */
  #binaryLoss(i: number): number {
    const score = this.#scores[0]!
    this.#probabilities[i] = 1 / (1 + Math.exp(-score))
    const softplus = Math.max(score, 0) + Math.log1p(Math.exp(-Math.abs(score)))
    return softplus - (this.#isTarget(i, 0) ? score : 0)
  }

  #multinomialLoss(i: number): number {
    const first = i * this.#outputs
    let greatest = -Infinity
    for (let c = 0; c < this.#outputs; c++) greatest = Math.max(greatest, this.#scores[c]!)
    let sum = 0
    for (let c = 0; c < this.#outputs; c++) {
      const weight = Math.exp(this.#scores[c]! - greatest)
      this.#probabilities[first + c] = weight
      sum += weight
    }
    for (let c = 0; c < this.#outputs; c++) this.#probabilities[first + c]! /= sum
    return greatest + Math.log(sum) - this.#scores[this.#labels[i]!]!
  }

  /** The scores times the second derivative of the row's loss: diag(p) - p pᵀ, or p (1 - p). */
  #timesCurvature(first: number): void {
    if (this.#outputs === 1) {
      const probability = this.#probabilities[first]!
      this.#scores[0]! *= probability * (1 - probability)
      return
    }
    let mean = 0
    for (let c = 0; c < this.#outputs; c++) {
      mean += this.#probabilities[first + c]! * this.#scores[c]!
    }
    for (let c = 0; c < this.#outputs; c++) {
      this.#scores[c] = this.#probabilities[first + c]! * (this.#scores[c]! - mean)
    }
  }

  /** Adds row i, times each output's score, to that output's parameters. */
  #addRow(i: number, out: Float64Array): void {
    const start = i * this.#cols
    for (let c = 0, p = 0; c < this.#outputs; c++) {
      const score = this.#scores[c]!
      for (let j = 0; j < this.#cols; j++) out[p++]! += score * this.#scaled[start + j]!
      out[p++]! += score
    }
  }

  /** Turns the sum over rows into a mean and adds the penalty's part. */
  #finish(out: Float64Array, parameters: Float64Array): void {
    for (let j = 0; j < out.length; j++) out[j] = out[j]! / this.#rows
    this.#forEachWeight((j, column) => {
      out[j]! += this.#penalty[column]! * parameters[j]!
    })
  }

  #forEachWeight(visit: (parameter: number, column: number) => void): void {
    for (let c = 0; c < this.#outputs; c++) {
      const start = c * (this.#cols + 1)
      for (let j = 0; j < this.#cols; j++) visit(start + j, j)
    }
  }
}
