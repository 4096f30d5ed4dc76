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
  for (let fold = 0; fold < sigmoidFolds; fold++) {
    const all = Int32Array.from(foldOf.keys())
    const kept = all.filter((t) => foldOf[t] !== fold)
    const held = all.filter((t) => foldOf[t] === fold)
    const firsts = kept.filter((t) => t < positives).length
    if (firsts === 0 || firsts === kept.length) {
      // A class of one row: the others say nothing but their own class.
      for (const t of held) decisions[t] = firsts === 0 ? -1 : 1
      continue
    }
    const part: PairProblem = {
      X,
      rows: kept.map((t) => rows[t]!),
      positives: firsts,
      costs: Float64Array.from(kept, (t) => costs[t]!),
    }
    const decide = decisionOf(part, kernel, solve(part), heapFor)
    for (const t of held) decisions[t] = decide(rows[t]! * X.cols)
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
  const supports = Int32Array.from(coefficients.keys()).filter((t) => coefficients[t] !== 0)
  const vectors = new Float64Array(supports.length * cols)
  supports.forEach((t, k) => {
    vectors.set(data.subarray(rows[t]! * cols, (rows[t]! + 1) * cols), k * cols)
  })
  const count = supports.length
  const kept = Float64Array.from(supports, (t) => coefficients[t]!)
  const { gamma } = kernel
  const evaluator = new RbfEvaluator({ gamma, vectors, count, cols, coefficients: kept }, heapFor)
  return (at) => {
    evaluator.setRow(data, at)
    return intercept + evaluator.sum(0, 0, count)
  }
}
