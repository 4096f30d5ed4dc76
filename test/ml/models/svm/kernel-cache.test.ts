import { describe, expect, it } from 'vitest'
import { cacheBytes, KernelCache, rowBytes } from '../../../../ml/models/svm/kernel-cache.ts'
import { Heap } from '../../../../ml/models/wasm/heap.ts'

const start = 4096

/** A cache of rows that hold 1000 i + t at t; `filled` records what was computed. */
function cacheOf(size: number, bytes: number) {
  const heap = new Heap(start + bytes, 'plain')
  const filled: number[] = []
  let names = Array.from({ length: size }, (_, i) => i)
  const cache = new KernelCache(heap, { start, bytes, size }, (i, place) => {
    filled.push(i)
    heap.singles(place, names.length).set(names.map((name) => 1000 * names[i]! + name))
  })
  return {
    cache,
    filled,
    row: (i: number) => [...heap.singles(cache.row(i), names.length)],
    expected: (i: number) => names.map((name) => 1000 * names[i]! + name),
    keep: (kept: number[]) => {
      cache.keep(Int32Array.from(kept))
      names = kept.map((t) => names[t]!)
    },
  }
}

describe('KernelCache', () => {
  it('computes a row once while it is kept', () => {
    const { row, expected, filled } = cacheOf(10, 10 * rowBytes(10))
    for (const i of [3, 4, 3, 3, 4, 9, 0, 9]) expect(row(i)).toEqual(expected(i))
    expect(filled).toEqual([3, 4, 9, 0])
  })

  it('gives up the row that was not asked for the longest', () => {
    const { row, expected, filled } = cacheOf(10, 3 * rowBytes(10))
    for (const i of [0, 1, 2, 0, 3, 0, 2, 1, 3]) expect(row(i)).toEqual(expected(i))
    expect(filled).toEqual([0, 1, 2, 3, 1, 3])
  })

  it('holds two rows at once, however small it is', () => {
    const bytes = cacheBytes(100, 1e-9)
    expect(bytes).toBe(2 * rowBytes(100))
    const { row, expected } = cacheOf(100, bytes)
    for (let i = 0; i < 99; i++) {
      const first = row(i)
      expect([first, row(i + 1)]).toEqual([expected(i), expected(i + 1)])
    }
  })

  it('needs no more than all rows', () => {
    expect(cacheBytes(100, 200)).toBe(100 * rowBytes(100))
  })

  it('keeps what it has of the rows and columns that stay, in the order of their use', () => {
    const { row, expected, filled, keep } = cacheOf(40, 4 * rowBytes(40))
    for (const i of [5, 8, 30, 20]) row(i)
    keep([2, 8, 20, 21, 30, 39])
    expect(filled.splice(0)).toEqual([5, 8, 30, 20])
    for (const i of [4, 1, 2]) expect(row(i)).toEqual(expected(i))
    expect(filled).toEqual([])
    // The rows are shorter now, so that all six fit.
    for (const i of [0, 3, 5, 4, 1, 2]) expect(row(i)).toEqual(expected(i))
    expect(filled).toEqual([0, 3, 5])
  })
})
