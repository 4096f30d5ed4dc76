import type { Heap } from '../wasm/heap.ts'
import { ActiveRows } from './active-rows.ts'
import type { ScaledProblem } from './scaled-problem.ts'

export interface SmoOptions {
  /** The largest violation of the optimality conditions that may be left. */
  readonly tolerance: number
  readonly maxIterations: number
  /** Whether rows at rest are put aside on the way. */
  readonly shrinking: boolean
  /** Megabytes for kernel rows. */
  readonly cacheSize: number
  readonly heapFor: (bytes: number) => Heap
  /** Called every `checkInterval` iterations; ends the search by throwing. */
  readonly onCheckpoint: (iterations: number) => void
  /** Where to start, within the bounds and of sum 0; by default all are 0. */
  readonly start?: Float64Array
}

export interface SmoSolution {
  /** Signed dual coefficients, y_t α_t; exactly 0 for all but support vectors. */
  readonly coefficients: Float64Array
  /** Of the linear kernel, Σ coefficients_t x_t of the rows as they count. */
  readonly combined: Float64Array | undefined
  /** The decision at x is Σ coefficients_t k(x_t, x) + intercept, positive for the class +1. */
  readonly intercept: number
  readonly iterations: number
  /** The violation left: above the tolerance where the iterations ran out. */
  readonly gap: number
}

const checkInterval = 128
/**
 * Steps between two looks for rows at rest, or as many as there are rows. The first look is after as
 * many steps as there are rows: by then these have cost about what taking the rows up again will.
 */
const shrinkInterval = 1000

/**
 * The dual of C-SVC by sequential minimal optimisation with second-order selection of the working
 * set: Fan, Chen and Lin, "Working Set Selection Using Second Order Information for Training SVM",
 * JMLR 6 (2005), as libsvm has it, with its order of ties.
 *
 * It is written in signed coefficients β_t = y_t α_t, which lie in [0, C_t] for the class +1 and in
 * [-C_t, 0] for the class -1, and always sum to 0: a step moves one up and another down by the same
 * amount. With f(x) = Σ β_s k(x_s, x), the pull u_t = y_t - f(x_t) says how much the objective gains
 * when β_t rises. At the optimum no β that may rise has a greater pull than one that may fall.
 *
 * The steps themselves are in the arithmetic (`takeSteps` of `plain-solver.ts`).
 */
export function solveSmo(problem: ScaledProblem, options: SmoOptions): SmoSolution {
  const { tolerance, maxIterations, shrinking } = options
  const size = problem.rows.length
  const active = new ActiveRows(problem, options.start, options, options.heapFor)
  let iterations = 0
  let nextLook = shrinking ? size : Infinity
  while (iterations < maxIterations) {
    if (active.gap < tolerance) {
      if (active.isWhole) break
      active.restore(() => options.onCheckpoint(iterations))
      if (active.gap < tolerance) break
      nextLook = shrinking ? iterations : Infinity
    }
    if (iterations >= nextLook) {
      nextLook = iterations + Math.min(size, shrinkInterval)
      active.shrink()
    }
    if (iterations % checkInterval === 0) options.onCheckpoint(iterations)
    const nextCheck = iterations + checkInterval - (iterations % checkInterval)
    iterations += active.advance(Math.min(nextCheck, nextLook, maxIterations) - iterations)
  }
  if (!active.isWhole) active.restore(() => options.onCheckpoint(iterations))
  return {
    coefficients: active.coefficients.slice(),
    combined: problem.kernel.kind === 'linear' ? active.combine() : undefined,
    intercept: active.intercept(),
    iterations,
    gap: active.gap,
  }
}
