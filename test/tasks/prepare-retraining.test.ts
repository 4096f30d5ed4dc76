import { describe, expect, it } from 'vitest'
import { memoryPorts, runTask, type MemoryPorts } from '../../platform/testing/index.ts'
import { driftPolicy } from '../../tasks/drift-policy.ts'
import { createFeedback } from '../../tasks/feedback.ts'
import { createPredictionLog } from '../../tasks/prediction-log.ts'
import { prepareRetraining, trainingOf } from '../../tasks/prepare-retraining.ts'
import { createRetrainingLease } from '../../tasks/retraining-lease.ts'
import type { RetrainingRun } from '../../tasks/retraining-shapes.ts'
import {
  before,
  drawnRows,
  drifting,
  runTrainingOf,
  serve,
  trainChampion,
} from '../fixtures/drifting.ts'
import { train } from '../fixtures/train.ts'
import { cursorPlace } from '../../tasks/drift-records.ts'
import { createRegistry } from '../../tasks/registry.ts'

const execution = 'retraining-1'

async function claimed(ports: MemoryPorts): Promise<RetrainingRun> {
  const { table, executions, clock } = ports
  ports.clock.advance(1000)
  executions.set({ workflow: 'retraining', name: execution })
  await createRetrainingLease(table, executions, clock).claim(drifting, {
    execution,
    detection: 'd',
    policy: driftPolicy.parse({}),
  })
  const now = new Date(clock.now()).toISOString()
  return {
    model: drifting,
    version: 0,
    detection: 'd',
    execution,
    changedSince: now,
    claimedAt: now,
    from: {},
    leastRows: 0,
  }
}

const textOf = async (ports: MemoryPorts, key: string) =>
  Buffer.from(await ports.objects.read(key)).toString()
const request = `requests/ada/parts/${trainingOf({ model: drifting, execution })}.json`

describe('preparing a retraining', () => {
  it('asks for what the champion was asked for, of rows in the order of time', async () => {
    const ports = memoryPorts()
    const configuration = {
      algorithms: ['decision-tree'],
      hyperparameters: { 'decision-tree': { maxDepth: 3 } },
      trials: 1,
      metric: 'macroF1',
      split: { heldOut: 0.3 },
      featureNames: ['width', 'height'],
    }
    await trainChampion(ports, { configuration })
    const run = await claimed(ports)
    await serve(ports, drawnRows(10, 5), before)
    await runTask(prepareRetraining, { run }, ports)
    expect(JSON.parse(await textOf(ports, request))).toEqual({
      ...configuration,
      task: 'classification',
      accept: ['ConstantColumn', 'DuplicateRows', 'ClassWithOneRow'],
      timeOrder: true,
    })
  })

  it('starts one training of one object, however often it runs', async () => {
    const ports = memoryPorts()
    await trainChampion(ports, { configuration: { algorithms: ['majority'] } })
    const run = await claimed(ports)
    await serve(ports, drawnRows(10, 5), before)
    const first = await runTask(prepareRetraining, { run }, ports)
    await serve(ports, drawnRows(10, 6), before)
    ports.clock.advance(1000)
    expect(await runTask(prepareRetraining, { run }, ports)).toMatchObject({
      training: (first as { training: string }).training,
    })
    const key = `retraining/ada/parts/${execution}.npy`
    expect(await ports.objects.versions(key)).toHaveLength(1)
    expect(await ports.objects.versions(request)).toHaveLength(1)
    const inputs = ports.executions.requests.map(({ input }) => JSON.stringify(input))
    expect(inputs).toHaveLength(2)
    expect(new Set(inputs).size).toBe(1)
  })

  it('writes a table of text as CSV, from which a challenger of the same columns is trained', async () => {
    const ports = memoryPorts()
    const rows = drawnRows(300, 1).map(([x]) => [
      x!,
      x! > 0.5 ? 'red' : 'blue',
      x! > 0.5 ? 'yes' : 'no',
    ])
    const csv = ['width,colour,kind', ...rows.map((row) => row.join(','))].join('\n')
    const bytes = new TextEncoder().encode(`${csv}\n`)
    const configuration = { algorithms: ['decision-tree'], trials: 1 }
    await train(ports, 'uploads/ada/parts.csv', bytes, { configuration })
    const run = await claimed(ports)
    const log = createPredictionLog(ports)
    const instances = drawnRows(200, 2).map(([x]) => [x!, x! > 0.5 ? 'a "new", one' : null])
    const predictions = instances.map(() => 'no')
    const contents = { instances, predictions, probabilities: null, classes: ['no', 'yes'] }
    const task = 'classification' as const
    const id = await log.record({ model: drifting, version: 0, task, key: null, contents })
    const labels = instances.map(([x], row) => ({ row, label: Number(x) > 0.5 ? 'no' : 'yes' }))
    await createFeedback(ports, log).give(id, labels)
    await ports.table.put({ ...cursorPlace(drifting), revision: 1, positions: { 0: '1' } })

    const prepared = await runTask(prepareRetraining, { run }, ports)
    const text = await textOf(ports, `retraining/ada/parts/${execution}.csv`)
    expect(text.split('\n')[0]).toBe('width,colour,kind')
    expect(text).toContain(',"a ""new"", one",no\n')
    const { training } = prepared as { training: string }
    await runTrainingOf(ports, training)
    const { output, cause } = await ports.executions.describe('training', training)
    expect(cause).toBeUndefined()
    // Half of the colours are missing, which the champion was not made for: a person decides.
    expect(output).toMatchObject({ outcome: 'registered', version: 1 })
    const version = await createRegistry(ports.table, ports.clock).version(drifting, 1)
    expect(version.source.key).toBe(`retraining/ada/parts/${execution}.csv`)
  })
})
