import { expect } from 'vitest'
import { trainingRequestedEvent } from '../../events/index.ts'
import { retraining } from '../../platform/local/retraining.ts'
import {
  executionEndedEvent,
  runTask,
  runWorkflow,
  type MemoryPorts,
} from '../../platform/testing/index.ts'
import type { Ports } from '../../platform/ports/index.ts'
import { createDriftPolicies, driftPolicy } from '../../tasks/drift-policy.ts'
import { prepareRetraining, trainingOf } from '../../tasks/prepare-retraining.ts'
import { recordRetraining } from '../../tasks/record-retraining.ts'
import { createRegistry } from '../../tasks/registry.ts'
import { createRetrainingLease } from '../../tasks/retraining-lease.ts'
import type { RetrainingRun } from '../../tasks/retraining-shapes.ts'
import type { AnyTask } from '../../tasks/task.ts'
import {
  before,
  drawnRows,
  driftEvent,
  drifting,
  flipped,
  label,
  serve,
  trainChampion,
  type Concept,
} from '../fixtures/drifting.ts'

export interface RecordedRetrainings {
  readonly recording: (ports: Ports, name: string) => Ports
  readonly runTraining: (ports: MemoryPorts, name: string, input: object) => Promise<unknown>
}

/** Retrainings of every end, each task run twice and as after a redrive, and what they read. */
export async function recordRetrainings(
  ports: MemoryPorts,
  record: RecordedRetrainings,
): Promise<void> {
  const sidecar = '{"algorithms":["decision-tree"],"trials":1}'
  await ports.objects.put('uploads/ada/parts.npy.json', Buffer.from(sidecar))
  await trainChampion(ports)
  await setPolicy(ports, { coolDownSeconds: 0, runsPerDay: 100 })
  const ends = []
  for (const [name, version, now, later] of [
    // Its champion comes from an upload; that of the second one from the first one.
    ['confirmed', 0, flipped, flipped],
    ['rolled-back', 1, before, flipped],
  ] as const) {
    ends.push(await retrained(ports, record, { name, version, now, later }))
  }
  expect(ends).toEqual(['confirmed', 'rolled-back'])
  ends.push(await retrained(ports, record, { name: 'refused', version: 99 }))
  const paused = { name: 'abandoned', version: 1, now: before, isPaused: true }
  ends.push(await retrained(ports, record, paused))
  expect(ends.slice(2)).toEqual(['refused', 'abandoned'])
  await setPolicy(ports, {})

  for (const name of ['stopped', 'stopped']) {
    const input = driftEvent(ports, { detection: name })
    const execution = {
      workflow: 'training',
      name: trainingOf({ model: drifting, execution: name }),
    }
    ports.executions.set(execution)
    const ended = executionEndedEvent('retraining', name, 'ABORTED', { input })
    await runTask(recordRetraining, ended, record.recording(ports, 'RecordRetraining'))
  }
  await prepareFromDataset(ports, record)
  await trainOnBrokenRows(ports, record)
}

/** Answers the outcome. */
async function retrained(
  ports: MemoryPorts,
  { recording, runTraining }: RecordedRetrainings,
  options: {
    name: string
    version: number
    now?: Concept
    later?: Concept
    isPaused?: boolean
  },
): Promise<string> {
  const { name, version, now = before, later = before, isPaused = false } = options
  ports.clock.advance(1000)
  const input = driftEvent(ports, { detection: name, version })
  const { table, executions, clock } = ports
  const lease = createRetrainingLease(table, executions, clock)
  // One that died before it left the place, which this one takes over.
  const dead = `dead-${name}`
  executions.set({ workflow: 'retraining', name: dead, status: 'FAILED' })
  const budget = driftPolicy.parse({ coolDownSeconds: 0, runsPerDay: 100 })
  await lease.claim(drifting, { execution: dead, detection: dead, policy: budget })
  const tasks = retraining.tasks.map((task): AnyTask => ({
    ...task,
    async run(payload, given, context) {
      const recorded = recording(given, task.name)
      if (task.name === 'CountLabels') await serveMany(ports, now)
      if (task.name === 'WatchPromotion') await serveMany(ports, later)
      if (task.name === 'AwaitTraining') {
        const { training } = payload as { training: string }
        const { input: asked } = await executions.describe('training', training)
        if (isPaused) await setPolicy(ports, { paused: true })
        else {
          const run = (await runTraining(ports, training, asked as object)) as { output: object }
          executions.set({ workflow: 'training', name: training, output: run.output as never })
        }
      }
      // As one that failed and was redriven finds its place.
      if (task.name !== 'EndRetraining') await lease.free(drifting, name)
      await task.run(payload, recorded, context)
      if (task.name !== 'EndRetraining') await lease.free(drifting, name)
      return task.run(payload, recorded, context)
    },
  }))
  executions.set({ workflow: 'retraining', name })
  const run = await runWorkflow({ ...retraining, tasks }, { input, ports, name })
  expect(run.status).toBe('SUCCEEDED')
  executions.set({ workflow: 'retraining', name, status: 'SUCCEEDED' })
  return (run.output as { outcome: string }).outcome
}

/** More than a record of the log takes, of which some rows are labelled. */
async function serveMany(ports: MemoryPorts, concept: Concept): Promise<void> {
  const rows = drawnRows(9000, 3)
  const id = await serve(ports, rows, null)
  await label(ports, id, rows.slice(0, 250).map(concept))
}

async function setPolicy(ports: MemoryPorts, changes: object): Promise<void> {
  const policies = createDriftPolicies(ports.table)
  const { revision } = await policies.of(drifting)
  await policies.set(drifting, driftPolicy.parse(changes), revision)
}

/** Of a champion that learned from a dataset's version. */
async function prepareFromDataset(
  ports: MemoryPorts,
  { recording }: RecordedRetrainings,
): Promise<void> {
  const model = { user: 'ada', dataset: 'asked' }
  const { table, executions, clock } = ports
  const champion = await createRegistry(table, clock).alias(model, 'champion')
  const now = new Date(clock.now()).toISOString()
  const execution = 'of-dataset'
  await createRetrainingLease(table, executions, clock).claim(model, {
    execution,
    detection: 'd',
    policy: driftPolicy.parse({}),
  })
  const run: RetrainingRun = {
    model,
    version: champion!.version,
    detection: 'd',
    execution,
    changedSince: now,
    claimedAt: now,
    from: {},
    leastRows: 0,
  }
  const prepared = await runTask(prepareRetraining, { run }, recording(ports, 'PrepareRetraining'))
  expect(prepared).toMatchObject({ ending: null })
}

/** Rows that validation refuses. */
async function trainOnBrokenRows(
  ports: MemoryPorts,
  { runTraining }: RecordedRetrainings,
): Promise<void> {
  const source = await ports.objects.put('retraining/ada/parts/broken.npy', Buffer.from('none'))
  const request = await ports.objects.put('requests/ada/parts/broken.json', Buffer.from('{}'))
  const event = trainingRequestedEvent(
    {
      bucket: { name: source.bucket },
      object: { key: source.key, 'version-id': source.versionId, size: 4, sequencer: 'FF' },
      request: { key: request.key, 'version-id': request.versionId },
      model: 'ada/parts',
    },
    { time: ports.clock.now() },
  )
  await runTraining(ports, 'broken-rows', event)
}
