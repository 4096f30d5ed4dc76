import { takeRows, type Matrix } from '../../data/matrix.ts'
import type { Kernel, PairProblem, PairSolution } from './pair-problem.ts'
import { pairwiseModel, type PairwiseModel } from './pairwise-machine.ts'

/**
 * Solves every pair of classes and joins their support vectors, each kept once. Rows that cost
 * nothing take no part; every class has others.
 *
 * @param costs what an error on each row of X costs
 * @param solve answers one pair, classes a and b, in the order (0, 1), (0, 2) … (1, 2) …
 */
export function learnPairs(
  X: Matrix,
  labels: Int32Array,
  classes: Float64Array,
  costs: Float64Array,
  kernel: Kernel,
  solve: (problem: PairProblem) => PairSolution,
): PairwiseModel {
  const groups = rowsByClass(labels, classes, costs)
  const supports = groups.map((group) => new Uint8Array(group.length))
  const solutions: PairSolution[] = []
  for (const [a, first] of groups.entries()) {
    for (const [b, second] of groups.entries()) {
      if (b <= a) continue
      const rows = new Int32Array(first.length + second.length)
      rows.set(first)
      rows.set(second, first.length)
      const ofRows = Float64Array.from(rows, (row) => costs[row]!)
      const problem = { X, rows, positives: first.length, costs: ofRows }
      const solution = solve(problem)
      markSupports(solution.coefficients.subarray(0, first.length), supports[a]!)
      markSupports(solution.coefficients.subarray(first.length), supports[b]!)
      solutions.push(solution)
    }
  }
  const intercepts = Float64Array.from(solutions, (solution) => solution.intercept)
  return pairwiseModel({
    classes,
    featureCount: X.cols,
    supportCounts: Int32Array.from(supports, (marks) => marks.reduce((sum, mark) => sum + mark, 0)),
    machine:
      kernel.kind === 'linear'
        ? { kind: 'linear', weights: stackWeights(solutions, X.cols), intercepts }
        : {
            kind: 'rbf',
            gamma: kernel.gamma,
            supportVectors: supportVectors(X, groups, supports),
            coefficients: joinCoefficients(solutions, supports),
            intercepts,
          },
  })
}

function rowsByClass(labels: Int32Array, classes: Float64Array, costs: Float64Array): Int32Array[] {
  const counts = new Int32Array(classes.length)
  for (let i = 0; i < labels.length; i++) if (costs[i]! > 0) counts[labels[i]!]!++
  const groups = Array.from(counts, (count) => new Int32Array(count))
  counts.fill(0)
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!
    if (costs[i]! > 0) groups[label]![counts[label]!++] = i
  }
  return groups
}

function markSupports(coefficients: Float64Array, marks: Uint8Array): void {
  coefficients.forEach((coefficient, t) => {
    if (coefficient !== 0) marks[t] = 1
  })
}

function stackWeights(solutions: readonly PairSolution[], cols: number): Float64Array {
  const weights = new Float64Array(solutions.length * cols)
  solutions.forEach((solution, pair) => weights.set(solution.weights!, pair * cols))
  return weights
}

function supportVectors(
  X: Matrix,
  groups: readonly Int32Array[],
  supports: readonly Uint8Array[],
): Float64Array {
  const indices = groups.flatMap((group, c) => [...group.filter((_, t) => supports[c]![t] === 1)])
  return takeRows(X, indices).data
}

function joinCoefficients(
  solutions: readonly PairSolution[],
  supports: readonly Uint8Array[],
): Float64Array {
  const counts = supports.map((marks) => marks.reduce((sum, mark) => sum + mark, 0))
  const vectors = counts.reduce((sum, count) => sum + count, 0)
  const starts = counts.map((_, c) => counts.slice(0, c).reduce((sum, count) => sum + count, 0))
  const joined = new Float64Array((supports.length - 1) * vectors)
  let pair = 0
  for (const [a, first] of supports.entries()) {
    for (const [b, second] of supports.entries()) {
      if (b <= a) continue
      const { coefficients } = solutions[pair++]!
      const ofFirst = coefficients.subarray(0, first.length)
      const ofSecond = coefficients.subarray(first.length)
      joined.set(keepMarked(ofFirst, first), (b - 1) * vectors + starts[a]!)
      joined.set(keepMarked(ofSecond, second), a * vectors + starts[b]!)
    }
  }
  return joined
}

function keepMarked(values: Float64Array, marks: Uint8Array): Float64Array {
  return values.filter((_, t) => marks[t] === 1)
}
