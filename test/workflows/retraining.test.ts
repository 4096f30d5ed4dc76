import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { retraining } from '../../platform/local/retraining.ts'
import {
  executionEndedEvent,
  memoryPorts,
  runTask,
  runWorkflow,
  type MemoryPorts,
} from '../../platform/testing/index.ts'
import { claimRetraining } from '../../tasks/claim-retraining.ts'
import { createDriftPolicies, driftPolicy, secondsToWait } from '../../tasks/drift-policy.ts'
import { trainingOf } from '../../tasks/prepare-retraining.ts'
import { recordRetraining } from '../../tasks/record-retraining.ts'
import { createRegistry } from '../../tasks/registry.ts'
import { createRetrainingDecisions } from '../../tasks/retraining-decisions.ts'
import trainingDefinition from '../../workflows/training.asl.json' with { type: 'json' }
import { placeholdersOf } from '../../workflows/workflow.ts'
import {
  before,
  drawnRows,
  driftEvent,
  drifting,
  flipped,
  retrain,
  serve,
  trainChampion,
} from '../fixtures/drifting.ts'

const championOf = async (ports: MemoryPorts) =>
  (await createRegistry(ports.table, ports.clock).alias(drifting, 'champion'))?.version

const stepsOf = async (ports: MemoryPorts) => {
  const { decisions } = await createRetrainingDecisions(ports.table, ports.clock).list(drifting)
  return decisions.toReversed().map(({ step, outcome }) => `${step}: ${outcome}`)
}

const majority = { configuration: { algorithms: ['majority'] } }

const setPolicy = async (ports: MemoryPorts, changes: object): Promise<void> => {
  const policies = createDriftPolicies(ports.table)
  const { revision } = await policies.of(drifting)
  await policies.set(drifting, driftPolicy.parse(changes), revision)
}

