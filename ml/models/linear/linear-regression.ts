import type { Matrix } from '../../data/matrix.ts'
import type { FitOptions } from '../classifier.ts'
import { nonnegativeLeastSquares } from '../linear-algebra/nonnegative.ts'
import { minimumNorm } from '../linear-algebra/solve.ts'
import { resolveOptions, type OptionTable, type Parameters } from '../options.ts'
import type { LoadedTensors } from '../tensors.ts'
import { LinearRegressor, readLinearModel, type LinearModel } from './linear-model.ts'
import { reduce, weightsOf, type ReducedProblem } from './reduced-problem.ts'

export interface LinearRegressionOptions {
  fitIntercept?: boolean
  positive?: boolean
}

export const linearRegressionOptions = {
  fitIntercept: {
    default: true,
    boolean: true,
    meaning: 'whether the answer is free to be anything where all features are 0',
  },
  positive: {
    default: false,
    boolean: true,
    meaning: 'whether no weight may be negative',
  },
} as const satisfies OptionTable

/**
 * Ordinary least squares: the weights and the intercept of least squared error, to the last digits,
 * by Householder QR. Of columns that depend on each other, to within the rounding of n or d values,
 * it takes the weights of least norm, as scikit-learn does; with `positive`, one solution of several,
 * by the active set of Lawson and Hanson. A fit holds no copy of X.
 *
 *     const model = new LinearRegression({ positive: true }).fit(X, y)
 *     model.coefficients
 *
 * The constructor throws OptionInvalid; `fit` NotConverged with `positive`, for columns so nearly
 * dependent that rounding leads it in circles.
 */
export class LinearRegression extends LinearRegressor {
  readonly algorithm = 'linear-regression'
  readonly #options: Required<LinearRegressionOptions>

  constructor(options: LinearRegressionOptions = {}) {
    super()
    this.#options = resolveOptions('LinearRegression', linearRegressionOptions, options)
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): LinearRegression {
    return new LinearRegression(parameters).restore(readLinearModel(tensors))
  }

  get parameters(): Parameters {
    return { ...this.#options }
  }

  protected learn(X: Matrix, y: Float64Array, options: FitOptions): LinearModel {
    const { fitIntercept, positive } = this.#options
    const problem = reduce(X, y, fitIntercept, options)
    const z = positive
      ? nonnegativeLeastSquares(problem.R, problem.c).solution
      : ordinary(problem, X)
    return { featureCount: X.cols, ...weightsOf(problem, z) }
  }
}

/** Of several solutions that of least norm in the units of X, not of the reduced problem. */
function ordinary({ R, c, scales }: ReducedProblem, { rows, cols }: Matrix): Float64Array {
  const tolerance = Math.max(rows, cols) * Number.EPSILON
  const { solution, rank } = minimumNorm(R, c, tolerance)
  if (rank === cols) return solution
  const unscaled = R.map((value, at) => value / (scales[at % cols]! || 1))
  const greatest = unscaled.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1
  const inUnitsOfX = minimumNorm(
    unscaled.map((value) => value / greatest),
    c,
    tolerance,
  ).solution
  return inUnitsOfX.map((value, j) => value / greatest / (scales[j]! || 1))
}
