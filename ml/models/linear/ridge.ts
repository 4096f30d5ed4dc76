import type { Matrix } from '../../data/matrix.ts'
import type { FitOptions } from '../classifier.ts'
import { RowQR } from '../linear-algebra/row-qr.ts'
import { minimumNorm } from '../linear-algebra/solve.ts'
import { resolveOptions, type OptionTable, type Parameters } from '../options.ts'
import type { LoadedTensors } from '../tensors.ts'
import { LinearRegressor, readLinearModel, type LinearModel } from './linear-model.ts'
import { reduce, weightsOf, type ReducedProblem } from './reduced-problem.ts'

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
 * ‖Xw - y‖² + alpha ‖w‖², by Householder QR of X with √alpha times the unit matrix below it, so that
 * nothing is squared (Golub and Van Loan, "Matrix Computations", 6.1). A fit holds no copy of X. The
 * penalty is in the units of X: scale the features first.
 *
 *     new RegressionPipeline(new Ridge({ alpha: 10 }), { scale: true }).fit(X, y)
 *
 * The constructor throws OptionInvalid.
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
    const problem = reduce(X, y, fitIntercept, options)
    const { R, c } = penalized(problem, alpha)
    const z = minimumNorm(R, c, Math.max(X.rows, X.cols) * Number.EPSILON).solution
    return { featureCount: X.cols, ...weightsOf(problem, z) }
  }
}

/** The problem with one more row a column: √alpha times its weight is to be 0. */
function penalized({ R, c, scales }: ReducedProblem, alpha: number) {
  const d = c.length
  const qr = new RowQR(d + 1)
  for (let i = 0; i < d; i++) {
    const row = qr.nextRow()
    row.set(R.subarray(i * d, (i + 1) * d))
    row[d] = c[i]!
  }
  for (let j = 0; j < d; j++) {
    const row = qr.nextRow().fill(0)
    row[j] = Math.sqrt(alpha) * scales[j]!
  }
  const factor = qr.finish()
  return {
    R: Float64Array.from({ length: d * d }, (_, at) => factor[at + Math.floor(at / d)]!),
    c: Float64Array.from({ length: d }, (_, i) => factor[i * (d + 1) + d]!),
  }
}