describe('the retraining workflow', () => {
  it('trains a challenger on what was labelled since the change, promotes it and confirms it', async () => {
    const ports = memoryPorts()
    await trainChampion(ports)
    ports.clock.advance(1000)
    const event = driftEvent(ports)
    const run = await retrain(ports, event, {
      labels: async (waited) => void (await serve(ports, drawnRows(60, waited + 10), flipped)),
      watch: async (waited) => void (await serve(ports, drawnRows(70, waited + 50), flipped)),
    })
    expect(run).toMatchObject({
      status: 'SUCCEEDED',
      output: { outcome: 'confirmed', challenger: 1, champion: 1, model: 'ada/parts' },
    })
    expect(await championOf(ports)).toBe(1)
    expect(await stepsOf(ports)).toEqual([
      'claimed: claimed',
      'labelled: enough',
      'training: started',
      'trained: promoted',
      'watched: confirmed',
      'ended: confirmed',
    ])
    expect(run.states.filter((state) => state === 'WaitForLabels')).toHaveLength(4)
    expect(ports.published.at(-1)).toMatchObject({
      'detail-type': 'Retraining Ended',
      detail: { outcome: 'confirmed', challenger: 1, execution: 'retraining-1' },
    })
  })

  it('does nothing else when each of its tasks runs twice', async () => {
    const ports = memoryPorts()
    await trainChampion(ports)
    ports.clock.advance(1000)
    const run = await retrain(ports, driftEvent(ports), {
      twice: true,
      labels: async (waited) => void (await serve(ports, drawnRows(220, waited + 10), flipped)),
      watch: async (waited) => void (await serve(ports, drawnRows(220, waited + 50), flipped)),
    })
    expect(run.output).toMatchObject({ outcome: 'confirmed', challenger: 1 })
    expect(await stepsOf(ports)).toHaveLength(6)
    const starts = ports.executions.requests.filter(({ request }) => request === 'start')
    expect(new Set(starts.map(({ name }) => name)).size).toBe(1)
    const { versions } = await createRegistry(ports.table, ports.clock).versions(drifting)
    expect(versions).toHaveLength(2)
    const { items } = await ports.table.query('drift#ada/parts', { prefix: 'watch#' })
    expect(items).toEqual([])
  })

  it('keeps a challenger out that is worse', async () => {
    const ports = memoryPorts()
    // Learned from a quarter of wrong labels by heart, where the champion had clean ones.
    await trainChampion(ports, { configuration: { algorithms: ['decision-tree'], trials: 1 } })
    ports.clock.advance(1000)
    const noise = drawnRows(1000, 99).map(([u]) => u! < 0.3)
    let i = 0
    const noisy = (row: readonly number[]) => (noise[i++ % 1000] ? flipped(row) : before(row))
    const run = await retrain(ports, driftEvent(ports), {
      labels: async (waited) => void (await serve(ports, drawnRows(300, waited + 10), noisy)),
    })
    expect(run.output).toMatchObject({ outcome: 'kept', challenger: 1, champion: 0 })
    expect(await championOf(ports)).toBe(0)
    expect(await stepsOf(ports)).toContain('trained: kept')
  })

  it('takes a promotion back that turns out worse', async () => {
    const ports = memoryPorts()
    await trainChampion(ports)
    ports.clock.advance(1000)
    const run = await retrain(ports, driftEvent(ports), {
      labels: async (waited) => void (await serve(ports, drawnRows(220, waited + 10), flipped)),
      watch: async (waited) => void (await serve(ports, drawnRows(60, waited + 50), before)),
    })
    expect(run.output).toMatchObject({ outcome: 'rolled-back', challenger: 1, champion: 0 })
    expect(await championOf(ports)).toBe(0)
  })

  it('gives up when too few labels come in time', async () => {
    const ports = memoryPorts()
    await trainChampion(ports, majority)
    await setPolicy(ports, { patienceSeconds: 300 })
    const run = await retrain(ports, driftEvent(ports))
    expect(run.output).toMatchObject({ outcome: 'unlabelled', numbers: { labelledRows: 0 } })
    expect(run.states.filter((state) => state === 'WaitForLabels')).toHaveLength(10)
  })

  it('is refused at once while another holds the place', async () => {
    const ports = memoryPorts()
    await trainChampion(ports, majority)
    await setPolicy(ports, { paused: true })
    const run = await retrain(ports, driftEvent(ports))
    expect(run.output).toMatchObject({ outcome: 'refused', reason: 'retraining is paused' })
    expect(run.states).toEqual(['Claim', 'IsClaimed', 'End', 'Ended'])
    expect(ports.published.at(-1)).toMatchObject({ detail: { outcome: 'refused' } })
  })

  it('stops when it is paused, and its training with it', async () => {
    const ports = memoryPorts()
    await trainChampion(ports, majority)
    const waiting = await retrain(ports, driftEvent(ports), {
      labels: (waited) => (waited === 3 ? setPolicy(ports, { paused: true }) : undefined),
    })
    expect(waiting.output).toMatchObject({ outcome: 'abandoned', reason: 'retraining is paused' })

    await setPolicy(ports, { coolDownSeconds: 0 })
    const training = await retrain(ports, driftEvent(ports, { detection: 'second' }), {
      name: 'retraining-2',
      labels: async () => void (await serve(ports, drawnRows(220, 10), flipped)),
      training: () => setPolicy(ports, { paused: true }),
    })
    expect(training.output).toMatchObject({ outcome: 'abandoned', champion: 0 })
    const stopped = ports.executions.requests.filter(({ request }) => request === 'stop')
    expect(stopped).toMatchObject([{ workflow: 'training' }])
  })

  it('stops the training once, where that task runs twice', async () => {
    const ports = memoryPorts()
    await trainChampion(ports, majority)
    const run = await retrain(ports, driftEvent(ports), {
      twice: true,
      labels: async () => void (await serve(ports, drawnRows(220, 10), flipped)),
      training: () => setPolicy(ports, { paused: true }),
    })
    expect(run.output).toMatchObject({ outcome: 'abandoned', reason: 'retraining is paused' })
    const { decisions } = await createRetrainingDecisions(ports.table, ports.clock).list(drifting)
    expect(decisions.map(({ step }) => step)).not.toContain('trained')
  })

  it('fails where the training does', async () => {
    const ports = memoryPorts()
    await trainChampion(ports, majority)
    const run = await retrain(ports, driftEvent(ports), {
      labels: async () => void (await serve(ports, drawnRows(220, 10), flipped)),
      training: (name) => ports.executions.stop('training', name),
    })
    expect(run.output).toMatchObject({ outcome: 'failed' })
    expect((run.output as { reason: string }).reason).toMatch(/ended as ABORTED/)
  })

  it('fails at once for an event that is none', async () => {
    const ports = memoryPorts()
    const run = await runWorkflow(retraining, { input: driftEvent(ports, { model: '../x' }) })
    expect(run).toMatchObject({ status: 'FAILED', error: 'TaskInputInvalid' })
    expect(run.calls['ClaimRetraining']).toHaveLength(1)
  })
})

