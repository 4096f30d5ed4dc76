import { describe, expect, it } from 'vitest'
import { KernelCache } from '../../../ml/models/kernel-cache.ts'
import type { KernelRows } from '../../../ml/models/kernels.ts'

/** Row i holds i everywhere; `filled` records what was computed. */
function source(size: number): KernelRows & { filled: number[] } {
  const filled: number[] = []
  return {
    size,
    filled,
    diagonal: new Float64Array(size),
    fill(i, out) {
      filled.push(i)
      out.fill(i)
    },
  }
}

const megabytesFor = (rows: number, size: number) => (rows * size * 4) / 2 ** 20

describe('KernelCache', () => {
  it('computes a row once while it is kept', () => {
    const rows = source(10)
    const cache = new KernelCache(rows, megabytesFor(10, 10))
    for (const i of [3, 4, 3, 3, 4, 9, 0, 9]) expect(cache.row(i)[5]).toBe(i)
    expect(rows.filled).toEqual([3, 4, 9, 0])
  })

  it('gives up the row that was not asked for the longest', () => {
    const rows = source(10)
    const cache = new KernelCache(rows, megabytesFor(3, 10))
    for (const i of [0, 1, 2, 0, 3, 0, 2, 1, 3]) expect(cache.row(i)[0]).toBe(i)
    expect(rows.filled).toEqual([0, 1, 2, 3, 1, 3])
  })

  it('holds two rows at once, however small it is', () => {
    const cache = new KernelCache(source(100), 1e-9)
    for (let i = 0; i < 99; i++) {
      const first = cache.row(i)
      const second = cache.row(i + 1)
      expect([first[7], second[7]]).toEqual([i, i + 1])
    }
  })
})
