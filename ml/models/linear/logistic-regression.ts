import type { Matrix } from '../../data/matrix.ts'
import {
  ProbabilisticClassifier,
  checkpoint,
  type FitOptions,
  type Learned,
} from '../classifier.ts'
import { classWeightOption, rowWeights, type ClassWeight } from '../class-weight.ts'
import { isModelError } from '../errors.ts'
import { HeapLoan } from '../wasm/heap.ts'
import { LogisticLoss } from './logistic-loss.ts'
import { minimize, stepsFor } from './newton.ts'
import type { NewtonSteps } from './newton-steps.ts'
import { resolveOptions, type OptionTable, type Parameters } from '../options.ts'
import {
  float64Tensor,
  readClasses,
  readFloat64,
  refuseOtherTensors,
  type LoadedTensors,
  type Tensors,
} from '../tensors.ts'

export interface LogisticRegressionOptions {
  C?: number
  classWeight?: ClassWeight
  tol?: number
  maxIter?: number
}

export const logisticRegressionOptions = {
  C: {
    default: 1,
    number: { above: 0, to: 1e12 },
    meaning: 'weight of the log loss against the squared weights',
  },
  classWeight: classWeightOption,
  tol: {
    default: 1e-9,
    number: { from: 1e-12, to: 1 },
    meaning: 'the largest component of the gradient of the mean loss that may be left',
  },
  maxIter: {
    default: 200,
    number: { from: 1, to: 1_000_000, integer: true },
    meaning: 'Newton steps after which the fit throws NotConverged',
  },
} as const satisfies OptionTable

/** The first look is at one row in so many, where these are so many for each parameter. */
const firstShare = 8
const fewestRowsAParameter = 20
const firstTolerance = 1e-3
const firstSteps = 30

interface LogisticModel extends Learned {
  /** One row of d weights and one intercept a class; of two classes one in all, for the second. */
  readonly weights: Float64Array
  readonly intercepts: Float64Array
}

/**
 * Multinomial logistic regression with an L2 penalty and free intercepts, scikit-learn's objective
 * C Σ log loss + ½ ‖weights‖², taken to its optimum by Newton's method. Of two classes it is the
 * binary one. Memory of a fit: a value a row and class, and a copy of X where that has at
 * most 32 MB.
 *
 *     const model = new LogisticRegression({ C: 1 }).fit(X, y)
 *     model.predictProba(X)
 *
 * The constructor throws OptionInvalid.
 */
export class LogisticRegression extends ProbabilisticClassifier<LogisticModel> {
  readonly algorithm = 'logistic-regression'
  override readonly acceptsWeights = true
  readonly #options: Required<LogisticRegressionOptions>

  constructor(options: LogisticRegressionOptions = {}) {
    super()
    this.#options = resolveOptions<LogisticRegressionOptions>(
      'LogisticRegression',
      logisticRegressionOptions,
      options,
    )
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): LogisticRegression {
    const regression = new LogisticRegression(parameters)
    refuseOtherTensors(tensors, ['classes', 'weights', 'intercepts'])
    const classes = readClasses(tensors)
    const outputs = outputsFor(classes)
    const weights = readFloat64(tensors, 'weights', outputs, undefined)
    const intercepts = readFloat64(tensors, 'intercepts', outputs).data
    const featureCount = weights.sizes[1]!
    return regression.restore({ classes, featureCount, weights: weights.data, intercepts })
  }

  get parameters(): Parameters {
    return this.#options
  }

  toTensors(): Tensors {
    const { classes, weights, intercepts, featureCount } = this.model
    return {
      classes: float64Tensor(classes, classes.length),
      intercepts: float64Tensor(intercepts, intercepts.length),
      weights: float64Tensor(weights, intercepts.length, featureCount),
    }
  }

  protected learn(
    X: Matrix,
    labels: Int32Array,
    classes: Float64Array,
    fitOptions: FitOptions,
  ): LogisticModel {
    const { C, tol, maxIter, classWeight } = this.#options
    const classCount = classes.length
    const weights = rowWeights(classWeight, labels, classCount, fitOptions, this.algorithm)
    const loan = new HeapLoan()
    try {
      const loss = new LogisticLoss({ X, labels, classCount, weights, C }, loan.heapFor)
      const onCheckpoint = (iterations: number) => {
        checkpoint(fitOptions, { fraction: Math.min(iterations / maxIter, 1), iterations })
      }
      const steps = stepsFor(loss)
      const start = firstLook(loss, steps, X.rows, onCheckpoint)
      const solution = minimize(loss, {
        tolerance: tol,
        maxIterations: maxIter,
        steps,
        onCheckpoint,
        ...(start && { start }),
      })
      return { classes, featureCount: X.cols, ...loss.inOriginalUnits(solution) }
    } finally {
      loan.release()
    }
  }

  protected classIndex({ weights, intercepts }: LogisticModel, row: Float64Array): number {
    if (intercepts.length === 1) return scoreOf(0, weights, intercepts, row) > 0 ? 1 : 0
    let winner = 0
    let greatest = -Infinity
    for (let c = 0; c < intercepts.length; c++) {
      const score = scoreOf(c, weights, intercepts, row)
      if (score > greatest) {
        greatest = score
        winner = c
      }
    }
    return winner
  }

  protected decisionColumns({ intercepts }: LogisticModel): number {
    return intercepts.length
  }

  protected decide(
    { weights, intercepts }: LogisticModel,
    row: Float64Array,
    out: Float64Array,
  ): void {
    for (let c = 0; c < intercepts.length; c++) out[c] = scoreOf(c, weights, intercepts, row)
  }

  protected weigh(model: LogisticModel, row: Float64Array, out: Float64Array): void {
    if (model.intercepts.length === 1) {
      const score = scoreOf(0, model.weights, model.intercepts, row)
      out[0] = 1 / (1 + Math.exp(score))
      out[1] = 1 / (1 + Math.exp(-score))
      return
    }
    this.decide(model, row, out)
    let greatest = -Infinity
    for (let c = 0; c < out.length; c++) greatest = Math.max(greatest, out[c]!)
    let sum = 0
    for (let c = 0; c < out.length; c++) {
      const weight = Math.exp(out[c]! - greatest)
      out[c] = weight
      sum += weight
    }
    for (let c = 0; c < out.length; c++) out[c] = out[c]! / sum
  }
}

/**
 * The optimum for a share of the rows: close to that for all, in a fraction of the time. None where
 * the rows are too few, or where these leave it open.
 */
function firstLook(
  loss: LogisticLoss,
  steps: NewtonSteps,
  rows: number,
  onCheckpoint: (iterations: number) => void,
): Float64Array | undefined {
  const share = 4 * Math.ceil(rows / (4 * firstShare))
  if (share < fewestRowsAParameter * loss.size) return undefined
  loss.useRows(share)
  try {
    // No step of it counts: progress begins with all rows.
    return minimize(loss, {
      tolerance: firstTolerance,
      maxIterations: firstSteps,
      steps,
      onCheckpoint: () => onCheckpoint(0),
    })
  } catch (error) {
    if (isModelError(error, 'NotConverged')) return undefined
    throw error
  } finally {
    loss.useRows(rows)
  }
}

function outputsFor(classes: Float64Array): number {
  return classes.length === 2 ? 1 : classes.length
}

function scoreOf(
  output: number,
  weights: Float64Array,
  intercepts: Float64Array,
  row: Float64Array,
): number {
  let sum = intercepts[output]!
  for (let c = 0, at = output * row.length; c < row.length; c++, at++) sum += weights[at]! * row[c]!
  return sum
}
