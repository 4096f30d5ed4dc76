import type { Heap } from '../wasm/heap.ts'
import { Layout } from '../wasm/layout.ts'
import {
  inFours,
  LogisticRows,
  widthOf,
  type LogisticProblem,
  type RowBlock,
} from './logistic-rows.ts'
import type { ConvexFunction } from './newton-steps.ts'
import { BinaryLosses, MultinomialLosses, type RowLosses } from './row-losses.ts'

/** A block of rows takes about so many bytes: it stays in the nearest cache while it is worked on. */
const blockBytes = 16_384
const fewestRowsOfBlock = 8

/** Products of rows are summed for as many pairs of outputs at once as have so many bytes of sums. */
const gramBytes = 2 ** 20

/** Up to so many bytes a copy of the rows is held: to make it anew in every pass takes longer. */
const mostHeldBytes = 2 ** 25

/** The part of the Hessian between outputs a and b, and where it begins. */
interface HessianBlock {
  readonly a: number
  readonly b: number
  readonly start: number
}

/**
 * The mean log loss of n rows plus ‖weights‖² / (2 C n), which has its minimum where scikit-learn's
 * C Σ log loss + ½ ‖weights‖² has it. Two classes have one output, more have one each.
 *
 * The rows are centred, which the free intercepts make good, and each weight is taken times the
 * column's spread, so that no unit of a column slows the search down. The parameters are, for each
 * output, a line of d such weights, an intercept, and a 0 where that makes their number even.
 *
 * Every pass over the rows does all it has to do with a block of them before it goes to the next; of
 * many rows only that block is held beside X.
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
  /** Pairs of outputs × width². */
  readonly #grams: Float64Array
  /** The spread of a column and 1 / spread; of the intercept 1. */
  readonly #spread: Float64Array
  readonly #scale: Float64Array
  /** What a squared parameter of a column costs: 1 / (C n spread²). */
  readonly #penalty: Float64Array
  /** At the point that `value` was last asked for. */
  readonly #gradient: Float64Array

  /**
   * @param heapFor a heap of at least so many bytes, with anything in it
   * @param mostBytes of copied rows that may be held
   */
  constructor(
    problem: LogisticProblem,
    heapFor: (bytes: number) => Heap,
    mostBytes: number = mostHeldBytes,
  ) {
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
    const gramsAtOnce = Math.max(
      1,
      Math.min((outputs * (outputs + 1)) / 2, Math.floor(gramBytes / (8 * width * width))),
    )
    const layout = new Layout()
    const places = {
      scores: layout.doubles(outputs * this.#rowsOfBlock),
      lines: layout.doubles(this.size),
      sums: layout.doubles(this.size),
      gram: layout.doubles(gramsAtOnce * width * width),
      kept: layout.doubles(outputs * padded),
      each: layout.doubles(outputs === 1 ? padded : this.#rowsOfBlock),
    }
    this.#places = places
    this.#rows = new LogisticRows(problem, {
      ...{ layout, heapFor, rowsOfBlock: this.#rowsOfBlock },
      mostHeldBytes: mostBytes,
    })
    const { heap, labels, variance } = this.#rows
    this.#heap = heap
    const lossPlaces = { ...places, weights: this.#rows.weights }
    this.#losses =
      outputs === 1
        ? new BinaryLosses(heap, lossPlaces, labels)
        : new MultinomialLosses(heap, lossPlaces, labels, outputs)
    this.#lines = heap.doubles(places.lines, this.size)
    this.#sums = heap.doubles(places.sums, this.size)
    this.#grams = heap.doubles(places.gram, gramsAtOnce * width * width)
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
    this.#writeBlocks([{ a: c, b: c, start: 0 }], out, this.#width)
    for (let j = 0; j < this.#penalty.length; j++) out[j * this.#width + j]! += this.#penalty[j]!
  }

  hessian(out: Float64Array): void {
    out.fill(0)
    const blocks: HessianBlock[] = []
    for (let a = 0; a < this.#outputs; a++) {
      for (let b = a; b < this.#outputs; b++) {
        blocks.push({ a, b, start: (a * this.size + b) * this.#width })
      }
    }
    const atOnce = this.#grams.length / (this.#width * this.#width)
    for (let first = 0; first < blocks.length; first += atOnce) {
      this.#writeBlocks(blocks.slice(first, first + atOnce), out, this.size)
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
    const { arithmetic } = this.#heap
    const width = this.#width
    for (let j = 0; j < this.size; j++) this.#lines[j] = parameters[j]! * this.#scale[j % width]!
    this.#sums.fill(0)
    this.#forEachBlock((block) => {
      const { count } = block
      const from = this.#rows.placeOf(block)
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

  /** Blocks of the Hessian of the loss into `out`, by lines of `stride`, in one pass over the rows. */
  #writeBlocks(blocks: readonly HessianBlock[], out: Float64Array, stride: number): void {
    const width = this.#width
    const size = width * width
    const { gram } = this.#places
    this.#grams.fill(0)
    this.#forEachBlock((rows) => {
      const from = this.#rows.placeOf(rows)
      blocks.forEach(({ a, b }, k) => {
        const curvatures = this.#losses.curvatures(rows, a, b)
        const to = gram + k * size * 8
        this.#heap.arithmetic.weightedGram(from, curvatures, rows.count, width, to)
      })
    })
    blocks.forEach(({ start }, k) => {
      for (let j = 0; j < width; j++) {
        for (let l = 0; l < width; l++) {
          const sum = this.#grams[k * size + Math.min(j, l) * width + Math.max(j, l)]!
          out[start + j * stride + l] = (sum * this.#scale[j]! * this.#scale[l]!) / this.#used
        }
      }
    })
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
