import { describe, expect, it } from 'vitest'
import {
  LambdaAccount,
  LambdaFunction,
  pauseBefore,
  TokenBucket,
} from '../../bench/scale/services.ts'
import { Simulation } from '../../bench/scale/simulation.ts'
import { seededRandom } from '../../ml/data/index.ts'

/** Calls back at random times, so many a second on average. */
function arrivals(simulation: Simulation, rate: number, count: number, arrive: () => void): void {
  const random = seededRandom(1)
  const next = (left: number) => {
    if (left === 0) return
    simulation.after(-Math.log(1 - random()) / rate, () => {
      arrive()
      next(left - 1)
    })
  }
  next(count)
}

describe('a simulation', () => {
  it('lets events happen in the order of their times, and of those at one time in turn', () => {
    const random = seededRandom(2)
    const simulation = new Simulation()
    const expected: { time: number; order: number }[] = []
    const happened: typeof expected = []
    for (let order = 0; order < 1000; order++) {
      const time = Math.floor(random() * 50)
      expected.push({ time, order })
      simulation.after(time, () => happened.push({ time: simulation.now, order }))
    }
    simulation.run()
    expect(happened).toEqual(expected.toSorted((a, b) => a.time - b.time || a.order - b.order))
  })

  it('goes on with what is set while it runs', () => {
    const simulation = new Simulation()
    const times: number[] = []
    const tick = () => {
      times.push(simulation.now)
      if (times.length < 4) simulation.after(2, tick)
    }
    simulation.after(1, tick)
    simulation.run()
    expect(times).toEqual([1, 3, 5, 7])
  })
})

describe('a token bucket', () => {
  it('lets a burst through, and then as many as flow in', () => {
    const simulation = new Simulation()
    const bucket = new TokenBucket(simulation, { rate: 10, burst: 5 })
    const times: number[] = []
    for (let i = 0; i < 8; i++) bucket.whenTaken(1, () => times.push(simulation.now))
    simulation.run()
    expect(times.map((time) => Number(time.toFixed(6)))).toEqual([0, 0, 0, 0, 0, 0.1, 0.2, 0.3])
  })

  it('refuses what is not there, and fills up again no further than its size', () => {
    const simulation = new Simulation()
    const bucket = new TokenBucket(simulation, { rate: 1, burst: 2 })
    expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, false])
    simulation.after(100, () =>
      expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, false]),
    )
    simulation.run()
  })

  it.each([0.3, 0.5, 0.8])('of one token makes wait as M/D/1 does, at a load of %d', (load) => {
    const simulation = new Simulation()
    const reserving = new TokenBucket(simulation, { rate: 1, burst: 1 })
    const queueing = new TokenBucket(simulation, { rate: 1, burst: 1 })
    const waits = { reserving: 0, queueing: 0 }
    const count = 60_000
    arrivals(simulation, load, count, () => {
      const asked = simulation.now
      waits.reserving += reserving.reserve()
      queueing.whenTaken(1, () => (waits.queueing += simulation.now - asked))
    })
    simulation.run()
    // Pollaczek and Khinchine: a token is there again a second after the last was taken.
    const expected = load / (2 * (1 - load))
    expect(Math.abs(waits.reserving / count / expected - 1)).toBeLessThan(0.05)
    expect(waits.queueing).toBeCloseTo(waits.reserving, 3)
  })
})

describe('functions', () => {
  it.each([
    [5, 3],
    [20, 18],
    [100, 110],
  ])('%i at one time refuse as Erlang has it, at a load of %d', (functions, load) => {
    const simulation = new Simulation()
    const account = new LambdaAccount(functions)
    const scaling = { environments: functions, seconds: 10 }
    const called = new LambdaFunction(simulation, account, scaling)
    const count = 60_000
    arrivals(simulation, load, count, () => {
      if (called.begin() !== 'throttled') simulation.after(1, () => called.end())
    })
    simulation.run()
    expect(Math.abs(called.throttles / count - erlangB(functions, load))).toBeLessThan(0.006)
    expect(account.peak).toBe(functions)
  })

  it('gain environments at a limited rate, and keep those that they have', () => {
    const simulation = new Simulation()
    const scaling = { environments: 1000, seconds: 10 }
    const called = new LambdaFunction(simulation, new LambdaAccount(1200), scaling)
    const begin = (invocations: number) => {
      const beginnings = Array.from({ length: invocations }, () => called.begin())
      return ['cold', 'warm', 'throttled'].map(
        (how) => beginnings.filter((beginning) => beginning === how).length,
      )
    }
    expect(begin(1500)).toEqual([1000, 0, 500])
    simulation.after(1, () => expect(begin(300)).toEqual([100, 0, 200]))
    simulation.after(2, () => {
      for (let i = 0; i < 600; i++) called.end()
      expect(begin(800)).toEqual([100, 600, 100])
    })
    simulation.run()
    expect.assertions(3)
  })
})

describe('a retry policy', () => {
  const policy = {
    IntervalSeconds: 2,
    BackoffRate: 2,
    MaxAttempts: 4,
    MaxDelaySeconds: 10,
    JitterStrategy: 'NONE',
  } as const

  it('doubles its pauses up to the longest, and ends', () => {
    const pauses = [1, 2, 3, 4, 5].map((retry) => pauseBefore(retry, policy, () => 0.5))
    expect(pauses).toEqual([2, 4, 8, 10, undefined])
  })

  it('takes a random part of them with full jitter', () => {
    const jitter = { ...policy, JitterStrategy: 'FULL' } as const
    expect([1, 4].map((retry) => pauseBefore(retry, jitter, () => 0.25))).toEqual([0.5, 2.5])
  })
})

/** The share of calls that find all servers busy, whatever the distribution of their length. */
function erlangB(servers: number, load: number): number {
  let blocked = 1
  for (let k = 1; k <= servers; k++) blocked = (load * blocked) / (k + load * blocked)
  return blocked
}
