import type { Matrix } from '../../data/matrix.ts'
import type { FitOptions } from '../classifier.ts'
import { refinedSolution } from '../linear-algebra/normal-equations.ts'
import { RowQR } from '../linear-algebra/row-qr.ts'
import { minimumNorm } from '../linear-algebra/solve.ts'
import { resolveOptions, type OptionTable, type Parameters } from '../options.ts'
import type { LoadedTensors } from '../tensors.ts'
import type { Pace } from '../pace.ts'
import { leastSquares, paceOf } from './least-squares.ts'
import { LinearRegressor, readLinearModel, type LinearModel } from './linear-model.ts'
import { reduce, scaleProblem, weightsOf } from './reduced-problem.ts'
import type { ReducedProblem, ScaledProblem } from './reduced-problem.ts'

/** Of a penalty's root, so that squares stay finite: what it leaves of a weight is nothing either way. */
const mostPenalty = 1e150

export interface RidgeOptions {
  alpha?: number
  fitIntercept?: boolean
}

export const ridgeOptions = {
  alpha: {
    default: 1,
    number: { from: 0, to: 1e12 },
    meaning: 'weight of the squared weights against the squared error',
  },
  fitIntercept: {
    default: true,
    boolean: true,
    meaning: 'whether the answer is free to be anything where all features are 0',
  },
} as const satisfies OptionTable

/**
 * Least squares with an L2 penalty and a free intercept: the weights of least
 * ‖Xw - y‖² + alpha ‖w‖², by the normal equations and corrections of what they lose, or where that is
 * too much by Householder QR of X with √alpha times the unit matrix below it (Golub and Van Loan,
 * "Matrix Computations", 6.1). A fit holds no copy of X, but of one with more columns than rows. The
 * penalty is in the units of X: scale the features first.
 *
 *     new RegressionPipeline(new Ridge({ alpha: 10 }), { scale: true }).fit(X, y)
 *
 * The constructor throws OptionInvalid; `fit` ValueTooLarge where a weight would be.
 */
export class Ridge extends LinearRegressor {
  readonly algorithm = 'ridge'
  readonly #options: Required<RidgeOptions>

  constructor(options: RidgeOptions = {}) {
    super()
    this.#options = resolveOptions('Ridge', ridgeOptions, options)
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): Ridge {
    return new Ridge(parameters).restore(readLinearModel(tensors))
  }

  get parameters(): Parameters {
    return { ...this.#options }
  }

  protected learn(X: Matrix, y: Float64Array, options: FitOptions): LinearModel {
    const { alpha, fitIntercept } = this.#options
    const problem = scaleProblem(X, y, fitIntercept)
    const pace = paceOf(problem, options)
    const z = alpha === 0 ? leastSquares(problem, pace) : penalizedSolution(problem, alpha, pace)
    return { featureCount: X.cols, ...weightsOf(problem, z) }
  }
}

/** The z of least ‖Az - c‖² + alpha ‖weights‖². */
function penalizedSolution(problem: ScaledProblem, alpha: number, pace: Pace): Float64Array {
  const { rows, cols, scales } = problem
  // A constant column is all 0 and has no weight, whatever its penalty.
  const roots = scales.map((scale) =>
    scale === 0 ? 1 : Math.min(Math.sqrt(alpha) * scale, mostPenalty),
  )
  const refined = refinedSolution(
    problem,
    roots.map((root) => root * root),
    pace,
  )
  if (refined) return refined
  const { A, c } = penalized(reduce(problem, pace), roots, pace)
  return minimumNorm(A, c, scales, Math.max(rows, cols) * Number.EPSILON, pace).solution
}

/** The problem with one more row a column: the root of the penalty times its unknown is to be 0. */
function penalized({ A, c }: ReducedProblem, roots: Float64Array, pace: Pace): ReducedProblem {
  const d = roots.length
  const qr = new RowQR(d + 1, pace)
  for (let i = 0; i < c.length; i++) {
    const row = qr.nextRow()
    row.set(A.subarray(i * d, (i + 1) * d))
    row[d] = c[i]!
  }
  for (let j = 0; j < d; j++) qr.nextRow().fill(0)[j] = roots[j]!
  const factor = qr.finish()
  return {
    A: Float64Array.from({ length: d * d }, (_, at) => factor[at + Math.floor(at / d)]!),
    c: Float64Array.from({ length: d }, (_, i) => factor[i * (d + 1) + d]!),
  }
}
