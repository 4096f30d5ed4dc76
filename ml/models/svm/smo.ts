import type { Heap } from '../wasm/heap.ts'
import { ActiveRows, mayFallOnly, mayMove, mayRiseOnly, type Extremes } from './active-rows.ts'
import { type ScaledProblem } from './pair-problem.ts'

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
  /** Σ coefficients_t x_t of the rows as they count. */
  readonly combined: Float64Array
  /** The decision at x is Σ coefficients_t k(x_t, x) + intercept, positive for the class +1. */
  readonly intercept: number
  /** The value reached of the dual to minimise, ½ Σ Σ β_s β_t k(x_s, x_t) - Σ |β_t|. */
  readonly objective: number
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

/** The curvature taken where the kernel has none along a step (libsvm's TAU). */
const leastCurvature = 1e-12

/**
 * The dual of C-SVC by sequential minimal optimisation with second-order selection of the working
 * set: Fan, Chen and Lin, "Working Set Selection Using Second Order Information for Training SVM",
 * JMLR 6 (2005), as libsvm has it, with its order of ties.
 *
 * It is written in signed coefficients β_t = y_t α_t, which lie in [0, C_t] for the class +1 and in
 * [-C_t, 0] for the class -1, and always sum to 0: a step moves one up and another down by the same
 * amount. With f(x) = Σ β_s k(x_s, x), the pull u_t = y_t - f(x_t) says how much the objective gains
 * when β_t rises. At the optimum no β that may rise has a greater pull than one that may fall.
 */
export function solveSmo(problem: ScaledProblem, options: SmoOptions): SmoSolution {
  const size = problem.rows.length
  const coefficients = options.start?.slice() ?? new Float64Array(size)
  const active = new ActiveRows(problem, coefficients, options.cacheSize, options.heapFor)
  for (let t = 0; t < size; t++) active.setStatus(t, statusOf(problem, t, coefficients[t]!))
  const ends: Extremes = { rising: -1, highest: 0, lowest: 0 }
  active.findExtremes(ends)

  let iterations = 0
  let nextLook = size
  while (iterations < options.maxIterations) {
    if (ends.highest - ends.lowest < options.tolerance) {
      if (active.isWhole) break
      restoreAll(problem, active, coefficients, () => options.onCheckpoint(iterations))
      active.findExtremes(ends)
      if (ends.highest - ends.lowest < options.tolerance) break
      nextLook = iterations
    }
    if (options.shrinking && iterations >= nextLook) {
      nextLook = iterations + Math.min(size, shrinkInterval)
      if (active.shrink(ends)) active.findExtremes(ends)
    }
    if (iterations % checkInterval === 0) options.onCheckpoint(iterations)
    iterations++

    const { rising } = ends
    const falling = active.partnerOf(rising)
    const curvature = Math.max(active.curvature(rising, falling), leastCurvature)
    const wanted = (active.pullAt(rising) - active.pullAt(falling)) / curvature
    const step = moveBoth(problem, active, coefficients, rising, falling, wanted)
    active.move(rising, falling, step, ends)
  }
  if (!active.isWhole) {
    restoreAll(problem, active, coefficients, () => options.onCheckpoint(iterations))
    active.findExtremes(ends)
  }
  return {
    coefficients,
    combined: active.combine(coefficients),
    intercept: interceptOf(active),
    objective: objectiveOf(active, coefficients),
    iterations,
    gap: ends.highest - ends.lowest,
  }
}

/** Moves two coefficients by `wanted` or as far as their bounds let them; answers how far. */
function moveBoth(
  problem: ScaledProblem,
  active: ActiveRows,
  coefficients: Float64Array,
  rising: number,
  falling: number,
  wanted: number,
): number {
  const up = active.rowAt(rising)
  const down = active.rowAt(falling)
  const ceiling = up < problem.positives ? problem.costs[up]! : 0
  const floor = down < problem.positives ? 0 : -problem.costs[down]!
  const toCeiling = ceiling - coefficients[up]!
  const toFloor = coefficients[down]! - floor
  const step = Math.min(wanted, toCeiling, toFloor)
  // A bound is met exactly or not at all: rounding must leave no coefficient a hair beside it.
  const raised = coefficients[up]! + step
  const lowered = coefficients[down]! - step
  coefficients[up] = raised >= ceiling || step === toCeiling ? ceiling : raised
  coefficients[down] = lowered <= floor || step === toFloor ? floor : lowered
  active.setStatus(rising, statusOf(problem, up, coefficients[up]))
  active.setStatus(falling, statusOf(problem, down, coefficients[down]))
  return step
}

function statusOf(problem: ScaledProblem, t: number, coefficient: number): number {
  const cost = problem.costs[t]!
  if (coefficient <= (t < problem.positives ? 0 : -cost)) return mayRiseOnly
  return coefficient >= (t < problem.positives ? cost : 0) ? mayFallOnly : mayMove
}

function restoreAll(
  problem: ScaledProblem,
  active: ActiveRows,
  coefficients: Float64Array,
  onCheckpoint: () => void,
): void {
  active.restore(coefficients, onCheckpoint)
  for (let t = 0; t < active.count; t++) {
    const row = active.rowAt(t)
    active.setStatus(t, statusOf(problem, row, coefficients[row]!))
  }
}

/** The mean pull of the free coefficients; without any, the middle of what the bounds allow. */
function interceptOf(active: ActiveRows): number {
  let free = 0
  let sum = 0
  let highest = -Infinity
  let lowest = Infinity
  for (let t = 0; t < active.count; t++) {
    const status = active.statusAt(t)
    const pull = active.pullAt(t)
    if (status === mayMove) {
      free++
      sum += pull
    } else if (status === mayRiseOnly) highest = Math.max(highest, pull)
    else lowest = Math.min(lowest, pull)
  }
  return free > 0 ? sum / free : (highest + lowest) / 2
}

function objectiveOf(active: ActiveRows, coefficients: Float64Array): number {
  let sum = 0
  for (let t = 0; t < active.count; t++) {
    const coefficient = coefficients[active.rowAt(t)]!
    sum -= coefficient * active.pullAt(t) + Math.abs(coefficient)
  }
  return sum / 2
}
