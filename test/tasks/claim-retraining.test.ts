import { beforeEach, describe, expect, it } from 'vitest'
import type { ServingDrift } from '../../events/index.ts'
import { memoryPorts, runTask, type MemoryPorts } from '../../platform/testing/index.ts'
import { claimRetraining } from '../../tasks/claim-retraining.ts'
import { createDriftPolicies, driftPolicy } from '../../tasks/drift-policy.ts'
import { headPlace } from '../../tasks/drift-records.ts'
import { createRegistry } from '../../tasks/registry.ts'
import { createRetrainingDecisions } from '../../tasks/retraining-decisions.ts'
import { createRetrainingLease } from '../../tasks/retraining-lease.ts'
import { drifting, driftEvent, trainChampion } from '../fixtures/drifting.ts'

let ports: MemoryPorts

beforeEach(async () => {
  ports = memoryPorts()
  await trainChampion(ports, { configuration: { algorithms: ['majority'] } })
})

interface Claimed {
  readonly run: { readonly from: Record<string, string>; readonly leastRows: number }
  readonly ending: { readonly outcome: string; readonly reason: string } | null
}

/** What a detection's own execution is answered. */
async function claim(name: string, changes: Partial<ServingDrift> = {}): Promise<Claimed> {
  ports.executions.set({ workflow: 'retraining', name })
  const event = driftEvent(ports, { detection: `of ${name}`, ...changes })
  const answer = await runTask(claimRetraining, { event, execution: name }, ports)
  return answer as unknown as Claimed
}

async function end(name: string): Promise<void> {
  const { table, executions, clock } = ports
  await createRetrainingLease(table, executions, clock).free(drifting, name)
  executions.set({ workflow: 'retraining', name, status: 'SUCCEEDED' })
}

async function setPolicy(changes: object): Promise<void> {
  const policies = createDriftPolicies(ports.table)
  const { revision } = await policies.of(drifting)
  await policies.set(drifting, driftPolicy.parse(changes), revision)
}

const hour = 3_600_000

