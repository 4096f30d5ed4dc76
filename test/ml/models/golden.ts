import { expect } from 'vitest'
import { matrixFromRows, type Matrix } from '../../../ml/data/matrix.ts'

/** The rows of a fixture, whose nulls are NaN. */
export function rowsOf(rows: readonly (readonly (number | null)[])[]): Matrix {
  return matrixFromRows(rows.map((row) => row.map((value) => value ?? NaN)))
}

/** Each value, in relation to its size or to 1, whichever is greater; null stands for NaN. */
export function expectClose(
  found: ArrayLike<number>,
  golden: readonly (number | null)[],
  tolerance = 1e-12,
): void {
  expect(found.length).toBe(golden.length)
  golden.forEach((value, k) => {
    if (value === null) expect(found[k]).toBeNaN()
    else {
      const distance = Math.abs(found[k]! - value) / Math.max(1, Math.abs(value))
      expect(distance, `value ${k}: ${found[k]}, golden ${value}`).toBeLessThanOrEqual(tolerance)
    }
  })
}

export function errorNamed(name: string, text = ''): Error {
  return expect.objectContaining({
    name,
    message: expect.stringContaining(text) as string,
  }) as Error
}
