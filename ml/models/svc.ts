import type { Matrix } from '../data/matrix.ts'
import { largestMagnitude } from './checks.ts'
import { RowClassifier, checkpoint, type FitOptions } from './classifier.ts'
import { KernelCache } from './kernel-cache.ts'
import { dot, linearRows, rbfRows } from './kernels.ts'
import { mostVotes, oneVsRest, pairCount } from './one-vs-one.ts'
import { resolveOptions, type OptionTable, type Parameters } from './options.ts'
import {
  decidePairs,
  learnPairs,
  type PairProblem,
  type PairSolution,
  type PairwiseModel,
} from './pairwise-machine.ts'
import { pairwiseFromTensors, pairwiseToTensors } from './pairwise-tensors.ts'
import { solveSmo } from './smo.ts'
import type { LoadedTensors, Tensors } from './tensors.ts'

export interface SVCOptions {
  C?: number
  kernel?: 'rbf' | 'linear'
  gamma?: 'scale' | 'auto' | number
  tol?: number
  cacheSize?: number
  maxIter?: number
  decisionFunctionShape?: 'ovr' | 'ovo'
}

export const svcOptions = {
  C: {
    default: 1,
    number: { above: 0, to: 1e12 },
    meaning: 'weight of the errors against the width of the margin',
  },
  kernel: { default: 'rbf', choices: ['rbf', 'linear'], meaning: 'the kernel' },
  gamma: {
    default: 'scale',
    choices: ['scale', 'auto'],
    number: { above: 0, to: 1e12 },
    meaning:
      "the rbf kernel is exp(-gamma ‖a - b‖²); 'scale' is 1 / (columns × variance of all values), " +
      "'auto' is 1 / columns",
  },
  tol: {
    default: 1e-3,
    number: { from: 1e-10, to: 1 },
    meaning: 'the largest violation of the optimality conditions that may be left',
  },
  cacheSize: {
    default: 200,
    number: { above: 0, to: 16_384 },
    meaning: 'megabytes for rows of the kernel matrix while it learns',
  },
  maxIter: {
    default: 10_000_000,
    number: { from: 1, to: Number.MAX_SAFE_INTEGER, integer: true },
    meaning: 'steps a pair of classes, after which the fit throws NotConverged',
  },
  decisionFunctionShape: {
    default: 'ovr',
    choices: ['ovr', 'ovo'],
    meaning: 'a decision a class (ovr) or a pair of classes (ovo)',
  },
} as const satisfies OptionTable

/**
 * Support vector classification: the widest margin between classes in the space of a kernel, errors
 * weighed by C. libsvm's formulation and rules (Chang and Lin, "LIBSVM: a library for support vector
 * machines", ACM TIST 2 (2011)): C-SVC by sequential minimal optimisation, one-vs-one with votes,
 * equal votes going to the smallest class. Memory of a fit: a copy of the rows of two classes, and
 * the cache.
 *
 *     const model = new SVC({ C: 1, gamma: 'scale' }).fit(X, y)
 *     model.predict(X)
 *
 * The constructor throws OptionInvalid.
 */
export class SVC extends RowClassifier<PairwiseModel> {
  readonly #options: Required<SVCOptions>

