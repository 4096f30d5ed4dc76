import { describe, expect, it } from 'vitest'
import {
  cacheBytes,
  KernelCache,
  reserveCache,
  rowBytes,
} from '../../../../ml/models/svm/kernel-cache.ts'
import { inPanels, panelOffset } from '../../../../ml/models/wasm/arithmetic.ts'
import { Heap } from '../../../../ml/models/wasm/heap.ts'
import { Layout } from '../../../../ml/models/wasm/layout.ts'
import { none, solverBytes, word } from '../../../../ml/models/wasm/solver-state.ts'

/**
 * A cache of `slots` kernel rows over the numbers 1 to `size` as rows of one column, so that the
 * linear kernel of two rows is their product; `computed` records the rows that were not there.
 */
function cacheOf(kind: 'wasm' | 'plain', size: number, slots: number) {
  const layout = new Layout()
  const state = layout.reserve(solverBytes)
  const panels = layout.doubles(inPanels(size))
  const row = layout.doubles(1)
  const kept = layout.integers(size)
  const places = reserveCache(layout, size, (slots * rowBytes(size)) / 2 ** 20, 2 ** 24)
  const heap = new Heap(layout.bytes, kind)
  const words = heap.integers(state, Object.keys(word).length)
  Object.entries({ panels, row, count: size, cols: 1, isLinear: 1 }).forEach(([name, value]) => {
    words[word[name as keyof typeof word]] = value
  })
  const values = heap.doubles(panels, inPanels(size)).fill(0)
  for (let i = 0; i < size; i++) values[panelOffset(i, 1)] = i + 1
  const cache = new KernelCache(heap, words, places, size)
  let names = Array.from({ length: size }, (_, i) => i + 1)
  const computed: number[] = []
  return {
    computed,
    row: (i: number) => {
      if (heap.integers(places.slotOf, size)[i] === none) computed.push(i)
      const place = heap.arithmetic.kernelRow(state, i)
      return () => [...heap.singles(place, names.length)]
    },
    expected: (i: number) => names.map((name) => names[i]! * name),
    keep: (rows: number[]) => {
      heap.integers(kept, rows.length).set(rows)
      names = rows.map((t) => names[t]!)
      names.forEach((name, t) => (values[panelOffset(t, 1)] = name))
      words[word.count] = rows.length
      cache.keep(kept, rows.length)
    },
  }
}

describe.each(['wasm', 'plain'] as const)('KernelCache (%s)', (kind) => {
  it('computes a row once while it is kept', () => {
    const { row, expected, computed } = cacheOf(kind, 10, 10)
    for (const i of [3, 4, 3, 3, 4, 9, 0, 9]) expect(row(i)()).toEqual(expected(i))
    expect(computed).toEqual([3, 4, 9, 0])
  })

  it('gives up the row that was not asked for the longest', () => {
    const { row, expected, computed } = cacheOf(kind, 10, 3)
    for (const i of [0, 1, 2, 0, 3, 0, 2, 1, 3]) expect(row(i)()).toEqual(expected(i))
    expect(computed).toEqual([0, 1, 2, 3, 1, 3])
  })

  it('holds two rows at once, however small it is', () => {
    const { row, expected } = cacheOf(kind, 100, 1e-9)
    for (let i = 0; i < 99; i++) {
      const first = row(i)
      const second = row(i + 1)
      expect([first(), second()]).toEqual([expected(i), expected(i + 1)])
    }
  })

  it('keeps what it has of the rows and columns that stay, in the order of their use', () => {
    const { row, expected, computed, keep } = cacheOf(kind, 40, 4)
    for (const i of [5, 8, 30, 20]) row(i)
    keep([2, 8, 20, 21, 30, 39])
    expect(computed.splice(0)).toEqual([5, 8, 30, 20])
    for (const i of [4, 1, 2]) expect(row(i)()).toEqual(expected(i))
    expect(computed).toEqual([])
    // The rows are shorter now, so that all six fit.
    for (const i of [0, 3, 5, 4, 1, 2]) expect(row(i)()).toEqual(expected(i))
    expect(computed).toEqual([0, 3, 5])
  })

  it('gives up, among what it kept, first what was used longest ago', () => {
    const { row, expected, computed, keep } = cacheOf(kind, 40, 3)
    for (const i of [30, 5, 8]) row(i)
    keep(Array.from({ length: 38 }, (_, t) => t + 1))
    for (const i of [4, 9, 4, 7, 29]) expect(row(i)()).toEqual(expected(i))
    expect(computed).toEqual([30, 5, 8, 9, 29])
  })
})

describe('cacheBytes', () => {
  it('are of two rows at least and of all at most', () => {
    expect(cacheBytes(100, 1e-9)).toBe(2 * rowBytes(100))
    expect(cacheBytes(100, 200)).toBe(100 * rowBytes(100))
    expect(cacheBytes(1000, 200, 3.5 * rowBytes(1000))).toBe(3 * rowBytes(1000))
  })
})
