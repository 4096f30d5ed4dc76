import { describe, expect, it } from 'vitest'
import { ExactSteps } from '../../../../ml/models/linear/exact-steps.ts'
import { minimize, stepsFor } from '../../../../ml/models/linear/newton.ts'
import type { ConvexFunction, NewtonSteps } from '../../../../ml/models/linear/newton-steps.ts'
import { TruncatedSteps } from '../../../../ml/models/linear/truncated-steps.ts'

/** What `minimize` asked for. */
interface Counts {
  hessians: number
  products: number
}

/**
 * Σ curvature_j (log cosh(x_j - at_j) + (x_j - at_j)² / 20) + coupling (Σ (x_j - at_j))² / 2, whose
 * minimum is at `at`; in blocks of two parameters.
 */
class Valley implements ConvexFunction {
  readonly size: number
  readonly blockSize = 2
  readonly counts: Counts = { hessians: 0, products: 0 }
  readonly #at: readonly number[]
  readonly #curvatures: readonly number[]
  readonly #coupling: number
  #offsets: number[]

  constructor(at: readonly number[], curvatures: readonly number[], coupling = 1) {
    this.size = at.length
    this.#at = at
    this.#curvatures = curvatures
    this.#coupling = coupling
    this.#offsets = at.map(() => 0)
  }

  value(x: Float64Array): number {
    this.#offsets = this.#at.map((at, j) => x[j]! - at)
    const own = this.#offsets.map((offset, j) => {
      const size = Math.abs(offset)
      const logCosh = size + Math.log1p(Math.exp(-2 * size)) - Math.LN2
      return this.#curvatures[j]! * (logCosh + size ** 2 / 20)
    })
    return sum(own) + (this.#coupling * sum(this.#offsets) ** 2) / 2
  }

  gradient(out: Float64Array): void {
    const common = this.#coupling * sum(this.#offsets)
    this.#offsets.forEach((offset, j) => {
      out[j] = this.#curvatures[j]! * (Math.tanh(offset) + offset / 10) + common
    })
  }

  hessianTimes(direction: Float64Array, out: Float64Array): void {
    this.counts.products++
    const common = this.#coupling * sum([...direction])
    for (let j = 0; j < this.size; j++) out[j] = this.#curvature(j) * direction[j]! + common
  }

  hessian(out: Float64Array): void {
    this.counts.hessians++
    out.fill(this.#coupling)
    for (let j = 0; j < this.size; j++) out[j * this.size + j]! += this.#curvature(j)
  }

  hessianBlock(block: number, out: Float64Array): void {
    out.fill(this.#coupling)
    for (const j of [0, 1]) out[3 * j]! += this.#curvature(2 * block + j)
  }

  #curvature(j: number): number {
    return this.#curvatures[j]! * (1 - Math.tanh(this.#offsets[j]!) ** 2 + 0.1)
  }
}

const at = [1, -2, 3, 0.5, -0.25, 8]
const curvatures = [1, 1e3, 5, 1e-2, 1, 40]
const near = Float64Array.from(at, (value, j) => value + 0.05 * (j % 2 === 0 ? 1 : -1))

function search(f: ConvexFunction, steps: NewtonSteps, start?: Float64Array): Float64Array {
  return minimize(f, {
    tolerance: 1e-10,
    maxIterations: 100,
    steps,
    onCheckpoint: () => undefined,
    ...(start && { start }),
  })
}

