import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { training } from '../../platform/local/training.ts'
import type { Json } from '../../platform/ports/index.ts'
import { memoryPorts, putUpload, runTask, runWorkflow } from '../../platform/testing/index.ts'
import { removeModel } from '../../tasks/model-removal.ts'
import { createRegistry } from '../../tasks/registry.ts'
import { train as trainTask } from '../../tasks/train.ts'
import { placeholdersOf } from '../../workflows/workflow.ts'
import { irisNpy, irisRows, noisyIrisNpy, npyOf } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'

const model = { user: 'ada', dataset: 'iris' }
const key = 'uploads/ada/iris.npy'
const registryOf = (ports: ReturnType<typeof memoryPorts>) =>
  createRegistry(ports.table, ports.clock)

describe('the training workflow', () => {
  it('turns the Iris file into a promoted version', async () => {
    const ports = memoryPorts()
    const run = await train(ports, key, irisNpy())
    expect(run).toMatchObject({
      status: 'SUCCEEDED',
      output: {
        outcome: 'registered',
        model: 'ada/iris',
        version: 0,
        decision: { verdict: 'first' },
        drift: { verdict: 'first-version' },
        promotion: { outcome: 'promoted', champion: 0 },
      },
    })
    expect(run.states.filter((state) => !['WhereItFits', 'Fit'].includes(state))).toEqual([
      'Claim',
      'IsClaimed',
      'Validate',
      'IsValid',
      'Train',
      'Evaluate',
      'Register',
      'CheckDrift',
      'Promote',
      'IsDecided',
      'Announce',
      'Report',
      'Trained',
    ])
    const { metrics } = run.output as { metrics: { accuracy: number; confusionMatrix: number[][] } }
    expect(metrics.accuracy).toBeGreaterThan(0.9)
    const counted = metrics.confusionMatrix.flat().reduce((sum, count) => sum + count, 0)
    expect(counted).toBe((run.output as { metrics: { rows: number } }).metrics.rows)
    expect(ports.published.map((event) => event['detail-type'])).toEqual(
      expect.arrayContaining(['Model Registered', 'Model Promoted']),
    )
  })

  it('makes the same model file from the same bytes', async () => {
    const digests = await Promise.all(
      [0, 1].map(async () => {
        const ports = memoryPorts()
        await train(ports, key, irisNpy())
        return (await registryOf(ports).version(model, 0)).artifact.sha256
      }),
    )
    expect(digests[0]).toBe(digests[1])
  })

  it('ends as already done for the same bytes again', async () => {
    const ports = memoryPorts()
    await train(ports, key, irisNpy(), { name: 'first' })
    const again = await train(ports, key, irisNpy())
    expect(again.output).toMatchObject({ outcome: 'duplicate', of: 'first' })
    expect(again.states).toEqual(['Claim', 'IsClaimed', 'AlreadyDone'])
    expect((await registryOf(ports).versions(model)).versions).toHaveLength(1)
  })

  it('trains the same bytes again when the configuration is another', async () => {
    const ports = memoryPorts()
    await train(ports, key, irisNpy())
    const run = await train(ports, key, irisNpy(), { configuration: { algorithms: ['majority'] } })
    expect(run.output).toMatchObject({
      version: 1,
      algorithm: 'majority',
      decision: { verdict: 'worse', promote: false, championVersion: 0 },
      promotion: { outcome: 'kept', champion: 0 },
    })
    expect(await registryOf(ports).alias(model, 'challenger')).toMatchObject({ version: 1 })
  })

  it('promotes a version that is not worse on the same held-out rows', async () => {
    const ports = memoryPorts()
    await train(ports, key, irisNpy(), { configuration: { algorithms: ['majority'] } })
    const run = await train(ports, key, noisyIrisNpy(1))
    expect(run.output).toMatchObject({
      version: 1,
      decision: { verdict: 'not-worse', championVersion: 0 },
      drift: { verdict: 'none', againstVersion: 0 },
      promotion: { outcome: 'promoted', previous: 0 },
    })
    expect(await registryOf(ports).alias(model, 'previous')).toMatchObject({ version: 0 })
  })

  it('names the feature that moved, and tells the bus', async () => {
    const ports = memoryPorts()
    await train(ports, key, irisNpy())
    const moved = irisRows().map((row) => [row[0]! + 0.83, ...row.slice(1)])
    const run = await train(ports, key, npyOf(moved))
    const { drift } = run.output as { drift: { verdict: string; reasons: string[] } }
    expect(drift.verdict).toBe('drift')
    expect(drift.reasons).toHaveLength(1)
    expect(drift.reasons[0]).toContain('feature_0')
    expect(ports.published.map((event) => event['detail-type'])).toContain('Drift Detected')
  })

  it('lets a version with other features wait for a person', async () => {
    const ports = memoryPorts()
    await train(ports, key, irisNpy())
    const run = await train(ports, key, npyOf(irisRows().map((row) => row.slice(1))))
    expect(run.output).toMatchObject({
      version: 1,
      decision: { verdict: 'schema-changed', promote: false },
      drift: { verdict: 'schema-changed' },
      promotion: { outcome: 'kept', champion: 0 },
    })
  })

  it('keeps a rejected upload in quarantine with its report', async () => {
    const ports = memoryPorts()
    const run = await train(ports, key, irisNpy().subarray(0, 500))
    expect(run).toMatchObject({ status: 'SUCCEEDED', output: { outcome: 'rejected' } })
    expect(run.states.at(-1)).toBe('DataRejected')
    const { report, kept } = run.output as { report: string; kept: string }
    expect(await ports.objects.read(kept)).toEqual(irisNpy().subarray(0, 500))
    expect(JSON.parse(new TextDecoder().decode(await ports.objects.read(report)))).toMatchObject({
      outcome: 'rejected',
      reasons: [{ code: 'NpyInvalid' }],
    })
    expect((await registryOf(ports).models()).models).toEqual([])
  })

  it('rejects an upload whose configuration or name is not one', async () => {
    const ports = memoryPorts()
    const configured = await train(ports, key, irisNpy(), { configuration: { algorithm: 'svc' } })
    expect(configured.output).toMatchObject({ reasons: [{ code: 'ConfigurationInvalid' }] })
    const named = await train(ports, 'uploads/__proto__/iris.npy', irisNpy())
    expect(named.output).toMatchObject({ model: null, reasons: [{ code: 'NameInvalid' }] })
  })

  it('rejects an upload that is not what was to be sent', async () => {
    const ports = memoryPorts()
    const declared = async (sha256: string) => {
      const input = await putUpload(ports.objects, key, irisNpy(), { metadata: { sha256 } })
      ports.executions.set({ workflow: 'training', name: sha256.slice(0, 8) })
      return runWorkflow(training, { input, ports, name: sha256.slice(0, 8) })
    }
    const damaged = await declared('0'.repeat(64))
    expect(damaged.output).toMatchObject({ reasons: [{ code: 'ChecksumMismatch' }] })
    const whole = await declared(createHash('sha256').update(irisNpy()).digest('hex'))
    expect(whole.output).toMatchObject({ outcome: 'registered' })
  })

  it('reads a sidecar beside the upload', async () => {
    const ports = memoryPorts()
    const sidecar = { algorithms: ['majority'], featureNames: ['a', 'b', 'c', 'd'] }
    await ports.objects.put(`${key}.json`, new TextEncoder().encode(JSON.stringify(sidecar)))
    const run = await train(ports, key, irisNpy())
    expect(run.output).toMatchObject({ algorithm: 'majority' })
  })

  it('takes a wide dataset whose configuration is larger than a state may be', async () => {
    const ports = memoryPorts()
    const names = Array.from({ length: 3000 }, (_, i) => `feature ${i} `.padEnd(100, 'x'))
    const sidecar = { algorithms: ['majority'], featureNames: names }
    await ports.objects.put(`${key}.json`, new TextEncoder().encode(JSON.stringify(sidecar)))
    const run = await train(ports, key, wideNpy(40, names.length))
    expect(run).toMatchObject({ status: 'SUCCEEDED', output: { algorithm: 'majority' } })
    expect((await registryOf(ports).version(model, 0)).sidecar).toMatchObject({
      key: `${key}.json`,
    })
  })

  it('rejects a dataset with more reasons than a state may hold', async () => {
    const ports = memoryPorts()
    const run = await train(
      ports,
      key,
      wideNpy(40, 9000, () => 1),
    )
    expect(run).toMatchObject({ status: 'SUCCEEDED', output: { outcome: 'rejected' } })
    const { reasons } = run.output as { reasons: { code: string; message: string }[] }
    const constant = reasons.filter(({ code }) => code === 'ConstantColumn')
    expect(constant).toHaveLength(21)
    expect(constant.at(-1)!.message).toContain('8980 more')
  })

  it('evaluates again when the champion moved since, and gives up after ten times', async () => {
    const ports = memoryPorts()
    let promotions = 0
    const moved = { outcome: 'champion-moved', champion: 1, previous: null, reason: '' }
    const kept = { outcome: 'kept', champion: 1, previous: null, reason: '' }
    const again = await runWorkflow(training, {
      input: {},
      ports,
      mocks: { ...mocks, Promote: () => (promotions++ < 2 ? moved : kept) },
    })
    expect(again.status).toBe('SUCCEEDED')
    expect(again.states.filter((state) => state === 'Evaluate')).toHaveLength(3)
    const never = await runWorkflow(training, {
      input: {},
      ports,
      mocks: { ...mocks, Promote: moved },
    })
    expect(never).toMatchObject({ status: 'FAILED', error: 'ChampionKeepsMoving' })
    expect(never.states.filter((state) => state === 'Evaluate')).toHaveLength(10)
  })

  it('brings no model back that was deleted while it learned', async () => {
    const ports = memoryPorts()
    const configuration = { algorithms: ['majority'] }
    await train(ports, key, irisNpy(), { configuration })
    const metadata = { configuration: JSON.stringify(configuration) }
    const input = await putUpload(ports.objects, key, noisyIrisNpy(1), { metadata })
    const Train = async (asked: Json) => {
      await removeModel(ports, model)
      return runTask(trainTask, asked, ports)
    }
    const run = await runWorkflow(training, { input, ports, name: 'late', mocks: { Train } })
    expect(run).toMatchObject({ status: 'FAILED', error: 'ModelDeleted' })
    expect((await registryOf(ports).models()).models).toEqual([])
  })

  it('retries a fault, and fails with its name when it stays', async () => {
    let attempts = 0
    const fault = () => Object.assign(new Error('the disk is full'), { name: 'StorageFailed' })
    const passing = await runWorkflow(training, {
      input: {},
      mocks: {
        ...mocks,
        Register: () => {
          if (attempts++ < 2) throw fault()
          return { version: 0, created: true }
        },
      },
    })
    expect(passing.status).toBe('SUCCEEDED')
    const failing = await runWorkflow(training, {
      input: {},
      mocks: {
        ...mocks,
        Register: () => {
          throw fault()
        },
      },
    })
    expect(failing).toMatchObject({ status: 'FAILED', error: 'StorageFailed' })
    expect(failing.calls['Register']).toHaveLength(4)
  })

  it('has done its work when the reports cannot be written, and tells what it did', async () => {
    const fault = () => {
      throw Object.assign(new Error('the disk is full'), { name: 'StorageFailed' })
    }
    const run = await runWorkflow(training, { input: {}, mocks: { ...mocks, Report: fault } })
    expect(run).toMatchObject({ status: 'SUCCEEDED', output: mocks.Announce })
    expect(run.calls['Report']).toHaveLength(2)
    expect(run.states.slice(-2)).toEqual(['Report', 'Trained'])
    const written = await runWorkflow(training, { input: {}, mocks })
    expect(written.output).toEqual(mocks.Announce)
  })
})

