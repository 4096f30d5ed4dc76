import { describe, expect, it } from 'vitest'
import { memoryPorts } from '../../platform/testing/index.ts'
import { datasetOf, splitDataset, splitRuleOf } from '../../tasks/dataset.ts'
import { createRegistry } from '../../tasks/registry.ts'
import { irisNpy, npyOf } from '../fixtures/iris.ts'
import { groupedRows, quantityRows } from '../fixtures/quantities.ts'
import { train } from '../fixtures/train.ts'

interface Output {
  outcome: string
  version: number
  algorithm: string
  metrics: { rows: number } & Record<string, number>
  candidates: { algorithm: string; score: number | null }[]
  leftOut: { algorithm: string; reason: string }[]
  decision: {
    verdict: string
    metric: string
    rows: number
    difference: number | null
    interval: [number, number] | null
    reason: string
  }
  reasons: { code: string; message: string }[]
}

const classesCsv = (beta: number, rare: readonly string[]) => {
  const rows = Array.from({ length: 120 }, (_, i) =>
    i % beta === 0 ? `${i / 8},beta` : `${i / 8},gamma`,
  )
  return new TextEncoder().encode(['x,class', ...rows, ...rare].join('\n'))
}

async function trained(
  ports: ReturnType<typeof memoryPorts>,
  key: string,
  bytes: Uint8Array,
  configuration: object,
): Promise<Output> {
  const run = await train(ports, key, bytes, { configuration })
  expect(run.status).toBe('SUCCEEDED')
  return run.output as unknown as Output
}

describe('The metric of a training', () => {
  const key = 'uploads/ada/price.npy'
  const bytes = npyOf(quantityRows(300, 3, 4))

  it.each([
    ['mae', 'lowest'],
    ['rmse', 'lowest'],
    ['r2', 'highest'],
  ] as const)('%s chooses the candidate, and is what the gate decides by', async (metric, best) => {
    const ports = memoryPorts()
    const configuration = { metric, algorithms: ['ridge', 'gradient-boosting'], trials: 2 }
    const first = await trained(ports, key, bytes, { ...configuration, algorithms: ['mean'] })
    const output = await trained(ports, key, bytes, configuration)
    const scores = output.candidates.map(({ score }) => score!)
    const chosen = output.candidates.find(({ algorithm }) => algorithm === output.algorithm)!
    expect(chosen.score).toBe(best === 'lowest' ? Math.min(...scores) : Math.max(...scores))
    const { decision, metrics } = output
    expect(decision).toMatchObject({ verdict: 'not-worse', metric, rows: metrics.rows })
    expect(decision.difference).toBeCloseTo(metrics[metric]! - first.metrics[metric]!, 9)
    expect(Math.sign(decision.difference!)).toBe(best === 'lowest' ? -1 : 1)
    const [lower, upper] = decision.interval!
    expect(lower).toBeLessThanOrEqual(decision.difference!)
    expect(upper).toBeGreaterThanOrEqual(decision.difference!)
    const worse = await trained(ports, key, bytes, {
      ...configuration,
      algorithms: ['mean'],
      trials: 1,
    })
    expect(worse.decision.verdict).toBe('worse')
  })

  it.each(['balancedAccuracy', 'macroF1', 'logLoss'])(
    '%s compares classifications on the same rows',
    async (metric) => {
      const ports = memoryPorts()
      const iris = 'uploads/ada/iris.npy'
      const first = await trained(ports, iris, irisNpy(), { metric, algorithms: ['majority'] })
      const output = await trained(ports, iris, irisNpy(), {
        metric,
        algorithms: ['logistic-regression'],
        trials: 2,
      })
      expect(output).toMatchObject({
        algorithm: 'logistic-regression',
        decision: { verdict: 'not-worse', metric },
      })
      const { difference, interval } = output.decision
      expect(difference).toBeCloseTo(output.metrics[metric]! - first.metrics[metric]!, 9)
      const isLoss = metric === 'logLoss'
      expect(isLoss ? interval![1] < 0 : interval![0] > 0).toBe(true)
      const { metric: kept, crossValidation } = await createRegistry(
        ports.table,
        ports.clock,
      ).version({ user: 'ada', dataset: 'iris' }, 1)
      expect(kept).toBe(metric)
      expect(crossValidation).toMatchObject({ metric })
      expect(crossValidation.folds).toHaveLength(5)
    },
  )

  it('by which the champion is judged, whatever that was chosen by', async () => {
    const ports = memoryPorts()
    const first = await trained(ports, key, bytes, { algorithms: ['ridge'], trials: 1 })
    const { decision, metrics } = await trained(ports, key, bytes, {
      metric: 'mae',
      algorithms: ['gradient-boosting'],
      trials: 1,
    })
    expect(first.decision.metric).toBe('rmse')
    expect(decision.metric).toBe('mae')
    expect(decision.difference).toBeCloseTo(metrics['mae']! - first.metrics['mae']!, 9)
  })

  it('is not of a task that it does not measure', async () => {
    const ports = memoryPorts()
    const quantity = await trained(ports, key, bytes, { metric: 'macroF1' })
    expect(quantity).toMatchObject({
      outcome: 'rejected',
      reasons: [{ code: 'MetricUnsupported' }],
    })
    expect(quantity.reasons[0]!.message).toMatch(
      /not for regression, for which there are rmse, mae, r2$/,
    )
    const groups = await trained(ports, 'uploads/ada/groups.npy', npyOf(groupedRows(80, 2, 1)), {
      task: 'clustering',
      metric: 'r2',
    })
    expect(groups.reasons[0]!.message).toMatch(/which there are silhouette$/)
  })

  it('names what was left out because no place has the time for it', async () => {
    const places = [{ name: 'function', memoryBytes: 3e9, seconds: 0.3 }] as const
    const { leftOut } = await trained(memoryPorts({ places }), 'uploads/ada/iris.npy', irisNpy(), {
      algorithms: ['ml-svm', 'logistic-regression'],
      trials: 1,
    })
    expect(leftOut).toEqual([
      {
        algorithm: 'ml-svm',
        instead: 'logistic-regression',
        reason: expect.stringMatching(/^ml-svm on 1\d\d rows × 4 columns takes about/) as string,
      },
    ])
  })

  it('of log loss leaves out what has no probabilities, and a champion without waits', async () => {
    const ports = memoryPorts()
    const iris = 'uploads/ada/iris.npy'
    await trained(ports, iris, irisNpy(), { algorithms: ['svc'], trials: 1 })
    const { leftOut, candidates, decision } = await trained(ports, iris, irisNpy(), {
      metric: 'logLoss',
      algorithms: ['svc', 'logistic-regression'],
      trials: 1,
    })
    expect(leftOut).toMatchObject([{ algorithm: 'svc', instead: 'logistic-regression' }])
    expect(candidates.map(({ algorithm }) => algorithm)).toEqual([
      'logistic-regression',
      'majority',
    ])
    expect(decision).toMatchObject({ verdict: 'schema-changed', metric: 'logLoss' })
    expect(decision.reason).toContain('no log loss of both')
    const alone = await trained(ports, iris, irisNpy(), { metric: 'logLoss', algorithms: ['svc'] })
    expect(alone).toMatchObject({ outcome: 'rejected', reasons: [{ code: 'MetricUnsupported' }] })
  })
})

