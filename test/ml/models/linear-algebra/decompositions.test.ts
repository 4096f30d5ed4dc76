import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../../ml/data/random.ts'
import { RowQR } from '../../../../ml/models/linear-algebra/row-qr.ts'
import { minimumNorm } from '../../../../ml/models/linear-algebra/solve.ts'
import { singularValues } from '../../../../ml/models/linear-algebra/svd.ts'
import { Pace } from '../../../../ml/models/pace.ts'
import { errorNamed } from '../golden.ts'

const pace = new Pace({}, 1)

/** rows × cols of that rank: products of uniform numbers. */
function matrixOf(rows: number, cols: number, rank = Math.min(rows, cols)): Float64Array {
  const random = seededRandom(rows * cols + rank)
  const left = Float64Array.from({ length: rows * rank }, () => random() - 0.5)
  const right = Float64Array.from({ length: rank * cols }, () => random() - 0.5)
  return product(left, right, rows, rank, cols)
}

function product(a: Float64Array, b: Float64Array, rows: number, inner: number, cols: number) {
  const out = new Float64Array(rows * cols)
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < inner; k++) {
      for (let j = 0; j < cols; j++) out[i * cols + j]! += a[i * inner + k]! * b[k * cols + j]!
    }
  }
  return out
}

function transposed(a: Float64Array, rows: number, cols: number): Float64Array {
  return Float64Array.from({ length: a.length }, (_, at) => {
    return a[(at % rows) * cols + Math.floor(at / rows)]!
  })
}

function gramOf(a: Float64Array, rows: number, cols: number): Float64Array {
  return product(transposed(a, rows, cols), a, cols, rows, cols)
}

function expectNear(found: Float64Array, expected: Float64Array, tolerance: number): void {
  expect(found.length).toBe(expected.length)
  const size = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const worst = found.reduce((most, value, at) => {
    const error = Math.abs(value - expected[at]!)
    return error <= most ? most : error
  }, 0)
  expect(worst).toBeLessThanOrEqual(tolerance * size)
}

const shapes = [
  [1, 1, 1],
  [1, 5, 1],
  [5, 5, 5],
  [5, 5, 2],
  [70, 90, 70],
  [70, 90, 3],
  [130, 40, 40],
  [200, 100, 7],
] as const

describe('RowQR', () => {
  it.each(shapes)('keeps the products of columns: %i × %i of rank %i', (rows, cols, rank) => {
    const A = matrixOf(rows, cols, rank)
    const factors = (['wasm', 'plain'] as const).map((kind) => {
      const qr = new RowQR(cols, pace, kind)
      for (let i = 0; i < rows; i++) qr.nextRow().set(A.subarray(i * cols, (i + 1) * cols))
      return qr.finish()
    })
    expect(factors[0]).toEqual(factors[1])
    expectNear(gramOf(factors[0]!, cols, cols), gramOf(A, rows, cols), 1e-13)
    for (let i = 0; i < cols; i++) {
      for (let j = 0; j < i; j++) expect(factors[0]![i * cols + j]).toBe(0)
    }
  })
})

describe('singularValues', () => {
  const wide = shapes.filter(([rows, cols]) => rows <= cols)

  it.each(wide)('give the products of columns: %i × %i of rank %i', (rows, cols, rank) => {
    const A = matrixOf(rows, cols, rank)
    const { sigma, right } = singularValues(A, rows, cols, pace)
    const scaled = right.map((value, at) => value * sigma[Math.floor(at / cols)]!)
    expectNear(gramOf(scaled, rows, cols), gramOf(A, rows, cols), 1e-13)
    sigma.forEach((value, k) => {
      if (k > 0) expect(value).toBeLessThanOrEqual(sigma[k - 1]!)
      if (k >= rank) expect(value).toBeLessThan(1e-12)
    })
    // Also those of a σ that is 0 are of length 1 and at right angles.
    const angles = product(right, transposed(right, rows, cols), rows, cols, rows)
    const unit = angles.map((_, at) => (at % (rows + 1) === 0 ? 1 : 0))
    expectNear(angles, unit, 1e-12)
  })

  it('gives directions where there is nothing but zeros', () => {
    expect(singularValues(new Float64Array(9), 3, 3, pace)).toEqual({
      sigma: new Float64Array(3),
      right: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
    })
  })

  it('keeps the digits of small columns', () => {
    const units = [1, 1e-12, 1e-24]
    const A = matrixOf(3, 3).map((value, at) => value * units[at % 3]!)
    const { sigma } = singularValues(A, 3, 3, pace)
    // The product of all is the determinant.
    const [a, b, c, d, e, f, g, h, i] = A as unknown as number[]
    const determinant =
      a! * (e! * i! - f! * h!) - b! * (d! * i! - f! * g!) + c! * (d! * h! - e! * g!)
    expect((sigma[0]! * sigma[1]! * sigma[2]!) / Math.abs(determinant)).toBeCloseTo(1, 11)
  })

  it('refuses what is not a number', () => {
    expect(() => singularValues(new Float64Array(16).fill(NaN), 4, 4, pace)).toThrow(
      errorNamed('NotConverged', 'finite'),
    )
  })
})

describe('minimumNorm', () => {
  it.each(shapes)('solves %i × %i of rank %i', (rows, cols, rank) => {
    const A = matrixOf(rows, cols, rank)
    const c = matrixOf(rows, 1)
    const random = seededRandom(3)
    const units = Float64Array.from({ length: cols }, () => 10 ** (random() * 4 - 2))
    const found = minimumNorm(A, c, units, 1e-12, pace)
    expect(found.rank).toBe(rank)
    const x = found.solution
    // Errors are at right angles to all columns.
    const errors = product(A, x, rows, cols, 1).map((value, i) => value - c[i]!)
    const size = Math.hypot(...c)
    for (const value of product(transposed(A, rows, cols), errors, cols, rows, 1)) {
      expect(Math.abs(value)).toBeLessThan(1e-11 * size)
    }
    if (rank === cols) return
    // S²x is a sum of rows: nothing is left of it beside the directions of A.
    const weighted = A.map((value, at) => value / units[at % cols]!)
    const [square, height] = rows <= cols ? [weighted, rows] : [gramOf(weighted, rows, cols), cols]
    const { right } = singularValues(square, height, cols, pace)
    const t = x.map((value, j) => value * units[j]!)
    const rest = t.slice()
    for (let k = 0; k < rank; k++) {
      const v = right.subarray(k * cols, (k + 1) * cols)
      const along = v.reduce((sum, value, j) => sum + value * t[j]!, 0)
      for (let j = 0; j < cols; j++) rest[j]! -= along * v[j]!
    }
    expect(Math.hypot(...rest)).toBeLessThan(1e-9 * Math.hypot(...t))
  })

  it('gives an unknown without a unit nothing', () => {
    const { solution } = minimumNorm(
      ...([Float64Array.of(1, 1, 0), Float64Array.of(2), Float64Array.of(1, 0, 1), 1e-12] as const),
      pace,
    )
    expect([...solution]).toEqual([expect.closeTo(2, 14), 0, 0])
  })
})