  constructor(options: SVCOptions = {}) {
    super()
    this.#options = resolveOptions<SVCOptions>('SVC', svcOptions, options)
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): SVC {
    const svc = new SVC(parameters)
    return svc.restore(pairwiseFromTensors(tensors, svc.#options.kernel))
  }

  get algorithm(): string {
    return this.#options.kernel === 'linear' ? 'svc-linear' : 'svc'
  }

  get parameters(): Parameters {
    return this.#options
  }

  /** Support vectors of each class, in the order of `classes`. */
  get supportVectorCount(): Int32Array {
    return this.model.supportCounts
  }

  /** The rbf kernel's gamma as a number; NaN for the linear kernel. */
  get gamma(): number {
    const { machine } = this.model
    return machine.kind === 'rbf' ? machine.gamma : NaN
  }

  toTensors(): Tensors {
    return pairwiseToTensors(this.model)
  }

  protected learn(
    X: Matrix,
    labels: Int32Array,
    classes: Float64Array,
    fitOptions: FitOptions,
  ): PairwiseModel {
    const { kernel, gamma } = this.#options
    const shape =
      kernel === 'linear'
        ? ({ kind: 'linear' } as const)
        : ({ kind: 'rbf', gamma: resolveGamma(gamma, X) } as const)
    const pairs = pairCount(classes.length)
    let iterationsBefore = 0
    return learnPairs(X, labels, classes, shape, (problem, pair) => {
      const { iterations, ...solution } = solvePair(problem, shape, this.#options, (done) => {
        checkpoint(fitOptions, { fraction: pair / pairs, iterations: iterationsBefore + done })
      })
      iterationsBefore += iterations
      return solution
    })
  }

  protected classIndex(model: PairwiseModel, row: Float64Array): number {
    return mostVotes(decidePairs(model, row), model.scratch.votes)
  }

  protected decisionColumns({ classes }: PairwiseModel): number {
    if (classes.length === 2) return 1
    return this.#options.decisionFunctionShape === 'ovr'
      ? classes.length
      : pairCount(classes.length)
  }

  protected decide(model: PairwiseModel, row: Float64Array, out: Float64Array): void {
    const decisions = decidePairs(model, row)
    if (model.classes.length === 2) out[0] = -decisions[0]!
    else if (this.#options.decisionFunctionShape === 'ovo') out.set(decisions)
    else oneVsRest(decisions, model.classes.length, out)
  }
}

function resolveGamma(gamma: 'scale' | 'auto' | number, X: Matrix): number {
  if (typeof gamma === 'number') return gamma
  if (gamma === 'auto') return 1 / X.cols
  const scaled = 1 / (X.cols * variance(X.data))
  // All values alike (or as good as that): every distance is 0, whatever gamma is.
  return scaled <= largestMagnitude ? scaled : 1
}

function variance(values: Float64Array): number {
  let sum = 0
  for (const value of values) sum += value
  const mean = sum / values.length
  let squares = 0
  for (const value of values) squares += (value - mean) ** 2
  return squares / values.length
}

/**
 * Both kernels' machines stay the same when all rows move by one vector, and the linear one when all
 * rows shrink by s and C grows by s²; so the rows are centred and, for the linear kernel, shrunk to
 * length 1 at most: then neither far-off nor huge columns cost precision in the cached kernel rows.
 */
function solvePair(
  { rows, size, cols, positives }: PairProblem,
  kernel: { kind: 'rbf'; gamma: number } | { kind: 'linear' },
  options: Required<SVCOptions>,
  onCheckpoint: (iterations: number) => void,
): PairSolution & { iterations: number } {
  const centre = centreRows(rows, size, cols)
  const length = kernel.kind === 'linear' ? shrinkRows(rows, size, cols) : 1
  const source =
    kernel.kind === 'linear'
      ? linearRows(rows, size, cols)
      : rbfRows(rows, size, cols, kernel.gamma)
  const { coefficients, intercept, iterations } = solveSmo({
    kernel: new KernelCache(source, options.cacheSize),
    positives,
    C: options.C * length * length,
    tolerance: options.tol,
    maxIterations: options.maxIter,
    onCheckpoint,
  })
  if (kernel.kind === 'rbf') return { coefficients, intercept, iterations }
  const weights = combineRows(rows, cols, coefficients)
  for (let c = 0; c < cols; c++) weights[c] = weights[c]! / length
  return { coefficients, weights, intercept: intercept - dot(weights, centre), iterations }
}

/** Moves the rows such that their mean is 0; answers what the mean was. */
function centreRows(rows: Float64Array, size: number, cols: number): Float64Array {
  const mean = new Float64Array(cols)
  for (let at = 0; at < rows.length; at++) mean[at % cols]! += rows[at]!
  for (let c = 0; c < cols; c++) mean[c] = mean[c]! / size
  for (let at = 0; at < rows.length; at++) rows[at]! -= mean[at % cols]!
  return mean
}

/** Divides the rows by the length of the longest, which it answers (1 when all are 0). */
function shrinkRows(rows: Float64Array, size: number, cols: number): number {
  let greatest = 0
  for (let t = 0; t < size; t++) {
    const row = rows.subarray(t * cols, (t + 1) * cols)
    greatest = Math.max(greatest, dot(row, row))
  }
  const length = greatest > 0 ? Math.sqrt(greatest) : 1
  for (let at = 0; at < rows.length; at++) rows[at]! /= length
  return length
}

function combineRows(rows: Float64Array, cols: number, coefficients: Float64Array): Float64Array {
  const sum = new Float64Array(cols)
  coefficients.forEach((coefficient, t) => {
    if (coefficient === 0) return
    for (let c = 0; c < cols; c++) sum[c]! += coefficient * rows[t * cols + c]!
  })
  return sum
}
