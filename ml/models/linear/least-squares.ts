import type { FitOptions } from '../classifier.ts'
import { refinedSolution } from '../linear-algebra/normal-equations.ts'
import { minimumNorm } from '../linear-algebra/solve.ts'
import { Pace } from '../pace.ts'
import { reduce, type ScaledProblem } from './reduced-problem.ts'

/** The multiplications of a fit, where none of its ways is tried in vain. */
export function paceOf({ rows, cols }: ScaledProblem, options: FitOptions): Pace {
  const side = Math.min(rows, cols)
  return new Pace(options, side * cols * rows + 4 * side * side * cols)
}

/** The z of least squared error; of several that of least weights, in the units of X. */
export function leastSquares(problem: ScaledProblem, pace: Pace): Float64Array {
  const { rows, cols, scales } = problem
  const refined = rows > cols ? refinedSolution(problem, new Float64Array(cols), pace) : undefined
  if (refined) return refined
  const { A, c } = reduce(problem, pace)
  return minimumNorm(A, c, scales, Math.max(rows, cols) * Number.EPSILON, pace).solution
}
