import { beforeEach, describe, expect, it } from 'vitest'
import { memoryPorts, runTask, type MemoryPorts } from '../../platform/testing/index.ts'
import { createDriftPolicies, driftPolicy } from '../../tasks/drift-policy.ts'
import { createRegistry } from '../../tasks/registry.ts'
import { createRetrainingLease } from '../../tasks/retraining-lease.ts'
import type { RetrainingEnding, RetrainingRun } from '../../tasks/retraining-shapes.ts'
import { createShadowRows } from '../../tasks/shadow-rows.ts'
import { watchPromotion } from '../../tasks/watch-promotion.ts'
import { npyOf } from '../fixtures/iris.ts'
import {
  before,
  drawnRows,
  drifting,
  flipped,
  label,
  serve,
  trainChampion,
  type Concept,
} from '../fixtures/drifting.ts'
import { train } from '../fixtures/train.ts'

const execution = 'retraining-1'

let ports: MemoryPorts
let promotedAt: string

/** Version 0 knows the concept before, version 1 the flipped one, and is the champion. */
beforeEach(async () => {
  ports = memoryPorts()
  await trainChampion(ports)
  const rows = drawnRows(400, 2).map((row) => [...row, flipped(row)])
  const configuration = { algorithms: ['decision-tree'], trials: 1 }
  await train(ports, 'uploads/ada/parts.npy', npyOf(rows), { configuration })
  const { table, executions, clock } = ports
  const registry = createRegistry(table, clock)
  const revision = (await registry.alias(drifting, 'champion'))!.revision
  ports.clock.advance(1000)
  if ((await registry.alias(drifting, 'champion'))!.version === 0) {
    await registry.moveAlias({
      model: drifting,
      alias: 'champion',
      version: 1,
      ifRevision: revision,
      movedBy: 'test',
      reason: 'test',
    })
  }
  promotedAt = new Date(clock.now()).toISOString()
  executions.set({ workflow: 'retraining', name: execution })
  await createRetrainingLease(table, executions, clock).claim(drifting, {
    execution,
    detection: 'd',
    policy: driftPolicy.parse({}),
  })
})

async function watch(): Promise<RetrainingEnding | null> {
  const run: RetrainingRun = {
    model: drifting,
    version: 0,
    detection: 'd',
    execution,
    changedSince: promotedAt,
    claimedAt: promotedAt,
    from: {},
    leastRows: 0,
  }
  const promotion = { version: 1, previous: 0, promotedAt }
  const answer = await runTask(watchPromotion, { run, promotion, from: {} }, ports)
  return (answer as unknown as { ending: RetrainingEnding | null }).ending
}

const championNow = async () =>
  (await createRegistry(ports.table, ports.clock).alias(drifting, 'champion'))?.version
const served = (count: number, concept: Concept, seed = 7) =>
  serve(ports, drawnRows(count, seed), concept)
const shadow = () => createShadowRows(ports.table).of(drifting, execution, {})