describe('the definition', () => {
  it('names exactly the tasks there are, each with a timeout and retries', () => {
    expect(placeholdersOf(training.definition)).toEqual(
      new Set(training.tasks.map((task) => task.name)),
    )
    const tasks = statesOf(training.definition).filter((state) => state['Type'] === 'Task')
    const [functions, others] = partition(tasks, (task) => task['Resource'] === lambdaInvoke)
    expect(functions).toHaveLength(training.tasks.length)
    expect(others.map((task) => task['Resource'])).toEqual(['arn:aws:states:::ecs:runTask.sync'])
    for (const task of tasks) {
      expect(task).toMatchObject({
        TimeoutSeconds: expect.any(Number) as number,
        Retry: expect.any(Array) as unknown[],
      })
    }
  })

  it('catches no fault but that of the reports, which the version does not need', () => {
    const { States } = training.definition as { States: Record<string, object> }
    const catching = Object.entries(States).filter(([, state]) => 'Catch' in state)
    expect(catching.map(([name]) => name)).toEqual(['Report'])
  })

  it('is what asl-validator accepts', async () => {
    const validate = (await import('asl-validator')).default
    const path = new URL('../../workflows/training.asl.json', import.meta.url)
    const verdict = validate(JSON.parse(readFileSync(path, 'utf8')) as object)
    expect(verdict.errorsText()).toBe('')
    expect(verdict.isValid).toBe(true)
  })
})

