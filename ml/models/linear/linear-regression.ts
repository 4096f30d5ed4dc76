import type { Matrix } from '../../data/matrix.ts'
import type { FitOptions } from '../classifier.ts'
import { nonnegativeLeastSquares } from '../linear-algebra/nonnegative.ts'
import { resolveOptions, type OptionTable, type Parameters } from '../options.ts'
import type { LoadedTensors } from '../tensors.ts'
import { leastSquares, paceOf } from './least-squares.ts'
import { LinearRegressor, readLinearModel, type LinearModel } from './linear-model.ts'
import { reduce, scaleProblem, weightsOf, type ReducedProblem } from './reduced-problem.ts'

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
 * by the normal equations and corrections of what they lose, or where that is too much by Householder
 * QR. Of columns that depend on each other, to within the rounding of n or d values, it takes the
 * weights of least norm, as scikit-learn does; with `positive`, one solution of several, by the active
 * set of Lawson and Hanson. A fit holds no copy of X, but of one with more columns than rows.
 *
 *     const model = new LinearRegression({ positive: true }).fit(X, y)
 *     model.coefficients
 *
 * The constructor throws OptionInvalid; `fit` ValueTooLarge where a weight would be, NotConverged with `positive`, for columns so nearly
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
    const problem = scaleProblem(X, y, fitIntercept)
    const pace = paceOf(problem, options)
    const z = positive
      ? nonnegativeLeastSquares(...square(reduce(problem, pace), X.cols), pace).solution
      : leastSquares(problem, pace)
    return { featureCount: X.cols, ...weightsOf(problem, z) }
  }
}

/** With rows of zeros to as many as columns. */
function square({ A, c }: ReducedProblem, cols: number): [Float64Array, Float64Array] {
  const [rows, targets] = [new Float64Array(cols * cols), new Float64Array(cols)]
  rows.set(A)
  targets.set(c)
  return [rows, targets]
}
