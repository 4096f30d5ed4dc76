import SVM from 'ml-svm'
import type { Matrix } from '../../data/matrix.ts'
import { seededRandom } from '../../data/random.ts'
import { RowClassifier, checkpoint, type FitOptions } from '../classifier.ts'
import { ModelError, isModelError } from '../errors.ts'
import { resolveOptions, type OptionTable, type Parameters } from '../options.ts'
import { learnPairs } from './learn-pairs.ts'
import { mostVotes, oneVsRest, pairCount } from './one-vs-one.ts'
import type { PairProblem, PairSolution } from './pair-problem.ts'
import { decidePairs, type PairwiseModel } from './pairwise-machine.ts'
import { pairwiseFromTensors, pairwiseToTensors } from './pairwise-tensors.ts'
import { float64Tensor, readFloat64, type LoadedTensors, type Tensors } from '../tensors.ts'

export interface MlSvmOptions {
  C?: number
  kernel?: 'rbf' | 'linear'
  sigma?: number
  tol?: number
  maxPasses?: number
  maxIter?: number
  seed?: number
}

export const mlSvmOptions = {
  C: { default: 1, number: { above: 0, to: 1e12 }, meaning: 'weight of the errors' },
  kernel: { default: 'rbf', choices: ['rbf', 'linear'], meaning: 'the kernel' },
  sigma: {
    default: 0.5,
    number: { from: 1e-6, to: 1e6 },
    meaning: 'the rbf kernel is exp(-‖a - b‖² / (2 sigma²)), over columns scaled to [0, 1]',
  },
  tol: { default: 1e-4, number: { from: 1e-10, to: 1 }, meaning: 'numerical tolerance' },
  maxPasses: {
    default: 10,
    number: { from: 1, to: 1000, integer: true },
    meaning: 'passes without a change after which it stops',
  },
  maxIter: {
    default: 10_000,
    number: { from: 1, to: 1_000_000, integer: true },
    meaning: 'passes a pair of classes, after which the fit throws NotConverged',
  },
  seed: {
    default: 0,
    number: { from: -(2 ** 31), to: 2 ** 32 - 1, integer: true },
    meaning: 'seed of the choice of the second multiplier',
  },
} as const satisfies OptionTable

/** ml-svm holds the whole kernel matrix and looks at every row of it in each pass. */
export const mlSvmRowCap = 1000

/** Draws of the second multiplier between two looks at the signal. */
const checkInterval = 256

/** Columns no wider than this count as constant: dividing by less could overflow. */
const leastWidth = 1e-150

/** Columns scaled to [0, 1] by their minimum and width; a constant column has the width 1. */
interface Scaling {
  readonly minimum: Float64Array
  readonly width: Float64Array
  /** Room for one scaled row. */
  readonly scaled: Float64Array
}

type MlSvmModel = PairwiseModel & Scaling

/**
 * The npm package ml-svm (simplified SMO), made safe: one-vs-one, where it knows two classes only;
 * its random source seeded; columns scaled here, where it divides a constant one by 0; at most
 * `mlSvmRowCap` rows, where it runs for minutes. It learns; what it learned is kept as numbers, and
 * predictions are made from these without the package.
 *
 * The constructor throws OptionInvalid; `fit` throws RowCapExceeded besides.
 */
export class MlSvm extends RowClassifier<MlSvmModel> {
  readonly algorithm = 'ml-svm'
  readonly #options: Required<MlSvmOptions>

