import { describe, expect, it } from 'vitest'
import { simulateMapRun, type MapRun, type MapRunLimits } from '../../bench/scale/map-run.ts'
import { seededRandom } from '../../ml/data/index.ts'
import { distributed } from '../engine/map-support.ts'
import { machine, run } from '../engine/support.ts'

const plenty = { rate: 1e9, burst: 1e9 }
const noLimits: MapRunLimits = {
  functions: 1e6,
  scaling: { environments: 1e6, seconds: 1 },
  starts: plenty,
  gets: plenty,
  puts: plenty,
  writes: plenty,
  counterSeconds: 0,
  start: { warm: 0, cold: 0 },
}
const policy = {
  IntervalSeconds: 1,
  BackoffRate: 2,
  MaxAttempts: 3,
  JitterStrategy: 'NONE',
} as const

function mapRun({ limits, ...given }: Partial<Omit<MapRun, 'limits'>> & Limited): MapRun {
  return {
    children: 100,
    concurrency: 8,
    work: () => 3,
    gets: 1,
    puts: 1,
    writes: 1,
    counters: 1,
    failures: 0,
    retries: { throttled: policy, failed: policy },
    random: seededRandom(1),
    ...given,
    limits: { ...noLimits, ...limits },
  }
}

interface Limited {
  readonly limits?: Partial<MapRunLimits>
}

describe('a simulated Map Run', () => {
  it.each([
    [1, 8, 3],
    [8, 8, 3],
    [9, 8, 6],
    [100, 8, 39],
    [100, 1, 300],
    [100, 1000, 3],
  ])('of %i equal children, %i at one time, takes its waves: %i s', (children, concurrency, s) => {
    const outcome = simulateMapRun(mapRun({ children, concurrency }))
    expect(outcome).toMatchObject({ seconds: s, succeeded: children, failed: 0, throttled: 0 })
    expect(outcome.peak).toBe(Math.min(children, concurrency))
    expect(outcome.functionSeconds).toBe(3 * children)
  })

  it.each([1, 3, 8, 100])(
    'takes the time that the engine takes for the same children, %i at one time',
    async (concurrency) => {
      const random = seededRandom(7)
      const seconds = Array.from({ length: 40 }, () => 1 + Math.floor(30 * random()))
      const wait = { Type: 'Wait', Seconds: '{% $states.input %}', End: true }
      const map = distributed({ Work: wait }, { MaxConcurrency: concurrency }, 'EXPRESS')
      const { status, startDate, stopDate } = await run(machine({ M: map }), { input: seconds })
      expect(status).toBe('SUCCEEDED')
      const simulated = simulateMapRun(
        mapRun({ children: 40, concurrency, work: (child) => seconds[child]! }),
      )
      expect(simulated.seconds).toBe((stopDate!.getTime() - startDate.getTime()) / 1000)
    },
  )

  it('starts children no faster than their bucket fills', () => {
    const limits = { starts: { rate: 10, burst: 20 } }
    const { seconds } = simulateMapRun(mapRun({ concurrency: 1000, limits }))
    expect(seconds).toBeCloseTo(80 / 10 + 3)
  })

  it('reads no faster than the bucket answers', () => {
    const limits = { gets: { rate: 100, burst: 100 } }
    const { seconds } = simulateMapRun(mapRun({ concurrency: 1000, gets: 10, limits }))
    expect(seconds).toBeCloseTo(900 / 100 + 3)
  })

  it('records one child after the other, each some time after its work', () => {
    const limits = { counterSeconds: 0.1 }
    const { seconds, conflicts, succeeded } = simulateMapRun(mapRun({ concurrency: 1000, limits }))
    expect(succeeded).toBe(100)
    expect(conflicts).toBeGreaterThan(100)
    expect(seconds).toBeGreaterThanOrEqual(3 + 100 * 0.1)
  })

  it('records by turns as many at one time as there are counters', () => {
    const limits = { counterSeconds: 0.1 }
    const { seconds } = simulateMapRun(mapRun({ concurrency: 1000, counters: 100, limits }))
    expect(seconds).toBeCloseTo(3 + 0.1)
  })

  it('tries a child again that throws, and counts it as failed once its retries are used up', () => {
    for (const failures of [0, 0.1, 0.5, 1]) {
      const children = 2000
      const outcome = simulateMapRun(mapRun({ children, concurrency: 30, failures }))
      expect(outcome.succeeded + outcome.failed).toBe(children)
      expect(Math.abs(outcome.failed / children - failures ** 4)).toBeLessThan(0.01)
    }
  })

  it('tries an invocation again that is refused, and counts it as failed in the end', () => {
    const children = 500
    const limits = { functions: 20 }
    const outcome = simulateMapRun(mapRun({ children, concurrency: 30, limits }))
    expect(outcome.peak).toBe(20)
    expect(outcome.succeeded + outcome.failed).toBe(children)
    expect(outcome.failed).toBeGreaterThan(0)
    expect(outcome.throttled).toBeGreaterThanOrEqual(4 * outcome.failed)
  })

  it('is the same with the same seed', () => {
    const once = () =>
      simulateMapRun(mapRun({ failures: 0.2, limits: { functions: 5 }, random: seededRandom(3) }))
    expect(once()).toEqual(once())
  })
})
