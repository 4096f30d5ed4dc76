import { describe, expect, it } from 'vitest'
import type { Matrix } from '../../../../ml/data/matrix.ts'
import { seededRandom } from '../../../../ml/data/random.ts'
import { interiorPoint } from '../../../../ml/models/svm/interior-point.ts'
import { signOf, type Kernel } from '../../../../ml/models/svm/pair-problem.ts'
import { scaleProblem, type ScaledProblem } from '../../../../ml/models/svm/scaled-problem.ts'
import { solveSmo } from '../../../../ml/models/svm/smo.ts'
import { Heap, HeapLoan } from '../../../../ml/models/wasm/heap.ts'

const rbf: Kernel = { kind: 'rbf', gamma: 0.3 }
const linear: Kernel = { kind: 'linear' }

/** Two clouds that overlap, with costs of `C` each or, by the row, around it. */
function problem(
  size: number,
  cols: number,
  kernel: Kernel,
  C: number,
  vary = 0,
  kind: 'wasm' | 'plain' = 'wasm',
): ScaledProblem {
  const random = seededRandom(size)
  const positives = size >> 1
  const data = Float64Array.from(
    { length: size * cols },
    (_, at) => 2 * (random() + random()) + (at < positives * cols ? 0.7 : 0),
  )
  const X: Matrix = { data, rows: size, cols }
  const rows = Int32Array.from({ length: size }, (_, i) => i)
  const costs = Float64Array.from(rows, () => C * (1 + vary * random()))
  return scaleProblem({ X, rows, positives, costs }, kernel, (bytes) => new Heap(bytes, kind))
}

function solve(of: ScaledProblem, options: Partial<Parameters<typeof solveSmo>[1]> = {}) {
  let checks = 0
  const solution = solveSmo(of, {
    tolerance: 1e-3,
    maxIterations: 1e6,
    shrinking: true,
    cacheSize: 50,
    heapFor: (bytes) => new Heap(bytes),
    onCheckpoint: () => checks++,
    ...options,
  })
  return { ...solution, objective: objectiveOf(of, solution.coefficients), checks }
}

/** Of the dual to minimise, ½ Σ Σ β_s β_t k(x_s, x_t) - Σ |β_t|. */
function objectiveOf({ X, rows, centre, length, kernel }: ScaledProblem, beta: Float64Array) {
  const scaled = Array.from(rows, (row) =>
    Array.from(centre, (middle, c) => (X.data[row * X.cols + c]! - middle) / length),
  )
  const k = (x: number[], z: number[]) =>
    kernel.kind === 'linear'
      ? x.reduce((sum, value, c) => sum + value * z[c]!, 0)
      : Math.exp(-kernel.gamma * x.reduce((sum, value, c) => sum + (value - z[c]!) ** 2, 0))
  let sum = 0
  scaled.forEach((x, s) => {
    if (beta[s] === 0) return
    scaled.forEach((z, t) => (sum += beta[t] === 0 ? 0 : (beta[s]! * beta[t]! * k(x, z)) / 2))
    sum -= Math.abs(beta[s]!)
  })
  return sum
}

/** Every coefficient is within its bounds, and their sum is 0. */
function expectFeasible(of: ScaledProblem, coefficients: Float64Array): void {
  let sum = 0
  coefficients.forEach((value, t) => {
    const alpha = value * signOf(of, t)
    expect(alpha >= 0 && alpha <= of.costs[t]!).toBe(true)
    sum += value
  })
  const scale = Math.max(...of.costs) * coefficients.length
  expect(Math.abs(sum)).toBeLessThan(1e-12 * scale)
}

