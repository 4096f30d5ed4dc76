import { describe, expect, it } from 'vitest'
import {
  childSeconds,
  estimateBatch,
  longestRangeRowsOf,
  mostRanges,
  rangeRowsOf,
  rangeSecondsOf,
  rangesPerSecond,
} from '../../../tasks/planning/batch-plan.ts'
import { prices } from '../../../tasks/planning/prices.ts'

const grid = [1, 7, 1e3, 1e6, 1e8, 1e10].flatMap((rows) =>
  [8, 160, 80_000].flatMap((rowBytes) =>
    [1e-7, 2e-5, 1e-2, 100].flatMap((secondsPerRow) =>
      [1, 8, 900, 10_000].map((concurrency) => ({ rows, rowBytes, secondsPerRow, concurrency })),
    ),
  ),
)

describe('the rows of a range', () => {
  it('are at least one, and no more than there are', () => {
    for (const sizing of grid) {
      const rows = rangeRowsOf(sizing)
      expect(rows, JSON.stringify(sizing)).toBeGreaterThanOrEqual(1)
      expect(rows, JSON.stringify(sizing)).toBeLessThanOrEqual(sizing.rows)
      expect(rows).toBe(Math.floor(rows))
    }
    expect(rangeRowsOf({ rows: 0, rowBytes: 160 })).toBe(1)
  })

  it('keep a child to half a minute, or where there would be too many ranges, to a minute', () => {
    for (const sizing of grid) {
      const rows = rangeRowsOf(sizing)
      const isListed = rangeSecondsOf(sizing.rows, sizing) / childSeconds.most > mostRanges
      const most = isListed ? 60 : 30
      const beyond = rangeSecondsOf(rows - 1, sizing)
      expect(beyond, JSON.stringify(sizing)).toBeLessThanOrEqual(most * 1.000001)
    }
  })

  it('keep a child busy for a second, unless there is less to do', () => {
    for (const sizing of grid) {
      const rows = rangeRowsOf(sizing)
      if (rows === sizing.rows) continue
      // Dividing evenly shortens ranges, by half where two follow from one and a bit.
      expect(rangeSecondsOf(rows, sizing), JSON.stringify(sizing)).toBeGreaterThanOrEqual(0.5)
    }
  })

  it('let every place have as much as the others', () => {
    const sizing = { rows: 1e9, rowBytes: 160, secondsPerRow: 1e-5 }
    for (const concurrency of [3, 8, 64]) {
      const ranges = Math.ceil(1e9 / rangeRowsOf({ ...sizing, concurrency }))
      expect(ranges % concurrency).toBe(0)
      expect(ranges).toBeGreaterThan(concurrency)
    }
  })

  it('do not end faster than they can be counted', () => {
    const sizing = { rows: 1e8, rowBytes: 160, secondsPerRow: 1e-5, concurrency: 900 }
    const rows = rangeRowsOf(sizing)
    const seconds = rangeSecondsOf(rows, sizing)
    expect(1e8 / rows / seconds).toBeLessThanOrEqual(rangesPerSecond * 1.01)
  })

  it('go by what was measured: a model ten times as slow has ranges of about a tenth', () => {
    const sizing = { rows: 1e9, rowBytes: 8, concurrency: 8 }
    const fast = rangeRowsOf({ ...sizing, secondsPerRow: 1e-5 })
    const slow = rangeRowsOf({ ...sizing, secondsPerRow: 1e-4 })
    expect(fast / slow).toBeCloseTo(10, 0)
  })

  it('are one where a row takes longer than a range may', () => {
    const sizing = { rows: 10, rowBytes: 8, secondsPerRow: 100 }
    expect(rangeRowsOf(sizing)).toBe(1)
    expect(longestRangeRowsOf(sizing)).toBe(1)
  })
})

describe('the estimate of a batch', () => {
  const work = { rows: 1e6, rowBytes: 60, secondsPerRow: 1e-5, concurrency: 4, rangeRows: 1e5 }

  it('counts ranges, waves and what each costs', () => {
    const { ranges, waves, transitions, invocations, cost, seconds, ...estimate } =
      estimateBatch(work)
    expect({ ranges, waves, invocations }).toEqual({ ranges: 10, waves: 3, invocations: 12 })
    // 1e5 rows of 10 µs, 6 MB of 60 MB/s, and half a second beside.
    expect(estimate.childSeconds).toBeCloseTo(1.6)
    expect(seconds.map).toBeCloseTo(3 * 1.6)
    expect(seconds.total).toBeCloseTo(seconds.plan + seconds.map + seconds.join)
    expect(estimate.paces[0]).toEqual({ limit: 'concurrency', seconds: seconds.map })
    expect(estimate.beyond).toEqual([])

    const gbSeconds = (1769 / 1024) * (10 * 1.6 + seconds.plan + seconds.join)
    const { gbSecond, request } = prices.lambda
    expect(cost.lambda).toBeCloseTo(gbSeconds * gbSecond + 12 * request, 12)
    const { transition, expressRequest, expressGbSecond } = prices.stepFunctions
    expect(cost.stepFunctions).toBeCloseTo(
      transitions * transition + 10 * expressRequest + ((10 * 1.6) / 16) * expressGbSecond,
      12,
    )
  })

  it('takes no time from more places than there are ranges', () => {
    const seconds = [10, 20, 100].map(
      (concurrency) => estimateBatch({ ...work, concurrency }).seconds.map,
    )
    expect(seconds[1]).toBe(seconds[0])
    expect(seconds[2]).toBe(seconds[0])
  })

  it('names the limit that binds', () => {
    const tiny = { rows: 1e6, rowBytes: 8, secondsPerRow: 1e-6, rangeRows: 100, concurrency: 900 }
    expect(estimateBatch(tiny).paces[0]?.limit).toBe('records of one batch')
    expect(estimateBatch({ ...work, rows: 1e9 }).paces[0]?.limit).toBe('concurrency')
  })

  it('says what does not fit and what to do', () => {
    expect(estimateBatch({ ...work, concurrency: 5000 }).beyond).toEqual([
      "5000 children at one time are more than the account's functions (900): have its concurrency raised",
    ])
    expect(estimateBatch({ ...work, secondsPerRow: 1e-2 }).beyond).toEqual([
      'a child takes 1001 s, and an Express execution 300 s at most: have fewer rows in a range',
    ])
    const many = estimateBatch({ ...work, rows: 1e12, rangeRows: 1e6 })
    expect(many.beyond).toEqual([
      '1000000 ranges are more than 200000: divide the rows into several batches',
    ])
  })

  it('joins what one object has, and of more only asks for the parts', () => {
    const joined = estimateBatch({ ...work, rows: 4e8, resultRowBytes: 10, rangeRows: 1e6 })
    const asked = estimateBatch({ ...work, rows: 4e8, resultRowBytes: 20, rangeRows: 1e6 })
    // 4 GB of 80 MB/s; or 400 parts of 500 a second.
    expect(joined.seconds.join).toBeCloseTo(1 + 50, 0)
    expect(asked.seconds.join).toBeCloseTo(1 + 0.8, 1)
  })

  it('ends every join in the time of a function', () => {
    for (const sizing of grid) {
      const { ranges, seconds } = estimateBatch({ ...sizing, resultRowBytes: 100 })
      if (ranges <= mostRanges) expect(seconds.join, JSON.stringify(sizing)).toBeLessThan(900)
    }
  })
})
