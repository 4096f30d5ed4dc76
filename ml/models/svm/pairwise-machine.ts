import type { Matrix } from '../../data/matrix.ts'
import type { Learned } from '../classifier.ts'
import { Heap } from '../wasm/heap.ts'
import { pairCount } from './one-vs-one.ts'
import type { PairSigmoids } from './platt.ts'
import { RbfEvaluator } from './rbf-evaluator.ts'

/** What support vector machines learn for k classes of d features: a decision a pair of classes. */
export interface PairwiseModel extends Learned {
  /** Support vectors of each class. */
  readonly supportCounts: Int32Array
  readonly machine: Machine
  /** How decisions become probabilities, where that was learned. */
  readonly sigmoids?: PairSigmoids | undefined
  /** Room for the evaluation of a row, and evaluators once they are needed. */
  readonly scratch: Scratch
}

export type Machine = RbfMachine | LinearMachine

export interface RbfMachine {
  readonly kind: 'rbf'
  readonly gamma: number
  /** nSV × d, grouped by class. */
  readonly supportVectors: Float64Array
  /**
   * (k-1) × nSV, libsvm's layout: in the pair (a, b), a vector of class a has its coefficient in
   * row b-1, and a vector of class b in row a.
   */
  readonly coefficients: Float64Array
  /** One a pair. */
  readonly intercepts: Float64Array
}

export interface LinearMachine {
  readonly kind: 'linear'
  /** Pairs × d. */
  readonly weights: Float64Array
  /** One a pair. */
  readonly intercepts: Float64Array
}

interface Scratch {
  readonly decisions: Float64Array
  readonly votes: Int32Array
  /** Products of rows with vectors so far. */
  products: number
  plain?: RbfEvaluator | undefined
  wasm?: RbfEvaluator
}

/**
 * Products of a row with vectors, and in all, from which on WebAssembly is worth its start: before,
 * the plain path answers sooner, and a function that answers few rows never starts it.
 */
const productsARow = 4096
const productsInAll = 500_000

export function pairwiseModel(parts: Omit<PairwiseModel, 'scratch'>): PairwiseModel {
  const { classes } = parts
  return {
    ...parts,
    scratch: {
      decisions: new Float64Array(pairCount(classes.length)),
      votes: new Int32Array(classes.length),
      products: 0,
    },
  }
}

/** The decision of every pair at `row`: above 0 for the first class. Valid until the next call. */
export function decidePairs(model: PairwiseModel, row: Float64Array): Float64Array {
  const { machine } = model
  if (machine.kind === 'linear') {
    decideLinear(machine, row, 0, row.length, model.scratch.decisions)
  } else {
    const evaluator = evaluatorFor(model, machine, 1)
    evaluator.setRow(row, 0)
    sumPairs(model, machine, evaluator, false)
  }
  return model.scratch.decisions
}

/** `decidePairs` of every row of X, with what it says handed to `visit` before the next row. */
export function decideAllPairs(
  model: PairwiseModel,
  { data, rows, cols }: Matrix,
  visit: (i: number, decisions: Float64Array) => void,
): void {
  const { machine } = model
  const { decisions } = model.scratch
  if (machine.kind === 'linear') {
    for (let i = 0; i < rows; i++) {
      decideLinear(machine, data, i * cols, cols, decisions)
      visit(i, decisions)
    }
    return
  }
  const evaluator = evaluatorFor(model, machine, rows)
  for (let i = 0; i < rows; i += 2) {
    const isPair = i + 1 < rows
    if (isPair) evaluator.setTwoRows(data, i * cols)
    else evaluator.setRow(data, i * cols)
    sumPairs(model, machine, evaluator, false)
    visit(i, decisions)
    if (!isPair) return
    sumPairs(model, machine, evaluator, true)
    visit(i + 1, decisions)
  }
}

function decideLinear(
  { weights, intercepts }: LinearMachine,
  data: Float64Array,
  start: number,
  cols: number,
  decisions: Float64Array,
): void {
  for (let pair = 0, at = 0; pair < decisions.length; pair++) {
    let sum = intercepts[pair]!
    for (let c = start; c < start + cols; c++, at++) sum += weights[at]! * data[c]!
    decisions[pair] = sum
  }
}

function evaluatorFor(model: PairwiseModel, machine: RbfMachine, rows: number): RbfEvaluator {
  const { scratch } = model
  if (scratch.wasm) return scratch.wasm
  const products = machine.supportVectors.length
  scratch.products += products * rows
  if (products <= productsARow && scratch.products <= productsInAll) {
    return (scratch.plain ??= newEvaluator(model, machine, 'plain'))
  }
  scratch.plain = undefined
  return (scratch.wasm = newEvaluator(model, machine, 'wasm'))
}

function newEvaluator(
  { featureCount: cols }: PairwiseModel,
  { gamma, supportVectors: vectors, coefficients }: RbfMachine,
  kind: 'wasm' | 'plain',
): RbfEvaluator {
  const count = vectors.length / cols
  const expansion = { gamma, vectors, count, cols, coefficients }
  return new RbfEvaluator(expansion, (bytes) => new Heap(bytes, kind))
}

function sumPairs(
  { supportCounts, scratch: { decisions } }: PairwiseModel,
  { intercepts }: RbfMachine,
  evaluator: RbfEvaluator,
  second: boolean,
): void {
  let startA = 0
  for (let a = 0, pair = 0; a < supportCounts.length; a++) {
    const endA = startA + supportCounts[a]!
    let startB = endA
    for (let b = a + 1; b < supportCounts.length; b++, pair++) {
      const endB = startB + supportCounts[b]!
      const ofFirst = evaluator.sum(b - 1, startA, endA, second)
      decisions[pair] = intercepts[pair]! + ofFirst + evaluator.sum(a, startB, endB, second)
      startB = endB
    }
    startA = endA
  }
}