describe('the end of an execution that did not come to its own', () => {
  const begin = async (ports: MemoryPorts) => {
    await trainChampion(ports, majority)
    const event = driftEvent(ports)
    ports.executions.set({ workflow: 'retraining', name: 'r1' })
    await runTask(claimRetraining, { event, execution: 'r1' }, ports)
    return event
  }

  it.each(['FAILED', 'TIMED_OUT', 'ABORTED'] as const)('%s leaves the place', async (status) => {
    const ports = memoryPorts()
    const input = await begin(ports)
    const training = trainingOf({ model: drifting, execution: 'r1' })
    ports.executions.set({ workflow: 'training', name: training })
    const ended = executionEndedEvent('retraining', 'r1', status, { input })
    for (let i = 0; i < 2; i++) await runTask(recordRetraining, ended, ports)
    expect(await stepsOf(ports)).toEqual(['claimed: claimed', 'failed: failed'])
    const lease = await ports.table.get('drift#ada/parts', 'lease')
    expect(lease).toMatchObject({ isHeld: false, execution: 'r1' })
    expect(ports.published.at(-1)).toMatchObject({
      'detail-type': 'Retraining Ended',
      detail: { outcome: 'failed', execution: 'r1', champion: 0 },
    })
    // What failed may be redriven, and goes on with its training.
    const { status: left } = await ports.executions.describe('training', training)
    expect(left).toBe(status === 'FAILED' ? 'RUNNING' : 'ABORTED')
  })

  it.each([
    ['of one that succeeded', 'SUCCEEDED', undefined],
    ['of one with another input', 'FAILED', { hello: 'world' }],
    ['of one without an input', 'FAILED', null],
  ] as const)('changes nothing %s', async (_, status, other) => {
    const ports = memoryPorts()
    const event = await begin(ports)
    const input = other === undefined ? event : other
    const ended = executionEndedEvent('retraining', 'r1', status, { input })
    expect(await runTask(recordRetraining, ended, ports)).toEqual({ recorded: false })
    expect(await ports.table.get('drift#ada/parts', 'lease')).toMatchObject({ isHeld: true })
  })
})

describe('its definition', () => {
  it('gives every task a timeout and retries', () => {
    const states = Object.values(retraining.definition['States'] as object) as { Type: string }[]
    const tasks = states.filter(({ Type }) => Type === 'Task')
    expect(tasks).toHaveLength(6)
    for (const state of tasks) {
      expect(state).toMatchObject({
        Resource: 'arn:aws:states:::lambda:invoke',
        TimeoutSeconds: expect.any(Number) as number,
        Retry: expect.any(Array) as unknown[],
      })
    }
    expect([...placeholdersOf(retraining.definition)].sort()).toEqual(
      retraining.tasks.map(({ name }) => name).sort(),
    )
  })

  it('has the time for all that a policy may wait for', () => {
    const most = (name: 'patienceSeconds' | 'watchSeconds') =>
      driftPolicy.shape[name].unwrap().maxValue!
    expect(retraining.definition['TimeoutSeconds']).toBeGreaterThan(
      most('patienceSeconds') + most('watchSeconds') + trainingDefinition.TimeoutSeconds,
    )
  })

  it('keeps its history within what Step Functions takes', () => {
    // Events of one round of a loop: a task 5, a choice 2, a wait 2.
    const eventsOf = (limit: number) => {
      let [elapsed, rounds] = [0, 0]
      for (; elapsed < limit; rounds++) elapsed += secondsToWait({ pollSeconds: 1 }, elapsed, limit)
      return rounds * 9
    }
    const month = 30 * 86_400
    expect(2 * eventsOf(month) + eventsOf(trainingDefinition.TimeoutSeconds)).toBeLessThan(
      25_000 * 0.75,
    )
  })

  it('is what asl-validator accepts', async () => {
    const validate = (await import('asl-validator')).default
    const path = new URL('../../workflows/retraining.asl.json', import.meta.url)
    const verdict = validate(JSON.parse(readFileSync(path, 'utf8')) as object)
    expect(verdict.errorsText()).toBe('')
    expect(verdict.isValid).toBe(true)
  })
})