describe('claiming a retraining', () => {
  it('lets one of a storm of a hundred detections through', async () => {
    const names = Array.from({ length: 100 }, (_, i) => `r${i}`)
    const answers = await Promise.all(names.map((name) => claim(name)))
    expect(answers.filter(({ ending }) => ending === null)).toHaveLength(1)
    const refused = answers.filter(({ ending }) => ending !== null)
    for (const { ending } of refused) {
      expect(ending).toMatchObject({ outcome: 'refused' })
      expect(ending!.reason).toMatch(/^the execution r\d+ is retraining the model$/)
    }
    const { decisions } = await createRetrainingDecisions(ports.table, ports.clock).list(drifting, {
      limit: 1000,
    })
    expect(decisions).toHaveLength(100)
  })

  it('answers the same execution the same, and counts it once', async () => {
    await setPolicy({ runsPerDay: 1 })
    const first = await claim('r1')
    expect(await claim('r1')).toEqual(first)
    await end('r1')
    ports.clock.advance(2 * hour)
    expect((await claim('r2')).ending).toMatchObject({
      reason: '1 retrainings of this day are all that there may be',
    })
  })

  it('takes up a detection once, whichever of its events comes', async () => {
    await setPolicy({ coolDownSeconds: 0 })
    await claim('r1', { detection: 'd' })
    await end('r1')
    ports.clock.advance(1000)
    expect((await claim('r2', { detection: 'd' })).ending).toMatchObject({
      reason: 'the execution r1 took up this detection',
    })
    expect((await claim('r3')).ending).toBeNull()
  })

  it('waits for the cool-down after the end of the last run', async () => {
    await claim('r1')
    ports.clock.advance(5 * hour)
    await end('r1')
    ports.clock.advance(hour - 1)
    expect((await claim('r2')).ending).toMatchObject({
      reason: 'the last retraining ended too short a time ago',
      numbers: { coolDownSeconds: 3600, secondsSinceLast: 3599.999 },
    })
    ports.clock.advance(1)
    expect((await claim('r3')).ending).toBeNull()
  })

  it('is not held up by an end that a wrong clock put into the future', async () => {
    ports.clock.advance(365 * 24 * hour)
    await claim('r1')
    await end('r1')
    ports.clock.advance(-365 * 24 * hour)
    expect((await claim('r2')).ending).toBeNull()
  })

  it('keeps to the runs of a day of UTC', async () => {
    await setPolicy({ coolDownSeconds: 0, runsPerDay: 2 })
    for (const name of ['r1', 'r2']) {
      expect((await claim(name)).ending).toBeNull()
      await end(name)
    }
    expect((await claim('r3')).ending).toMatchObject({ numbers: { runs: 2, runsPerDay: 2 } })
    ports.clock.advance(24 * hour)
    expect((await claim('r4')).ending).toBeNull()
  })

  it('takes over the place of an execution that no longer runs, after the cool-down', async () => {
    await claim('dead')
    ports.clock.advance(1000)
    expect((await claim('r1')).ending).not.toBeNull()
    await ports.executions.stop('retraining', 'dead')
    expect((await claim('r2')).ending).toMatchObject({
      reason: 'the last retraining ended too short a time ago',
    })
    ports.clock.advance(hour)
    expect((await claim('r3')).ending).toBeNull()
    const lease = createRetrainingLease(ports.table, ports.executions, ports.clock)
    expect(await lease.keep(drifting, 'dead')).toBe(false)
    // What the dead one still does changes nothing.
    await lease.free(drifting, 'dead')
    expect(await lease.keep(drifting, 'r3')).toBe(true)
  })

  it('gives an execution that failed and was redriven its place again', async () => {
    await claim('r1')
    await end('r1')
    const lease = createRetrainingLease(ports.table, ports.executions, ports.clock)
    expect(await lease.keep(drifting, 'r1')).toBe(true)
    ports.executions.set({ workflow: 'retraining', name: 'r1', status: 'RUNNING' })
    ports.clock.advance(2 * hour)
    expect((await claim('r2')).ending).toMatchObject({
      reason: 'the execution r1 is retraining the model',
    })
  })

  it('is refused while it is paused, and of another version than the champion', async () => {
    await setPolicy({ paused: true })
    expect((await claim('r1')).ending).toMatchObject({ reason: 'retraining is paused' })
    await setPolicy({})
    expect((await claim('r2', { version: 7 })).ending).toMatchObject({
      reason: 'version 7 drifted, and the champion is 0',
    })
    expect((await claim('r3', { model: 'ada/none' })).ending).toMatchObject({
      reason: 'version 0 drifted, and the champion is none',
    })
    expect((await claim('r4')).ending).toBeNull()
  })

  it('begins before the change, by the monitor’s places in the log', async () => {
    const { pk, sk } = headPlace(drifting, 0)
    const at = (seconds: number) => new Date(ports.clock.now() + seconds * 1000).toISOString()
    const positions = (n: number) => ({ 0: String(n).padStart(16, '0') })
    await ports.table.put({
      pk,
      sk,
      positions: positions(9),
      checkpoints: [-20, -10, 0].map((seconds, i) => ({
        at: at(seconds),
        positions: positions(i + 1),
        records: i,
      })),
      parts: 1,
      planParts: 1,
      revision: 1,
    })
    const { run } = await claim('r1', { changedSince: at(-5) })
    expect(run.from).toEqual(positions(2))
    // The gate takes 30 of a quarter.
    expect(run.leastRows).toBe(180)
  })

  it.each([
    ['a model that is none', { model: '../x' }],
    ['a model of one part', { model: 'parts' }],
    ['a reserved name', { model: 'ada/__proto__' }],
    ['a time that is none', { changedSince: 'yesterday' }],
    ['an empty detection', { detection: '' }],
    ['a detection of no bounds', { detection: 'd'.repeat(2000) }],
    ['a broken text', { detection: '\uD800' }],
    ['a version that is none', { version: -1 }],
  ])('refuses an event with %s', async (_, changes) => {
    await expect(claim('r1', changes)).rejects.toMatchObject({ name: 'TaskInputInvalid' })
    const champion = await createRegistry(ports.table, ports.clock).alias(drifting, 'champion')
    expect(champion?.version).toBe(0)
  })
})
