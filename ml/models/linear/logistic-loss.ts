import type { Heap } from '../wasm/heap.ts'
import { Layout } from '../wasm/layout.ts'
import {
  inFours,
  takeRows,
  widthOf,
  type LogisticProblem,
  type LogisticRows,
} from './logistic-rows.ts'
import type { ConvexFunction } from './newton-steps.ts'
import { BinaryLosses, MultinomialLosses, type RowBlock, type RowLosses } from './row-losses.ts'

/** A block of rows takes about so many bytes: it stays in the nearest cache while it is worked on. */
const blockBytes = 16_384
const fewestRowsOfBlock = 8

/**
 * The mean log loss of n rows plus ‖weights‖² / (2 C n), which has its minimum where scikit-learn's
 * C Σ log loss + ½ ‖weights‖² has it. Two classes have one output, more have one each.
 *
 * The rows are centred, which the free intercepts make good, and each weight is taken times the
 * column's spread, so that no unit of a column slows the search down. The parameters are, for each
 * output, a line of d such weights, an intercept, and a 0 where that makes their number even.
 *
 * Every pass over the rows does all it has to do with a block of them before it goes to the next.
 * `useRows` confines the mean to the first rows, for a first look that costs little.
 */
export class LogisticLoss implements ConvexFunction {
  readonly size: number
  readonly #cols: number
  readonly #outputs: number
  /** Doubles in a row and in a line of parameters. */
  readonly #width: number
  readonly #heap: Heap
  readonly #rows: LogisticRows
  readonly #losses: RowLosses
  readonly #rowsOfBlock: number
  /** The rows in use. */
  #used: number
  readonly #places: Record<'scores' | 'lines' | 'sums' | 'gram', number>
  /** Outputs × width: what the rows are multiplied by, and sums of rows, a line for each output. */
  readonly #lines: Float64Array
  readonly #sums: Float64Array
  readonly #gram: Float64Array
  /** The spread of a column and 1 / spread; of the intercept 1. */
  readonly #spread: Float64Array
  readonly #scale: Float64Array
  /** What a squared parameter of a column costs: 1 / (C n spread²). */
  readonly #penalty: Float64Array
  /** At the point that `value` was last asked for. */
  readonly #gradient: Float64Array