  constructor(options: MlSvmOptions = {}) {
    super()
    this.#options = resolveOptions<MlSvmOptions>('MlSvm', mlSvmOptions, options)
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): MlSvm {
    const svm = new MlSvm(parameters)
    const model = pairwiseFromTensors(tensors, svm.#options.kernel, {
      others: ['minimum', 'width'],
    })
    const minimum = readFloat64(tensors, 'minimum', model.featureCount).data
    const width = readFloat64(tensors, 'width', model.featureCount).data
    if (width.some((value) => value <= leastWidth)) {
      throw new ModelError('ModelFileInvalid', 'tensor width holds a width that is not above 0')
    }
    return svm.restore({ ...model, minimum, width, scaled: new Float64Array(width.length) })
  }

  get parameters(): Parameters {
    return this.#options
  }

  /** Support vectors of each class, in the order of `classes`. */
  get supportVectorCount(): Int32Array {
    return this.model.supportCounts.slice()
  }

  toTensors(): Tensors {
    const { minimum, width } = this.model
    return {
      ...pairwiseToTensors(this.model),
      minimum: float64Tensor(minimum, minimum.length),
      width: float64Tensor(width, width.length),
    }
  }

  protected learn(
    X: Matrix,
    labels: Int32Array,
    classes: Float64Array,
    fitOptions: FitOptions,
  ): MlSvmModel {
    if (X.rows > mlSvmRowCap) {
      throw new ModelError(
        'RowCapExceeded',
        `ml-svm learns from at most ${mlSvmRowCap} rows, got ${X.rows}: use svc`,
      )
    }
    const { kernel, sigma } = this.#options
    const scaling = scalingOf(X)
    const random = this.#checkedRandom(pairCount(classes.length), fitOptions)
    let pair = 0
    const model = learnPairs(
      scaleRows(X, scaling),
      labels,
      classes,
      new Float64Array(X.rows).fill(1),
      kernel === 'linear' ? { kind: 'linear' } : { kind: 'rbf', gamma: 1 / (2 * sigma * sigma) },
      (problem) => {
        const solution = this.#solvePair(problem, () => random(pair))
        pair++
        return solution
      },
    )
    return { ...model, ...scaling }
  }

  protected classIndex(model: MlSvmModel, row: Float64Array): number {
    return mostVotes(decideScaled(model, row), model.scratch.votes)
  }

  protected decisionColumns({ classes }: MlSvmModel): number {
    return classes.length === 2 ? 1 : classes.length
  }

  protected decide(model: MlSvmModel, row: Float64Array, out: Float64Array): void {
    const decisions = decideScaled(model, row)
    if (model.classes.length === 2) out[0] = -decisions[0]!
    else oneVsRest(decisions, model.classes.length, out)
  }

  /** The package asks for a number at every step: the one place where a fit can be ended. */
  #checkedRandom(pairs: number, fitOptions: FitOptions): (pair: number) => number {
    const random = seededRandom(this.#options.seed)
    let iterations = 0
    return (pair) => {
      if (++iterations % checkInterval === 0) {
        checkpoint(fitOptions, { fraction: pair / pairs, iterations })
      }
      return random()
    }
  }

  #solvePair({ X, rows, positives }: PairProblem, random: () => number): PairSolution {
    const { C, kernel, sigma, tol, maxPasses, maxIter } = this.#options
    const svm = new SVM({
      C,
      kernel,
      kernelOptions: { sigma },
      tol,
      maxPasses,
      maxIterations: maxIter,
      alphaTol: 1e-6,
      whitening: false,
      random,
    })
    const vectors = Array.from(rows, (row) =>
      Array.from(X.data.subarray(row * X.cols, (row + 1) * X.cols)),
    )
    const signs = vectors.map((_, t) => (t < positives ? 1 : -1))
    try {
      svm.train(vectors, signs)
    } catch (error) {
      if (isModelError(error)) throw error
      throw new ModelError(
        'NotConverged',
        `ml-svm did not converge in ${maxIter} passes: lower C, raise tol or maxIter, or use svc`,
        { cause: error },
      )
    }
    const coefficients = new Float64Array(rows.length)
    svm.supportVectors().forEach((t, at) => {
      coefficients[t] = svm.alphas[at]! * svm.Y[at]!
    })
    // Its bound for a pair of unlike labels lets multipliers outgrow C, at worst without end.
    if (!Number.isFinite(svm.b) || !coefficients.every(Number.isFinite)) {
      throw new ModelError('NotConverged', 'ml-svm diverged on these rows: lower C, or use svc')
    }
    const solution = { coefficients, intercept: svm.b }
    return svm.W ? { ...solution, weights: Float64Array.from(svm.W) } : solution
  }
}

function scalingOf({ data, rows, cols }: Matrix): Scaling {
  const minimum = data.slice(0, cols)
  const maximum = data.slice(0, cols)
  for (let i = 0, at = 0; i < rows; i++) {
    for (let c = 0; c < cols; c++, at++) {
      minimum[c] = Math.min(minimum[c]!, data[at]!)
      maximum[c] = Math.max(maximum[c]!, data[at]!)
    }
  }
  const width = maximum.map((value, c) => {
    const found = value - minimum[c]!
    return found > leastWidth ? found : 1
  })
  return { minimum, width, scaled: new Float64Array(cols) }
}

function scaleRows(X: Matrix, scaling: Scaling): Matrix {
  const data = new Float64Array(X.data.length)
  for (let at = 0; at < data.length; at += X.cols) {
    data.set(scaleRow(X.data.subarray(at, at + X.cols), scaling), at)
  }
  return { ...X, data }
}

function decideScaled(model: MlSvmModel, row: Float64Array): Float64Array {
  return decidePairs(model, scaleRow(row, model))
}

function scaleRow(row: Float64Array, { minimum, width, scaled }: Scaling): Float64Array {
  for (let c = 0; c < row.length; c++) scaled[c] = (row[c]! - minimum[c]!) / width[c]!
  return scaled
}