describe('minimize', () => {
  it.each([
    ['the Hessian', (f: Valley) => new ExactSteps(f)],
    ['products with it', (f: Valley) => new TruncatedSteps(f, false)],
    ['products with it, by its blocks', (f: Valley) => new TruncatedSteps(f, true)],
  ])('finds the minimum by steps of %s', (_, stepsOf) => {
    const f = new Valley(at, curvatures)
    search(f, stepsOf(f)).forEach((value, j) => expect(value).toBeCloseTo(at[j]!, 7))
  })

  it('needs fewer products where blocks have most of the curvature', () => {
    const [plain, blocks] = [new Valley(at, curvatures, 1e-6), new Valley(at, curvatures, 1e-6)]
    search(plain, new TruncatedSteps(plain, false))
    search(blocks, new TruncatedSteps(blocks, true))
    expect(blocks.counts.products).toBeLessThan(plain.counts.products)
  })

  it('takes the Hessian again while steps by it are good', () => {
    const f = new Valley(at, curvatures)
    search(f, new ExactSteps(f), near)
    expect(f.counts).toEqual({ hessians: 1, products: 0 })
  })

  it('goes on with the Hessian of a similar function', () => {
    const f = new Valley(at, curvatures)
    const steps = new ExactSteps(f)
    search(f, steps, near)
    search(f, steps, near)
    expect(f.counts.hessians).toBe(1)
  })

  it('finds the minimum in spite of the Hessian of a function that is not similar', () => {
    const f = new Valley(at, curvatures)
    let isOther = true
    const other = new Valley(at, [1e-6, 1e6, 1e-6, 1e6, 1e-6, 1e6])
    const steps = new ExactSteps({
      size: f.size,
      blockSize: 2,
      value: (x) => f.value(x),
      gradient: (out) => f.gradient(out),
      hessianTimes: (direction, out) => f.hessianTimes(direction, out),
      hessian: (out) => (isOther ? other : f).hessian(out),
      hessianBlock: (block, out) => f.hessianBlock(block, out),
    })
    const gradient = new Float64Array(f.size).fill(1)
    steps.find({ gradient, left: undefined, tolerance: 1e-10 })
    steps.learn(new Float64Array(f.size), new Float64Array(f.size))
    isOther = false
    search(f, steps).forEach((value, j) => expect(value).toBeCloseTo(at[j]!, 7))
  })

  it('says when its steps run out', () => {
    const f = new Valley(at, curvatures)
    const options = { tolerance: 1e-10, maxIterations: 1, steps: stepsFor(f) }
    expect(() => minimize(f, { ...options, onCheckpoint: () => undefined })).toThrow(
      expect.objectContaining({ name: 'NotConverged' }),
    )
  })
})

describe('ExactSteps', () => {
  it('can only improve on a step that was not by the Hessian at the point', () => {
    const f = new Valley(at, curvatures)
    const steps = new ExactSteps(f)
    const slope = { gradient: new Float64Array(f.size).fill(1), left: undefined, tolerance: 1e-10 }
    f.value(new Float64Array(f.size))
    steps.find(slope)
    expect(steps.canImprove()).toBe(false)
    steps.learn(new Float64Array(f.size).fill(0.1), new Float64Array(f.size).fill(0.1))
    steps.find({ ...slope, left: 0 })
    expect(steps.canImprove()).toBe(true)
    steps.find({ ...slope, left: 0 })
    expect(f.counts.hessians).toBe(2)
    expect(steps.canImprove()).toBe(false)
    steps.find(slope)
    expect(f.counts.hessians).toBe(2)
    expect(steps.canImprove()).toBe(true)
  })

  it('has the change of gradient that the last step had, for the same step', () => {
    const f = new Valley(at, curvatures)
    const steps = new ExactSteps(f)
    f.value(new Float64Array(f.size))
    steps.find({ gradient: new Float64Array(f.size).fill(1), left: undefined, tolerance: 1e-10 })
    const moved = Float64Array.of(1, 2, -1, 0.5, 0, 3)
    const change = Float64Array.of(2, 1, 0.5, 1, 4, 1)
    steps.learn(moved, change)
    const gradient = change.map((value) => -value)
    const step = steps.find({ gradient, left: 0, tolerance: 1e-10 })
    expect(f.counts.hessians).toBe(1)
    step.forEach((value, j) => expect(value).toBeCloseTo(moved[j]!, 10))
  })
})

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