describe('watching a promotion', () => {
  it('confirms a version that is not worse', async () => {
    await served(199, flipped)
    expect(await watch()).toBeNull()
    await served(1, flipped)
    expect(await watch()).toMatchObject({
      outcome: 'confirmed',
      champion: 1,
      numbers: { comparedRows: 200, lossOfFormer: expect.closeTo(1, 1) as number },
    })
    expect(await championNow()).toBe(1)
  })

  it('takes back one that is worse, at half of the rows when that is plain', async () => {
    await served(99, before)
    expect(await watch()).toBeNull()
    await served(1, before)
    const ending = await watch()
    expect(ending).toMatchObject({
      outcome: 'rolled-back',
      challenger: 1,
      champion: 0,
      numbers: { comparedRows: 100 },
    })
    expect(ending!.numbers['lower']).toBeGreaterThan(0)
    expect(await championNow()).toBe(0)
    expect(ports.published.at(-1)).toMatchObject({
      'detail-type': 'Model Promoted',
      detail: { version: 0, previousVersion: 1, movedBy: execution },
    })
  })

  it('looks once at half of the rows, and then at all of them', async () => {
    // Neither is right on 6 rows of 10 rather than 4: not plain at 99.9%, and at 95% neither.
    const mixed: Concept = (row) => (row[1]! > 0.45 ? before(row) : flipped(row))
    await served(100, mixed)
    expect(await watch()).toBeNull()
    expect((await shadow()).hasLooked).toBe(true)
    await served(99, before, 8)
    expect(await watch()).toBeNull()
    await served(1, before, 9)
    expect(await watch()).toMatchObject({ outcome: 'rolled-back', numbers: { comparedRows: 200 } })
  })

  it('does not look early again, whatever becomes of the labels', async () => {
    const id = await served(100, flipped)
    expect(await watch()).toBeNull()
    await label(ports, id, drawnRows(100, 7).map(before), true)
    expect(await watch()).toBeNull()
    await served(100, before, 8)
    expect(await watch()).toMatchObject({ outcome: 'rolled-back', numbers: { comparedRows: 200 } })
  })

  it('counts each labelled row once, with its last label', async () => {
    const id = await served(50, before)
    await watch()
    const again = (await ports.log.read('predictions/ada/parts/0')).at(-1)!.record
    await ports.log.append('predictions/ada/parts/0', [again, again])
    await watch()
    expect((await shadow()).rows.size).toBe(50)
    const first = [...(await shadow()).rows.values()][0]!
    expect(first).toEqual({ present: 1, former: 0 })
    await label(ports, id, [flipped(drawnRows(50, 7)[0]!)], true)
    await watch()
    expect([...(await shadow()).rows.values()][0]).toEqual({ present: 0, former: 1 })
    expect((await shadow()).rows.size).toBe(50)
  })

  it('is of what the promoted version answered since, alone', async () => {
    await serve(ports, drawnRows(60, 1), before, { version: 0 })
    const log = 'predictions/ada/parts/0'
    const good = (await ports.log.read(log)).at(-1)!.record
    await ports.log.append(log, [
      { ...good, version: 1, prediction: 'ada~parts~0~9999999999999999' },
      { ...good, version: 1, prediction: 'x' },
      { ...good, version: 1, predictedAt: '2020-01-01T00:00:00.000Z' },
      { kind: 'feedback', version: 1 },
    ])
    expect(await watch()).toBeNull()
    expect((await shadow()).rows.size).toBe(0)
  })

  it('tells so when too few labels came in time', async () => {
    await served(29, before)
    ports.clock.advance(3 * 86_400_000)
    expect(await watch()).toMatchObject({ outcome: 'unconfirmed', numbers: { labelledRows: 29 } })
    expect(await championNow()).toBe(1)
  })

  it('takes back one that fewer labels show to be worse, when the time is up', async () => {
    await served(60, before)
    expect(await watch()).toBeNull()
    ports.clock.advance(3 * 86_400_000)
    expect(await watch()).toMatchObject({ outcome: 'rolled-back', champion: 0 })
  })

  it('answers the same when it has taken it back, and did not come to tell', async () => {
    await served(200, before)
    const first = await watch()
    const told = ports.published.length
    expect(await watch()).toEqual(first)
    const moves = await createRegistry(ports.table, ports.clock).aliasHistory(drifting, 'champion')
    expect(moves.filter(({ movedBy }) => movedBy === execution)).toHaveLength(1)
    expect(ports.published.length).toBe(told + 1)
  })

  it('leaves a champion alone that somebody moved, and all while it is paused', async () => {
    await served(200, before)
    const policies = createDriftPolicies(ports.table)
    await policies.set(drifting, driftPolicy.parse({ paused: true }), 0)
    expect(await watch()).toMatchObject({ outcome: 'abandoned', reason: 'retraining is paused' })
    expect(await championNow()).toBe(1)
    await policies.set(drifting, driftPolicy.parse({}), 1)
    const registry = createRegistry(ports.table, ports.clock)
    const { revision } = (await registry.alias(drifting, 'champion'))!
    const move = { model: drifting, alias: 'champion', version: 0, ifRevision: revision }
    await registry.moveAlias({ ...move, movedBy: 'key k1', reason: 'by hand' })
    expect(await watch()).toMatchObject({
      outcome: 'abandoned',
      reason: 'the champion is version 0 since',
    })
  })

  it('lets one of two runs at one moment keep what it found, and the other try again', async () => {
    await served(60, before)
    const answers = await Promise.allSettled([watch(), watch()])
    const failed = answers.filter(({ status }) => status === 'rejected')
    for (const one of failed) expect(one).toMatchObject({ reason: { name: 'StorageFailed' } })
    expect(failed.length).toBeLessThan(2)
    await watch()
    expect((await shadow()).rows.size).toBe(60)
  })
})
