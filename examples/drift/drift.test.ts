import { describe, expect, it } from 'vitest'
import { compareRows } from './compare-rows.ts'
import { watchErrors } from './watch-errors.ts'

const errors = Array.from({ length: 2000 }, (_, i) => (i < 1000 ? i % 10 === 0 : i % 3 === 0))

describe('watchErrors', () => {
  it('finds the change, the same across a restart', () => {
    const { changes } = watchErrors(errors)
    expect(changes.length).toBe(1)
    expect(changes[0]!.at).toBeGreaterThan(1000)
    expect(changes[0]!.at).toBeLessThan(1200)
    expect(changes[0]!.after).toBeGreaterThan(changes[0]!.before)

    const { state } = watchErrors(errors.slice(0, 1010))
    const resumed = watchErrors(errors.slice(1010), JSON.parse(JSON.stringify(state)))
    expect(resumed.changes.map(({ at }) => at + 1010)).toEqual(changes.map(({ at }) => at))
  })
})

describe('compareRows', () => {
  it('names the column that changed', () => {
    const rows = (blueEvery: number) => ({
      data: Float64Array.from({ length: 400 }, (_, k) =>
        k % 2 === 0 ? Math.sin(k * k) : (k >> 1) % blueEvery === 0 ? 1 : 0,
      ),
      rows: 200,
      cols: 2,
    })
    const colors = ['red', 'blue']
    expect(compareRows(rows(5), rows(5), colors)).toEqual({ verdict: 'none', reasons: [] })
    const { verdict, reasons } = compareRows(rows(5), rows(2), colors)
    expect(verdict).toBe('drift')
    expect(reasons).toEqual([expect.stringContaining('category "red" from 80% to 50%')])
  })
})
