import { ModelError } from '../errors.ts'
import type { Heap } from '../wasm/heap.ts'
import { interiorPoint } from './interior-point.ts'
import type { Kernel, PairProblem, PairSolution } from './pair-problem.ts'
import { scaleProblem, type ScaledProblem } from './scaled-problem.ts'
import { solveSmo, type SmoOptions, type SmoSolution } from './smo.ts'

export interface PairOptions {
  readonly tol: number
  readonly maxIter: number
  readonly shrinking: boolean
  readonly cacheSize: number
  readonly heapFor: (bytes: number) => Heap
  readonly onCheckpoint: (iterations: number) => void
}

/** Beyond these columns the interior point's d² and d³ cost more than they save. */
const mostColumnsOfInteriorPoint = 512
/** Steps by pairs that cost about as much as the interior point's, from so many on. */
const fewestFirstSteps = 300
/** Rows that these steps may go by besides: they cost less than a start of the interior point. */
const fewestRowVisits = 600_000

/**
 * The machine that tells two classes apart. Throws NotConverged after `maxIter` steps.
 *
 * Of the linear kernel, steps by pairs find easy machines soonest; where they have cost as much as
 * the interior point method would, that one takes over, and steps by pairs from where it ends meet
 * the bounds and the tolerance exactly.
 */
export function solvePair(
  problem: PairProblem,
  kernel: Kernel,
  options: PairOptions,
): PairSolution & { iterations: number } {
  const { tol, maxIter, shrinking, cacheSize, heapFor, onCheckpoint } = options
  const scaled = scaleProblem(problem, kernel, heapFor)
  const smo: SmoOptions = {
    tolerance: tol,
    maxIterations: maxIter,
    shrinking,
    cacheSize,
    heapFor,
    onCheckpoint,
  }
  if (kernel.kind === 'rbf') {
    const { coefficients, intercept, iterations, gap } = solveSmo(scaled, smo)
    if (!(gap < tol)) throw notConverged(iterations, gap, tol)
    return { coefficients, intercept, iterations }
  }
  const solution = solveLinear(scaled, smo)
  const { coefficients, combined, iterations, gap } = solution
  if (!(gap < tol)) throw notConverged(iterations, gap, tol)
  const weights = combined!.map((weight) => weight / scaled.length)
  let intercept = solution.intercept
  weights.forEach((weight, c) => (intercept -= weight * scaled.centre[c]!))
  return { coefficients, weights, intercept, iterations }
}

function solveLinear(problem: ScaledProblem, options: SmoOptions): SmoSolution {
  const { cols } = problem.X
  if (cols > mostColumnsOfInteriorPoint) return solveSmo(problem, options)
  const comparable = Math.ceil((25 * cols * cols) / (4 * cols + 20))
  const visits = Math.ceil(fewestRowVisits / problem.rows.length)
  const firstSteps = Math.max(fewestFirstSteps, comparable, visits)
  const maxIterations = Math.min(firstSteps, options.maxIterations)
  const first = solveSmo(problem, { ...options, maxIterations })
  if (first.gap < options.tolerance || first.iterations === options.maxIterations) return first
  let before = first.iterations
  const onCheckpoint = (steps: number) => options.onCheckpoint(before + steps)
  const start = interiorPoint(problem, { heapFor: options.heapFor, onCheckpoint })
  const rest = solveSmo(problem, {
    ...options,
    start,
    maxIterations: options.maxIterations - before,
    onCheckpoint,
  })
  before += rest.iterations
  return { ...rest, iterations: before }
}

function notConverged(iterations: number, gap: number, tolerance: number): ModelError {
  return new ModelError(
    'NotConverged',
    `the support vector machine did not converge in ${iterations} iterations ` +
      `(violation ${gap.toPrecision(3)}, tolerance ${tolerance}): scale the columns, ` +
      'lower C or raise maxIter',
  )
}
