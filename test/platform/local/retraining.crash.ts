import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { before } from '../../fixtures/drifting.ts'
import {
  ask,
  driftedDirectory,
  killAll,
  lookInto,
  pointsOf,
  policy,
  runUntilEnd,
  toldOf,
  type RunOptions,
} from './retraining-kill.ts'
import { leftBehind, monitored, servedRows } from './retraining-state.ts'

let root: string
const drifted = () => join(root, 'drifted')
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-retraining-'))
  await driftedDirectory(drifted())
})
afterAll(async () => {
  killAll()
  await rm(root, { recursive: true })
})

const tasks = [
  'ClaimRetraining',
  'CountLabels',
  'PrepareRetraining',
  'AwaitTraining',
  'WatchPromotion',
  'EndRetraining',
]

it.concurrent('a retraining comes to the same, killed inside each of its tasks', async () => {
  const [undisturbed, killed] = await Promise.all([
    retrained({ within: [] }),
    retrained({ within: tasks }),
  ])
  expect(killed.points).toEqual([
    'AwaitTraining: after, with its writes',
    'AwaitTraining: after, with no writes',
    'AwaitTraining: before',
    'AwaitTraining: decided#execution#trained',
    'ClaimRetraining: after, with its writes',
    'ClaimRetraining: before',
    'ClaimRetraining: decided#execution#claimed',
    'ClaimRetraining: lease',
    'ClaimRetraining: name#retraining#execution',
    'CountLabels: after, with its writes',
    'CountLabels: after, with no writes',
    'CountLabels: before',
    'CountLabels: decided#execution#labelled',
    'EndRetraining: Retraining Ended',
    'EndRetraining: after, with its writes',
    'EndRetraining: before',
    'EndRetraining: decided#execution#ended',
    'EndRetraining: lease',
    'EndRetraining: watch#execution',
    'PrepareRetraining: after, with its writes',
    'PrepareRetraining: before',
    'PrepareRetraining: decided#execution#training',
    'PrepareRetraining: requests json',
    'PrepareRetraining: retraining npy',
    'PrepareRetraining: start of the training',
    'WatchPromotion: after, with its writes',
    'WatchPromotion: after, with no writes',
    'WatchPromotion: before',
    'WatchPromotion: decided#execution#watched',
    'WatchPromotion: watch#execution',
    'WatchPromotion: watch#execution, after the early look',
  ])
  expect(killed.left).toEqual(undisturbed.left)
  expect(killed.told).toEqual(undisturbed.told)
  expect(killed.left).toMatchObject({
    claims: 1,
    lease: { isHeld: false, runs: 1 },
    champions: [0, 1],
    trainings: ['SUCCEEDED', 'SUCCEEDED'],
  })
  expect(killed.told).toEqual(['confirmed'])
})

// Without other deaths after these: they would take with them what counted twice in memory.
it.concurrent('what is served counts once, killed where the log is read', async () => {
  const { points, left, told } = await retrained({ within: ['monitors', 'usage'] })
  expect(points).toEqual([
    'monitors: before the write',
    'monitors: told',
    'monitors: written',
    'usage: written',
  ])
  expect(left).toMatchObject({ claims: 1, champions: [0, 1], lease: { isHeld: false, runs: 1 } })
  expect(told).toEqual(['confirmed'])
})

it.concurrent('a promotion is taken back once, killed inside the watch', async () => {
  const { points, left, told } = await retrained({
    within: ['WatchPromotion'],
    afterwards: before,
  })
  expect(points).toEqual([
    'WatchPromotion: Model Promoted',
    'WatchPromotion: after, with its writes',
    'WatchPromotion: after, with no writes',
    'WatchPromotion: before',
    'WatchPromotion: decided#execution#watched',
    'WatchPromotion: model',
    'WatchPromotion: watch#execution',
  ])
  expect(left).toMatchObject({
    champions: [0, 1, 0],
    lease: { isHeld: false, runs: 1 },
    watches: 0,
  })
  expect(left.decisions.map(({ decision }) => decision).slice(-3)).toEqual([
    'trained: promoted',
    'watched: rolled-back',
    'ended: rolled-back',
  ])
  expect(told).toEqual(['rolled-back'])
})

it.concurrent(
  'a retraining that is stopped leaves its place, killed inside the record of it',
  async () => {
    const { points, left, told } = await retrained({
      within: ['RecordRetraining'],
      onHeld: whileTraining(async (url) => {
        const listed = await ask(url, 'GET', '/executions?workflow=retraining')
        const [{ name }] = listed['executions'] as [{ name: string }]
        // It may die before it answers.
        await ask(url, 'POST', `/executions/${name}/stop?workflow=retraining`).catch(
          () => undefined,
        )
      }),
    })
    expect(points).toEqual([
      'RecordRetraining: Retraining Ended',
      'RecordRetraining: after, with its writes',
      'RecordRetraining: before',
      'RecordRetraining: decided#execution#failed',
      'RecordRetraining: lease',
      'RecordRetraining: stop of the training',
      'RecordRetraining: watch#execution',
    ])
    expect(left).toMatchObject(abandonedTraining)
    expect(left.decisions.at(-1)).toMatchObject({ decision: 'failed: failed' })
    expect(told).toEqual(['failed'])
  },
)

it.concurrent('a retraining that is paused stops its training, killed where it does', async () => {
  let revision = 1
  const { points, left, told } = await retrained({
    within: ['AwaitTraining'],
    onHeld: whileTraining(async (url) => {
      const path = '/models/ada/parts/drift/policy'
      await ask(url, 'PUT', path, { ...policy, paused: true }, { 'if-match': `"${revision++}"` })
    }),
  })
  expect(points).toEqual([
    'AwaitTraining: after, with no writes',
    'AwaitTraining: before',
    'AwaitTraining: stop of the training',
  ])
  expect(left).toMatchObject(abandonedTraining)
  expect(left.decisions.at(-1)).toMatchObject({ decision: 'ended: abandoned' })
  expect(told).toEqual(['abandoned'])
})

const abandonedTraining = {
  claims: 1,
  lease: { isHeld: false, runs: 1 },
  watches: 0,
  champions: [0],
  trainings: ['ABORTED', 'SUCCEEDED'],
}

/** Does something while a training is under way that never ends by itself. */
function whileTraining(act: (url: string) => Promise<void>): RunOptions['onHeld'] {
  return async (task, url) => {
    if (task === 'Train') return new Promise(() => undefined)
    if (task === 'AwaitTraining') await act(url)
  }
}

/** Runs a retraining, and answers what it left behind; of what was served, all has counted once. */
async function retrained(options: Omit<RunOptions, 'cache'>) {
  const dataDir = await mkdtemp(join(root, 'data-'))
  await cp(drifted(), dataDir, { recursive: true })
  await runUntilEnd(dataDir, { ...options, cache: join(root, 'cache') })
  return lookInto(dataDir, async (ports) => {
    const left = await leftBehind(ports)
    expect(left.usage).toMatchObject(await servedRows(ports))
    const { kept, undisturbed } = await monitored(ports)
    expect(kept).toEqual(undisturbed)
    const ends = await toldOf(dataDir, 'Retraining Ended')
    const own = ends.filter((end) => end['outcome'] !== 'refused')
    return { points: await pointsOf(dataDir), left, told: own.map((end) => end['outcome']) }
  })
}