  /** @param heapFor a heap of at least so many bytes, with anything in it */
  constructor(problem: LogisticProblem, heapFor: (bytes: number) => Heap) {
    const { X, classCount, C } = problem
    const outputs = classCount === 2 ? 1 : classCount
    const width = widthOf(X.cols)
    const padded = inFours(X.rows)
    this.#cols = X.cols
    this.#outputs = outputs
    this.#width = width
    this.#used = X.rows
    this.size = outputs * width
    this.#rowsOfBlock = Math.max(fewestRowsOfBlock, 4 * Math.floor(blockBytes / (32 * width)))
    const layout = new Layout()
    const places = {
      scores: layout.doubles(outputs * this.#rowsOfBlock),
      lines: layout.doubles(this.size),
      sums: layout.doubles(this.size),
      gram: layout.doubles(width * width),
      kept: layout.doubles(outputs * padded),
      each: layout.doubles(outputs === 1 ? padded : this.#rowsOfBlock),
    }
    this.#places = places
    this.#rows = takeRows(problem, layout, heapFor)
    const { heap, labels, variance } = this.#rows
    this.#heap = heap
    const lossPlaces = { ...places, weights: this.#rows.places.weights }
    this.#losses =
      outputs === 1
        ? new BinaryLosses(heap, lossPlaces, labels)
        : new MultinomialLosses(heap, lossPlaces, labels, outputs)
    this.#lines = heap.doubles(places.lines, this.size)
    this.#sums = heap.doubles(places.sums, this.size)
    this.#gram = heap.doubles(places.gram, width * width)
    const ridge = 1 / (C * X.rows)
    this.#spread = variance.map((value) => Math.sqrt(value + ridge))
    this.#penalty = this.#spread.map((spread) => ridge / (spread * spread))
    this.#scale = new Float64Array(width).fill(1)
    this.#spread.forEach((spread, j) => (this.#scale[j] = 1 / spread))
    this.#gradient = new Float64Array(this.size)
  }

  /** From now on only the first rows count: a multiple of 4 of them, or all. */
  useRows(count: number): void {
    this.#used = count
  }

  value(at: Float64Array): number {
    const { scores } = this.#places
    let loss = 0
    this.#sumRows(at, (block) => (loss += this.#losses.evaluate(block, scores)))
    this.#finish(this.#gradient, at)
    let penalty = 0
    this.#forEachWeight((j, column) => {
      penalty += this.#penalty[column]! * at[j]! * at[j]!
    })
    return loss / this.#used + penalty / 2
  }

  gradient(out: Float64Array): void {
    out.set(this.#gradient)
  }

  hessianTimes(direction: Float64Array, out: Float64Array): void {
    const { scores } = this.#places
    this.#sumRows(direction, (block) => this.#losses.timesCurvature(block, scores))
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
    const { centre } = this.#rows
    const weights = new Float64Array(this.#outputs * cols)
    const intercepts = new Float64Array(this.#outputs)
    for (let c = 0; c < this.#outputs; c++) {
      const start = c * this.#width
      let intercept = point[start + cols]!
      for (let j = 0; j < cols; j++) {
        const weight = point[start + j]! / this.#spread[j]!
        weights[c * cols + j] = weight
        intercept -= weight * centre[j]!
      }
      intercepts[c] = intercept
    }
    return { weights, intercepts }
  }

  /**
   * The sums of the rows, for each output, times what `change` makes of their scores by the
   * parameters.
   */
  #sumRows(parameters: Float64Array, change: (block: RowBlock) => void): void {
    const { scores, lines, sums } = this.#places
    const { rows } = this.#rows.places
    const { arithmetic } = this.#heap
    const width = this.#width
    for (let j = 0; j < this.size; j++) this.#lines[j] = parameters[j]! * this.#scale[j % width]!
    this.#sums.fill(0)
    this.#forEachBlock((block) => {
      const { first, count } = block
      const from = rows + first * width * 8
      for (let c = 0; c < this.#outputs; c++) {
        const line = lines + c * width * 8
        arithmetic.rowsTimes(from, count, width, line, scores + c * count * 8)
      }
      change(block)
      for (let c = 0; c < this.#outputs; c++) {
        const sum = sums + c * width * 8
        arithmetic.transposedTimes(from, count, width, scores + c * count * 8, sum)
      }
    })
  }

  /** The Hessian of the loss between outputs a and b into `out` from `start` on, by lines of `stride`. */
  #writeBlock(a: number, b: number, out: Float64Array, start: number, stride: number): void {
    const { gram } = this.#places
    const { rows } = this.#rows.places
    const width = this.#width
    this.#gram.fill(0)
    this.#forEachBlock((block) => {
      const curvatures = this.#losses.curvatures(block, a, b)
      const from = rows + block.first * width * 8
      this.#heap.arithmetic.weightedGram(from, curvatures, block.count, width, gram)
    })
    for (let j = 0; j < width; j++) {
      for (let l = 0; l < width; l++) {
        const sum = this.#gram[Math.min(j, l) * width + Math.max(j, l)]!
        out[start + j * stride + l] = (sum * this.#scale[j]! * this.#scale[l]!) / this.#used
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

  /** Turns the sums over rows into means by the parameters and adds the penalty's part. */
  #finish(out: Float64Array, parameters: Float64Array): void {
    for (let j = 0; j < out.length; j++) {
      out[j] = (this.#sums[j]! * this.#scale[j % this.#width]!) / this.#used
    }
    this.#forEachWeight((j, column) => {
      out[j]! += this.#penalty[column]! * parameters[j]!
    })
  }

  #forEachBlock(visit: (block: RowBlock) => void): void {
    for (let first = 0; first < this.#used; first += this.#rowsOfBlock) {
      visit({ first, count: inFours(Math.min(this.#rowsOfBlock, this.#used - first)) })
    }
  }

  #forEachWeight(visit: (parameter: number, column: number) => void): void {
    for (let c = 0; c < this.#outputs; c++) {
      const start = c * this.#width
      for (let j = 0; j < this.#penalty.length; j++) visit(start + j, j)
    }
  }
}