const lambdaInvoke = 'arn:aws:states:::lambda:invoke'

/** Answers that take an execution along the straight way, whatever its input. */
const mocks = {
  Claim: { outcome: 'claimed' },
  Validate: { outcome: 'valid', candidates: [{ algorithm: 'svc', place: 'function' }] },
  Train: { outcome: 'trained' },
  TrainLarge: { outcome: 'trained' },
  Evaluate: { decision: {} },
  Register: { version: 0, created: true },
  CheckDrift: { verdict: 'none' },
  Promote: { outcome: 'promoted' },
  Announce: { outcome: 'registered' },
  Report: { dataset: '', evaluation: '' },
}

function partition<Item>(items: readonly Item[], isFirst: (item: Item) => boolean) {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))] as const
}

function statesOf(definition: unknown): Record<string, unknown>[] {
  if (definition === null || typeof definition !== 'object') return []
  const inner = Object.values(definition).flatMap(statesOf)
  return 'Type' in definition ? [definition, ...inner] : inner
}

/** Two classes in turn; features that no two cells share, unless given. */
function wideNpy(rows: number, cols: number, cell = (i: number, j: number) => i * cols + j) {
  return npyOf(
    Array.from({ length: rows }, (_, i) => [
      ...Array.from({ length: cols }, (_, j) => cell(i, j)),
      i % 2,
    ]),
  )
}
