import type { Pace } from '../pace.ts'
import { choleskyFactor, solveCholesky } from './cholesky.ts'
import { paddedLength, VectorBlock } from './vector-block.ts'

/** Rows whose products are summed at once, while the processor's cache has them. */
const blockRows = 64

/** Of no more columns a decomposition of the rows costs less than corrections, each of which reads all. */
const narrow = 16

/** Vectors whose products are taken without a look at the signal: an even number. */
const vectorsAtOnce = 32

/** A pivot of no more than this share of its diagonal, an equation, may be nothing but rounding. */
const leastPivot = 16 * Number.EPSILON

const mostSteps = 8
/** A first correction beyond this share tells that too many digits are gone to be made good. */
const mostCorrection = 1e-4
/** A correction of this share, or one that is hardly less than the one before, is rounding. */
const leastCorrection = 2 ** -51
const hardlyLess = 0.2

/** A matrix whose rows are made when they are asked for. */
export interface Rows {
  readonly rows: number
  readonly cols: number
  writeRow(i: number, out: Float64Array): void
}

/** A least-squares problem of such rows. */
export interface RowProblem extends Rows {
  /** Element i of c. */
  targetAt(i: number): number
}

/**
 * The x of least ‖Ax - c‖² + Σ penalties · x², or nothing where a decomposition finds it with more care,
 * or sooner. By the normal equations, whose squares cost digits, which are then made good by steps with
 * the errors of the rows themselves (Björck, "Numerical Methods for Least Squares Problems", 1996, 2.9):
 * where these shrink fast it ends as close to the solution as a QR decomposition gets. With fewer rows
 * than columns and penalties everywhere the equations are those of the rows. Throws FitAborted.
 */
export function refinedSolution(
  problem: RowProblem,
  penalties: Float64Array,
  pace: Pace,
): Float64Array | undefined {
  if (problem.rows >= problem.cols) {
    return problem.cols > narrow ? byColumns(problem, penalties, pace) : undefined
  }
  return penalties.every((penalty) => penalty > 0) ? byRows(problem, penalties, pace) : undefined
}

/** (AᵀA + D)x = Aᵀc. */
function byColumns(
  problem: RowProblem,
  penalties: Float64Array,
  pace: Pace,
): Float64Array | undefined {
  const { rows, cols: d } = problem
  const G = gramOfColumns(problem, pace)
  const elementAt = (i: number, j: number) => G[i * d + j]! + (i === j ? penalties[i]! : 0)
  const factor = choleskyFactor(d, elementAt, d * leastPivot, pace)
  if (!factor) return undefined
  const sizes = Float64Array.from({ length: d }, (_, j) => Math.sqrt(elementAt(j, j)))
  const row = new Float64Array(d)
  const found = refine(sizes, factor, pace, 3 * rows * d, (x, out) => {
    for (let j = 0; j < d; j++) out[j] = -penalties[j]! * x[j]!
    for (let i = 0; i < rows; i++) {
      problem.writeRow(i, row)
      let error = problem.targetAt(i)
      for (let j = 0; j < d; j++) error -= row[j]! * x[j]!
      for (let j = 0; j < d; j++) out[j]! += error * row[j]!
    }
  })
  factor.release()
  return found
}

/** (AD⁻¹Aᵀ + 1)u = c, and x = D⁻¹Aᵀu. */
function byRows(
  problem: RowProblem,
  penalties: Float64Array,
  pace: Pace,
): Float64Array | undefined {
  const { rows: n, cols: d } = problem
  const roots = penalties.map(Math.sqrt)
  const block = new VectorBlock(n, d, n * n)
  for (let i = 0; i < n; i++) {
    const row = block.vector(i)
    problem.writeRow(i, row)
    for (let j = 0; j < d; j++) row[j] = row[j]! / roots[j]!
  }
  addGram(block, d, pace)
  const elementAt = (i: number, j: number) => block.extra[i * n + j]! + (i === j ? 1 : 0)
  const factor = choleskyFactor(n, elementAt, n * leastPivot, pace)
  const x = new Float64Array(d)
  const combine = (u: Float64Array) => {
    x.fill(0)
    for (let i = 0; i < n; i++) {
      const row = block.vector(i)
      for (let j = 0; j < d; j++) x[j]! += u[i]! * row[j]!
    }
  }
  const sizes = new Float64Array(n).fill(1)
  const found =
    factor &&
    refine(sizes, factor, pace, 2 * n * d, (u, out) => {
      combine(u)
      for (let i = 0; i < n; i++) {
        const row = block.vector(i)
        let error = problem.targetAt(i) - u[i]!
        for (let j = 0; j < d; j++) error -= row[j]! * x[j]!
        out[i] = error
      }
    })
  if (found) combine(found)
  block.release()
  factor?.release()
  return found && x.map((value, j) => value / roots[j]!)
}

/**
 * Solves by corrections until they are rounding.
 * @param sizes in which unknowns are to be seen together
 * @param errorsOf writes the errors that the equations are left with by x
 */
function refine(
  sizes: Float64Array,
  factor: VectorBlock,
  pace: Pace,
  work: number,
  errorsOf: (x: Float64Array, out: Float64Array) => void,
): Float64Array | undefined {
  const x = new Float64Array(sizes.length)
  const correction = new Float64Array(sizes.length)
  let before = Infinity
  for (let step = 0; step < mostSteps; step++) {
    errorsOf(x, correction)
    solveCholesky(factor, correction)
    pace.advance(work)
    const size = greatestOf(correction, sizes)
    if (!(size < before)) return step > 2 ? x : undefined
    for (let j = 0; j < x.length; j++) x[j]! += correction[j]!
    const whole = greatestOf(x, sizes)
    if (step === 1 && size > mostCorrection * whole) return undefined
    if (size <= leastCorrection * whole) return x
    if (step > 1 && size > hardlyLess * before) return x
    before = size
  }
  return x
}

function greatestOf(values: Float64Array, sizes: Float64Array): number {
  let greatest = 0
  for (let j = 0; j < values.length; j++) {
    const size = Math.abs(values[j]!) * sizes[j]!
    if (!(size <= greatest)) greatest = size
  }
  return greatest
}

/** AᵀA, its upper half. */
export function gramOfColumns(problem: Rows, pace: Pace): Float64Array {
  const { rows, cols: d } = problem
  const block = new VectorBlock(d, blockRows, d * d)
  const part = new Float64Array(blockRows * d)
  for (let from = 0; from < rows; from += blockRows) {
    const count = Math.min(blockRows, rows - from)
    for (let k = 0; k < count; k++) {
      problem.writeRow(from + k, part.subarray(k * d, (k + 1) * d))
    }
    part.fill(0, count * d)
    for (let j = 0; j < d; j++) {
      const column = block.vector(j)
      for (let k = 0; k < blockRows; k++) column[k] = part[k * d + j]!
    }
    addGram(block, blockRows, pace)
  }
  const G = block.extra.slice()
  block.release()
  return G
}

/** Adds the products of all vectors to the block's extra numbers. */
function addGram(block: VectorBlock, length: number, pace: Pace): void {
  const { count, stride, arithmetic, extraPlace } = block
  const padded = paddedLength(length)
  for (let from = 0; from < count; from += vectorsAtOnce) {
    const to = Math.min(from + vectorsAtOnce, count)
    arithmetic.gram(block.placeOf(0), stride, from, to, count, padded, extraPlace)
    pace.advance((to - from) * (count - from) * length)
  }
}
