import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { simulateBatch } from '../../bench/scale/batches.ts'
import { withTables, type TableName } from '../../bench/scale/page.ts'
import { simulateTenants } from '../../bench/scale/tenants.ts'
import { simulateUploads } from '../../bench/scale/uploads.ts'
import { seededRandom } from '../../ml/data/index.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/scale.md'), 'utf8')

describe('docs/scale.md', () => {
  it.each<TableName[]>([['rates', 'sizes', 'models'], ['tenants']])(
    'has the tables of the script: run node bench/scale/simulate.ts (%s)',
    (...names) => {
      expect(withTables(page, names)).toBe(page)
    },
    60_000,
  )

  it('has a place for each of them', () => {
    expect(() => withTables('# Scale', ['rates'])).toThrow('has no place for')
  })
})

describe('a simulated batch', () => {
  it('takes about what its estimate says where its places bind', () => {
    const scenario = { rows: 1e9, rowBytes: 160, secondsPerRow: 1e-5, accountConcurrency: 900 }
    for (const concurrency of [8, 40]) {
      const { estimate, map, binds, dollars } = simulateBatch({ ...scenario, concurrency })
      expect(map.seconds / estimate.seconds.map).toBeGreaterThan(0.95)
      expect(map.seconds / estimate.seconds.map).toBeLessThan(1.15)
      expect(dollars / estimate.cost.total).toBeCloseTo(1, 1)
      expect(binds).toBe('children at one time')
      expect(map.succeeded).toBe(estimate.ranges)
    }
  })
})

describe('simulated tenants', () => {
  it('fare the same in a small part as in a larger one, where something waits and where nothing does', () => {
    for (const thousands of [1, 5]) {
      const [more, less] = [0.05, 0.02].map(
        (share) => simulateTenants({ thousands, share }).outcome,
      )
      expect(less!.uploads).toBeLessThan(more!.uploads)
      expect(Math.abs(less!.median / more!.median - 1)).toBeLessThan(0.1)
      expect(Math.abs(less!.p99 / more!.p99 - 1)).toBeLessThan(0.1)
      expect(Math.abs(less!.seconds / more!.seconds - 1)).toBeLessThan(0.1)
    }
  })

  it('are as many executions at one time as arrive while one lasts', () => {
    const { outcome } = simulateTenants({ thousands: 1, share: 0.1 })
    // Little's law: with 6,000 uploads in the hour; the most of a Poisson number is some deviations more.
    const mean = (outcome.uploads / 3600) * outcome.median
    expect(outcome.peakExecutions).toBeGreaterThan(mean)
    expect(outcome.peakExecutions).toBeLessThan(mean + 6 * Math.sqrt(mean))
  })

  it('are all accounted for, however little there is for them', () => {
    const state = {
      name: 'Claim',
      transitions: 2,
      branches: [[invocationOf('Claim')], [invocationOf('Claim'), invocationOf('Claim')]],
      concurrency: 1,
    }
    const limits = {
      functions: 3,
      scaling: { environments: 3, seconds: 10 },
      starts: { rate: 2, burst: 5 },
      transitions: { rate: 20, burst: 20 },
      openExecutions: 40,
      executionSeconds: 20,
      start: { warm: 0, cold: 1 },
    }
    const delivery = { IntervalSeconds: 1, BackoffRate: 2, MaxAttempts: 6, seconds: 30 }
    const outcome = simulateUploads({
      rate: 5,
      seconds: 300,
      states: [state, state],
      limits,
      delivery,
      random: seededRandom(4),
    })
    const { uploads, succeeded, failed, timedOut, undelivered } = outcome
    expect(succeeded + failed + timedOut + undelivered).toBe(uploads)
    expect(Math.min(succeeded, failed, timedOut, undelivered)).toBeGreaterThan(0)
    expect(outcome.peakFunctions).toBe(3)
    expect(outcome.peakExecutions).toBe(40)
  })
})

function invocationOf(name: string) {
  const throttled = { IntervalSeconds: 1, BackoffRate: 2, MaxAttempts: 5 }
  return { function: name, seconds: 1, throttled, isOptional: false }
}
