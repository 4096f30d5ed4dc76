import { permutation, type Random } from '../../data/random.ts'
import type { Heap } from '../wasm/heap.ts'
import type { Kernel, PairProblem, PairSolution } from './pair-problem.ts'
import { fitSigmoid, type Sigmoid } from './platt.ts'
import { RbfEvaluator } from './rbf-evaluator.ts'

/** libsvm's number. */
export const sigmoidFolds = 5

/**
 * The sigmoid of a pair's machine by the decisions of five others, each of which learned from the
 * rows without its fold: a machine's own rows lie further out than new ones will. Folds are
 * stratified.
 */
export function crossValidatedSigmoid(
  problem: PairProblem,
  kernel: Kernel,
  random: Random,
  solve: (problem: PairProblem) => PairSolution,
  heapFor: (bytes: number) => Heap,
): Sigmoid {
  const { X, rows, positives, costs } = problem
  const size = rows.length
  const foldOf = new Int32Array(size)
  permutation(positives, random).forEach((t, k) => (foldOf[t] = k % sigmoidFolds))
  permutation(size - positives, random).forEach((t, k) => {
    foldOf[positives + t] = k % sigmoidFolds
  })
  const decisions = new Float64Array(size)
  // Room for the rows of one fold after another, which would else wait to be collected.
  const keptRows = new Int32Array(size)
  const keptCosts = new Float64Array(size)
  for (let fold = 0; fold < sigmoidFolds; fold++) {
    let kept = 0
    let firsts = 0
    for (let t = 0; t < size; t++) {
      if (foldOf[t] === fold) continue
      keptRows[kept] = rows[t]!
      keptCosts[kept++] = costs[t]!
      if (t < positives) firsts++
    }
    let decide: (at: number) => number = () => (firsts === 0 ? -1 : 1)
    // Of a class of one row, the others say nothing but their own class.
    if (firsts > 0 && firsts < kept) {
      const part: PairProblem = {
        X,
        rows: keptRows.subarray(0, kept),
        positives: firsts,
        costs: keptCosts.subarray(0, kept),
      }
      decide = decisionOf(part, kernel, solve(part), heapFor)
    }
    for (let t = 0; t < size; t++) {
      if (foldOf[t] === fold) decisions[t] = decide(rows[t]! * X.cols)
    }
  }
  return fitSigmoid(
    decisions,
    Uint8Array.from({ length: size }, (_, t) => (t < positives ? 1 : 0)),
  )
}

/** The decision at the row of X that begins at a double. */
function decisionOf(
  { X, rows }: PairProblem,
  kernel: Kernel,
  { coefficients, weights, intercept }: PairSolution,
  heapFor: (bytes: number) => Heap,
): (at: number) => number {
  const { data, cols } = X
  if (kernel.kind === 'linear') {
    return (at) => weights!.reduce((sum, weight, c) => sum + weight * data[at + c]!, intercept)
  }
  const expansion = {
    gamma: kernel.gamma,
    vectors: data,
    chosen: rows.filter((_, t) => coefficients[t] !== 0),
    count: coefficients.reduce((count, value) => count + (value === 0 ? 0 : 1), 0),
    cols,
    coefficients: coefficients.filter((value) => value !== 0),
  }
  const evaluator = new RbfEvaluator(expansion, heapFor)
  return (at) => {
    evaluator.setRow(data, at)
    return intercept + evaluator.sum(0, 0, expansion.count)
  }
}