describe('The split of a training', () => {
  const key = 'uploads/ada/price.npy'
  const bytes = npyOf(quantityRows(400, 5))
  const heldOut = (share: number) => ({
    algorithms: ['ridge'],
    trials: 1,
    split: { heldOut: share },
  })

  it('is kept with the version', async () => {
    const ports = memoryPorts()
    const { metrics } = await trained(ports, key, bytes, heldOut(0.4))
    expect(metrics.rows).toBeGreaterThan(130)
    const registry = createRegistry(ports.table, ports.clock)
    const version = await registry.version({ user: 'ada', dataset: 'price' }, 0)
    expect(version).toMatchObject({ split: { heldOut: 0.4 }, metric: 'rmse' })
  })

  it('leaves the gate the rows that were held out of both trainings', async () => {
    const ports = memoryPorts()
    const narrow = await trained(ports, key, bytes, heldOut(0.2))
    const wide = await trained(ports, key, bytes, heldOut(0.5))
    expect(wide.metrics.rows).toBeGreaterThan(2 * narrow.metrics.rows)
    expect(wide.decision.rows).toBe(narrow.metrics.rows)
    const again = await trained(ports, key, bytes, heldOut(0.25))
    const widest = wide.decision.verdict === 'not-worse' ? wide : narrow
    expect(again.decision.rows).toBe(Math.min(again.metrics.rows, widest.metrics.rows))
  })

  it.each([0, 0.01, 0.6, 1, 'half'])('is refused when it is %s', async (share) => {
    const ports = memoryPorts()
    const refused = await trained(ports, key, bytes, { split: { heldOut: share } })
    expect(refused).toMatchObject({
      outcome: 'rejected',
      reasons: [{ code: 'ConfigurationInvalid' }],
    })
  })

  it('counts a class whose rows are all held out as one that no model answers', async () => {
    const ports = memoryPorts()
    const upload = 'uploads/ada/kinds.csv'
    const configuration = { algorithms: ['majority'], metric: 'logLoss' }
    const isUnlearned = (bytes: Uint8Array) => {
      const dataset = datasetOf(bytes, { format: 'csv', configuration: {} })
      const { heldOut } = splitDataset(dataset, splitRuleOf({}))
      return heldOut.includes(120) && heldOut.includes(121)
    }
    const grown = Array.from({ length: 1000 }, (_, k) =>
      classesCsv(3, [`${1000 + k},alpha`, `${2000 + k},alpha`]),
    ).find(isUnlearned)!
    // The champion has not heard of the class "alpha", which comes before its own by name.
    await trained(ports, upload, classesCsv(3, []), configuration)
    const { metrics, decision } = await trained(ports, upload, grown, configuration)
    expect(metrics).toMatchObject({ labels: ['alpha', 'beta', 'gamma'] })
    expect(metrics['accuracy']).toBeGreaterThan(0.5)
    expect(decision).toMatchObject({ metric: 'logLoss', rows: metrics.rows })
    expect(Math.abs(decision.difference!)).toBeLessThan(0.001)
  })
})