describe('solveSmo', () => {
  it('finds a feasible point of the violation asked for', () => {
    for (const kernel of [rbf, linear]) {
      for (const vary of [0, 3]) {
        const of = problem(200, 3, kernel, 2, vary)
        const { coefficients, gap, checks } = solve(of)
        expect(gap).toBeLessThan(1e-3)
        expectFeasible(of, coefficients)
        expect(checks).toBeGreaterThan(0)
      }
    }
  })

  it('reaches the same machine with rows put aside on the way', () => {
    // As few steps again as there are rows, after which it first looks for rows at rest.
    for (const [kernel, C] of [
      [rbf, 300],
      [linear, 30],
    ] as const) {
      const of = problem(300, 4, kernel, C)
      const options = { tolerance: 1e-6, maxIterations: 1e7 }
      const whole = solve(of, { ...options, shrinking: false })
      const shrunk = solve(of, { ...options, shrinking: true })
      expect(whole.iterations).toBeGreaterThan(1000)
      expect(shrunk.gap).toBeLessThan(1e-6)
      expectFeasible(of, shrunk.coefficients)
      // Kernel rows are single precision, and what is put aside is not summed up in them.
      expect(shrunk.objective / whole.objective).toBeCloseTo(1, 6)
      expect(shrunk.intercept).toBeCloseTo(whole.intercept, 4)
    }
  })

  it('gives the same bits in WebAssembly and in plain TypeScript, through any cache', () => {
    for (const kernel of [rbf, linear]) {
      const of = problem(150, 5, kernel, 20, 1)
      expect(problem(150, 5, kernel, 20, 1, 'plain')).toEqual(of)
      const expected = solve(of)
      // Steps enough that rows are put aside on the way.
      expect(expected.iterations).toBeGreaterThan(300)
      for (const [kind, cacheSize] of [
        ['plain', 50],
        ['wasm', 1e-9],
        ['plain', 0.02],
      ] as const) {
        const found = solve(of, { cacheSize, heapFor: (bytes) => new Heap(bytes, kind) })
        expect(found).toEqual(expected)
      }
    }
  })

  it('does not read what a heap held before', () => {
    const dirty = (bytes: number) => {
      const heap = new Heap(bytes)
      heap.doubles(0, Math.floor(heap.bytes / 8)).fill(1.5, 256)
      return heap
    }
    for (const kernel of [rbf, linear]) {
      const of = problem(123, 4, kernel, 5)
      expect(scaleProblem(of, kernel, dirty)).toEqual(
        scaleProblem(of, kernel, (bytes) => new Heap(bytes)),
      )
      expect(solve(of, { heapFor: dirty })).toEqual(solve(of))
    }
  })

  it('is the same in memory that another problem leaves, enlarged or not', () => {
    const loan = new HeapLoan()
    const problems = [40, 400, 90].map((size) => problem(size, 3, rbf, 5))
    const found = problems.map((of) => solve(of, { heapFor: loan.heapFor }))
    expect(found).toEqual(problems.map((of) => solve(of)))
    loan.release()
  })

  it('says how far it came when its steps run out', () => {
    const { iterations, gap } = solve(problem(200, 3, rbf, 10), { maxIterations: 20 })
    expect(iterations).toBe(20)
    expect(gap).toBeGreaterThan(1e-3)
  })
})

describe('interiorPoint', () => {
  it('comes to the optimum of the linear machine, whatever the costs are', () => {
    for (const C of [1e-3, 1, 100]) {
      for (const vary of [0, 2]) {
        const of = problem(200, 4, linear, C, vary)
        const heapFor = (bytes: number) => new Heap(bytes)
        let steps = 0
        const start = interiorPoint(of, { heapFor, onCheckpoint: () => steps++ })
        expect(steps).toBeLessThan(60)
        expectFeasible(of, start)
        // From there no step or hardly one is left, where from 0 it takes many.
        const { iterations, objective } = solve(of, { start, tolerance: 1e-5 })
        const fromZero = solve(of, { tolerance: 1e-5, maxIterations: 1e7 })
        expect(iterations).toBeLessThan(20)
        expect(objective / fromZero.objective).toBeCloseTo(1, 5)
      }
    }
  })

  it('keeps to the bounds where two classes do not overlap, and where rows repeat', () => {
    const apart = problem(60, 3, linear, 1e6)
    apart.X.data.forEach((value, at, all) => (all[at] = value + (at < 90 ? 50 : 0)))
    const alike = problem(60, 3, linear, 10)
    alike.X.data.forEach((_, at, all) => (all[at] = at % 3))
    for (const scaled of [apart, alike]) {
      const heapFor = (bytes: number) => new Heap(bytes)
      expectFeasible(scaled, interiorPoint(scaled, { heapFor, onCheckpoint: () => undefined }))
    }
  })
})
