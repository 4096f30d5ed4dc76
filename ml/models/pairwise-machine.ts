import { takeRows, type Matrix } from '../data/matrix.ts'
import type { Learned } from './classifier.ts'
import { rbfAgainst } from './kernels.ts'
import { pairCount } from './one-vs-one.ts'

/** What support vector machines learn for k classes of d features: a decision a pair of classes. */
export interface PairwiseModel extends Learned {
  /** Support vectors of each class. */
  readonly supportCounts: Int32Array
  readonly machine: Machine
  /** Room for the evaluation of a row, made once. */
  readonly scratch: {
    readonly kernelValues: Float64Array
    readonly decisions: Float64Array
    readonly votes: Int32Array
  }
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

/** Two classes to tell apart: the rows of the first come first. */
export interface PairProblem {
  /** size × cols, row-major; the solver may overwrite it. */
  readonly rows: Float64Array
  readonly size: number
  readonly cols: number
  readonly positives: number
}

export interface PairSolution {
  /** Signed, one a row; 0 for all but support vectors. */
  readonly coefficients: Float64Array
  /** Of the linear kernel, Σ coefficients_t x_t. */
  readonly weights?: Float64Array
  readonly intercept: number
}

/** Solves every pair of classes and joins their support vectors, each kept once. */
export function learnPairs(
  X: Matrix,
  labels: Int32Array,
  classes: Float64Array,
  kernel: { kind: 'rbf'; gamma: number } | { kind: 'linear' },
  solve: (problem: PairProblem, pair: number) => PairSolution,
): PairwiseModel {
  const groups = rowsByClass(labels, classes.length)
  const supports = groups.map((group) => new Uint8Array(group.length))
  const solutions: PairSolution[] = []
  for (const [a, first] of groups.entries()) {
    for (const [b, second] of groups.entries()) {
      if (b <= a) continue
      const solution = solve(gather(X, first, second), solutions.length)
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

export function pairwiseModel(parts: Omit<PairwiseModel, 'scratch'>): PairwiseModel {
  const { machine, classes, featureCount } = parts
  const vectors = machine.kind === 'rbf' ? machine.supportVectors.length / featureCount : 0
  return {
    ...parts,
    scratch: {
      kernelValues: new Float64Array(vectors),
      decisions: new Float64Array(pairCount(classes.length)),
      votes: new Int32Array(classes.length),
    },
  }
}

/** The decision of every pair at `row`: above 0 for the first class. Valid until the next call. */
export function decidePairs(model: PairwiseModel, row: Float64Array): Float64Array {
  const { machine } = model
  const { decisions, kernelValues } = model.scratch
  if (machine.kind === 'linear') {
    const { weights, intercepts } = machine
    const cols = row.length
    for (let pair = 0, at = 0; pair < decisions.length; pair++) {
      let sum = intercepts[pair]!
      for (let c = 0; c < cols; c++, at++) sum += weights[at]! * row[c]!
      decisions[pair] = sum
    }
    return decisions
  }
  rbfAgainst(row, machine.supportVectors, kernelValues.length, machine.gamma, kernelValues)
  sumPairs(machine, model.supportCounts, kernelValues, decisions)
  return decisions
}

function sumPairs(
  { coefficients, intercepts }: RbfMachine,
  supportCounts: Int32Array,
  kernelValues: Float64Array,
  decisions: Float64Array,
): void {
  const vectors = kernelValues.length
  let startA = 0
  for (let a = 0, pair = 0; a < supportCounts.length; a++) {
    const endA = startA + supportCounts[a]!
    let startB = endA
    for (let b = a + 1; b < supportCounts.length; b++, pair++) {
      const endB = startB + supportCounts[b]!
      let sum = intercepts[pair]!
      const rowA = (b - 1) * vectors
      for (let t = startA; t < endA; t++) sum += coefficients[rowA + t]! * kernelValues[t]!
      const rowB = a * vectors
      for (let t = startB; t < endB; t++) sum += coefficients[rowB + t]! * kernelValues[t]!
      decisions[pair] = sum
      startB = endB
    }
    startA = endA
  }
}

function rowsByClass(labels: Int32Array, classCount: number): number[][] {
  const groups: number[][] = Array.from({ length: classCount }, () => [])
  labels.forEach((label, i) => groups[label]!.push(i))
  return groups
}

function gather(X: Matrix, first: readonly number[], second: readonly number[]): PairProblem {
  const { data, cols } = X
  const size = first.length + second.length
  const rows = new Float64Array(size * cols)
  let at = 0
  for (const i of [...first, ...second]) {
    rows.set(data.subarray(i * cols, (i + 1) * cols), at)
    at += cols
  }
  return { rows, size, cols, positives: first.length }
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
  groups: readonly number[][],
  supports: readonly Uint8Array[],
): Float64Array {
  const indices = groups.flatMap((group, c) => group.filter((_, t) => supports[c]![t] === 1))
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
