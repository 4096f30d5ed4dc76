import { beforeEach, describe, expect, it } from 'vitest'
import { isMillraceError } from '../../platform/ports/index.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { createAccounts } from '../../tasks/accounts.ts'
import { operator, type Caller } from '../../tasks/caller.ts'
import { createPlans, freePlan, type Plan } from '../../tasks/plans.ts'
import { createQuotas, quotaMaxAge } from '../../tasks/quotas.ts'
import { countServed } from '../../tasks/usage.ts'

const ada: Caller = { user: 'ada', role: 'predictor', keyId: 'k1' }

let ports: MemoryPorts

async function plan(changes: Partial<Plan>) {
  await createPlans(ports.table).setPlan('small', { ...freePlan, ...changes })
}

const quotas = () => createQuotas(ports.table, ports.clock)

/** How many of `n` requests are let through, one after another. */
async function passed(of: ReturnType<typeof quotas>, n: number, rows = 1): Promise<number> {
  let count = 0
  for (let i = 0; i < n; i++) {
    try {
      await of.spend(ada, 'ada', rows)
      count += 1
    } catch (error) {
      if (!isMillraceError(error, 'QuotaExceeded')) throw error
    }
  }
  return count
}

beforeEach(async () => {
  ports = memoryPorts()
  await plan({})
  await createAccounts(ports.table, ports.clock).createUser('ada', { plan: 'small' })
})

describe('requests', () => {
  beforeEach(() => plan({ requestsPerSecond: 10, burst: 40 }))

  it('are let through up to the burst, then at the rate', async () => {
    const one = quotas()
    expect(await passed(one, 60)).toBe(40)
    ports.clock.advance(1000)
    expect(await passed(one, 60)).toBe(10)
    ports.clock.advance(60_000)
    expect(await passed(one, 60)).toBe(40)
  })

  it('of two processes share one bucket', async () => {
    const [one, other] = [quotas(), quotas()]
    const counts = await Promise.all([passed(one, 60), passed(other, 60)])
    // A process may hold a lease of an eighth of the burst that it has not used.
    expect(counts[0] + counts[1]).toBeLessThanOrEqual(40)
    expect(counts[0] + counts[1]).toBeGreaterThanOrEqual(30)
  })

  it('at the same moment are counted each', async () => {
    const one = quotas()
    const answers = await Promise.allSettled(
      Array.from({ length: 60 }, async () => one.spend(ada, 'ada', 1)),
    )
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(40)
  })

  it('that are too many are told when to come again', async () => {
    const one = quotas()
    await passed(one, 40)
    const refusal: unknown = await Promise.resolve(one.spend(ada, 'ada', 1)).catch(
      (error: unknown) => error,
    )
    if (!isMillraceError(refusal, 'QuotaExceeded')) throw new Error('it was let through')
    expect(refusal.details?.['headers']).toEqual({
      'retry-after': '1',
      'ratelimit-policy': '"requests";q=40;w=4',
      ratelimit: '"requests";r=0;t=4',
    })
  })

  it('tell what is left', async () => {
    const headers = await quotas().spend(ada, 'ada', 1)
    expect(headers).toMatchObject({ ratelimit: '"requests";r=39;t=4' })
  })

  it('of the operator have no limit', () => {
    expect(quotas().spend(operator, 'ada', 1)).toBeUndefined()
  })
})

describe('predictions of a month', () => {
  beforeEach(() => plan({ monthly: { predictions: 100, trainedRows: null } }))

  it('end at the limit, and begin again with the month', async () => {
    const one = quotas()
    expect(await passed(one, 30, 10)).toBe(10)
    ports.clock.advance(quotaMaxAge)
    expect(await passed(one, 5, 1)).toBe(0)
    ports.clock.advance(32 * 24 * 3600 * 1000)
    expect(await passed(one, 30, 10)).toBe(10)
  })

  it('are refused until the month is over', async () => {
    const refusal: unknown = await Promise.resolve(quotas().spend(ada, 'ada', 101)).catch(
      (error: unknown) => error,
    )
    if (!isMillraceError(refusal, 'QuotaExceeded')) throw new Error('it was let through')
    expect(refusal.details?.['headers']).toEqual({ 'retry-after': String(31 * 24 * 3600) })
  })

  it('of another process count within the stated time', async () => {
    const one = quotas()
    expect(await passed(one, 1, 10)).toBe(1)
    await ports.log.append('predictions/ada/iris/3', [served(90)])
    await countServed(ports.table, await batchOf('predictions/ada/iris/3'))
    expect(await passed(one, 1, 50)).toBe(1)
    ports.clock.advance(quotaMaxAge)
    expect(await passed(one, 1, 20)).toBe(0)
  })
})

it('a plan that changes holds within the stated time', async () => {
  await plan({})
  const one = quotas()
  expect(await passed(one, 3)).toBe(3)
  await plan({ requestsPerSecond: 1, burst: 1 })
  ports.clock.advance(quotaMaxAge)
  expect(await passed(one, 3)).toBe(1)
})

it('a user whom the table does not know has the default plan', async () => {
  const stranger: Caller = { ...ada, user: 'eve' }
  expect(await quotas().spend(stranger, 'eve', 1)).toEqual({})
})

function served(rows: number) {
  return {
    kind: 'prediction',
    model: 'ada/iris',
    version: 0,
    task: 'classification',
    at: new Date(ports.clock.now()).toISOString(),
    key: 'k1',
    rows,
    contents: { instances: [], predictions: [], probabilities: null, classes: null },
    object: null,
  }
}

async function batchOf(key: string) {
  return ports.log.read(key)
}

it('a user who was removed is refused, at most so long after as a plan may be old', async () => {
  await plan({})
  const of = quotas()
  await of.spend(ada, 'ada', 1)
  await createAccounts(ports.table, ports.clock).removeUser('ada')
  ports.clock.advance(quotaMaxAge)
  const spend = async () => of.spend(ada, 'ada', 1)
  await expect(spend()).rejects.toMatchObject({ name: 'Unauthenticated' })
  await expect(spend()).rejects.toMatchObject({ name: 'Unauthenticated' })
})

it('a user whom a gateway alone knows has the default plan', async () => {
  const grace: Caller = { user: 'grace', role: 'predictor', keyId: null }
  expect(await quotas().spend(grace, 'grace', 1)).toEqual({})
})
