import { describe, expect, it } from 'vitest'
import { createApi } from '../../api/app.ts'
import { LocalCompute } from '../../platform/local/compute.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { fitCandidate, type FitRequest } from '../../tasks/fit-candidate.ts'
import { loadModel } from '../../tasks/model-artifact.ts'
import { createRegistry } from '../../tasks/registry.ts'
import { irisNpy, npyOf } from '../fixtures/iris.ts'
import { groupedRows, pricesCsv, quantityRows } from '../fixtures/quantities.ts'
import { train } from '../fixtures/train.ts'

const registryOf = (ports: MemoryPorts) => createRegistry(ports.table, ports.clock)

const csvOf = (header: string, rows: readonly (readonly number[])[]) =>
  new TextEncoder().encode([header, ...rows.map((row) => row.join(','))].join('\n'))

async function ask(ports: MemoryPorts, model: string, instances: unknown) {
  const response = await createApi(ports).fetch(
    new Request(`http://localhost/models/${model}/predictions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ instances }),
    }),
  )
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

interface Raced {
  algorithm: string
  metrics: { rows: number; rmse: number; mae: number; r2: number }
  candidates: { algorithm: string; score: number; trials: number }[]
}

describe('a regression', () => {
  const fast = { algorithms: ['ridge', 'gradient-boosting'], trials: 2 }

  it('becomes a served version that answers a quantity, and beats the mean', async () => {
    const ports = memoryPorts()
    const run = await train(ports, 'uploads/ada/price.npy', npyOf(quantityRows(600, 1)), {
      configuration: fast,
    })
    expect(run).toMatchObject({
      status: 'SUCCEEDED',
      output: {
        outcome: 'registered',
        algorithm: 'gradient-boosting',
        decision: { verdict: 'first', metric: 'rmse' },
        promotion: { outcome: 'promoted' },
      },
    })
    const { metrics, candidates } = run.output as unknown as Raced
    expect(metrics.r2).toBeGreaterThan(0.9)
    expect(metrics.mae).toBeLessThanOrEqual(metrics.rmse)
    const scores = new Map(candidates.map(({ algorithm, score }) => [algorithm, score]))
    expect([...scores.keys()]).toEqual(['ridge', 'gradient-boosting', 'mean'])
    expect(scores.get('gradient-boosting')).toBeLessThan(scores.get('ridge')!)
    expect(scores.get('ridge')).toBeLessThan(scores.get('mean')!)
    const { status, body } = await ask(ports, 'ada/price', [[2, 1, 0.5]])
    expect(status).toBe(200)
    expect(body).toMatchObject({ task: 'regression', probabilities: null, classes: null })
    const expected = 10 + 3 * 2 - 2 * 1 + 4 * Math.sin(1)
    expect(Math.abs((body['predictions'] as number[])[0]! - expected)).toBeLessThan(2)
    const told = ports.published.find((event) => event['detail-type'] === 'Model Registered')
    expect(told!.detail['metrics']).toEqual({
      rmse: metrics.rmse,
      mae: metrics.mae,
      r2: metrics.r2,
    })
  })

  it('is read from a CSV with a named target', async () => {
    const ports = memoryPorts()
    const rows = quantityRows(200, 2).map(([a, b, c, y]) => [y!, a!, b!, c!])
    const run = await train(ports, 'uploads/ada/price.csv', csvOf('price,a,b,c', rows), {
      configuration: { ...fast, algorithms: ['ridge'], target: 'price' },
    })
    expect(run.output).toMatchObject({ algorithm: 'ridge', metrics: { task: 'regression' } })
    expect((await ask(ports, 'ada/price', [[1, 1, 1]])).status).toBe(200)
  })

  it('promotes what is better on the same held-out rows, and keeps out what is worse', async () => {
    const ports = memoryPorts()
    const key = 'uploads/ada/price.npy'
    const bytes = npyOf(quantityRows(600, 3))
    await train(ports, key, bytes, { configuration: { algorithms: ['ridge'] } })
    const better = await train(ports, key, bytes, {
      configuration: { algorithms: ['gradient-boosting'], trials: 1 },
    })
    expect(better.output).toMatchObject({
      version: 1,
      decision: { verdict: 'not-worse', metric: 'rmse', championVersion: 0 },
      promotion: { outcome: 'promoted', previous: 0 },
    })
    const { difference, interval } = (
      better.output as { decision: { difference: number; interval: [number, number] } }
    ).decision
    expect(difference).toBeLessThan(0)
    expect(interval[0]).toBeLessThanOrEqual(difference)
    expect(interval[1]).toBeLessThan(0)
    const worse = await train(ports, key, bytes, { configuration: { algorithms: ['mean'] } })
    expect(worse.output).toMatchObject({
      algorithm: 'mean',
      decision: { verdict: 'worse', promote: false },
      promotion: { outcome: 'kept', champion: 1 },
    })
  })

  it('waits for a person where the champion learned another task', async () => {
    const ports = memoryPorts()
    const key = 'uploads/ada/iris.npy'
    await train(ports, key, irisNpy(), { configuration: { algorithms: ['majority'] } })
    const run = await train(ports, key, irisNpy(), {
      configuration: { task: 'regression', algorithms: ['ridge'] },
    })
    expect(run.output).toMatchObject({
      decision: { verdict: 'schema-changed', promote: false },
      promotion: { outcome: 'kept', champion: 0 },
    })
    expect((run.output as { decision: { reason: string } }).decision.reason).toContain(
      'the champion is a classification, this version a regression',
    )
  })
})

describe('tuning', () => {
  it('makes the same model file of the same bytes and configuration', async () => {
    const configuration = { algorithms: ['gradient-boosting', 'ridge'], trials: 3 }
    const made = []
    for (let run = 0; run < 2; run++) {
      const ports = memoryPorts()
      await train(ports, 'uploads/ada/price.npy', npyOf(quantityRows(120, 4)), { configuration })
      const { artifact, crossValidation } = await registryOf(ports).version(
        { user: 'ada', dataset: 'price' },
        0,
      )
      made.push({ sha256: artifact.sha256, crossValidation })
    }
    expect(made[0]).toEqual(made[1])
  })

  it('makes the same file in a worker thread as in the main thread', async () => {
    const compute = new LocalCompute({ threads: 1 })
    try {
      for (const algorithm of ['gradient-boosting', 'random-forest']) {
        const request: FitRequest = {
          bytes: npyOf(quantityRows(120, 4)),
          form: { format: 'npy', configuration: { trials: 2 } },
          algorithm,
          sha256: '0123456789abcdef',
          lineage: {},
        }
        const here = await fitCandidate.run(request)
        expect(here.outcome).toBe('trained')
        expect(await compute.run(fitCandidate, request)).toEqual(here)
      }
    } finally {
      await compute.close()
    }
  })

  it('tries as many settings as are asked for, and never does worse than the defaults', async () => {
    const scoreOf = async (trials: number) => {
      const ports = memoryPorts()
      const run = await train(ports, 'uploads/ada/price.npy', npyOf(quantityRows(150, 5, 20)), {
        configuration: { algorithms: ['ridge'], trials },
      })
      return (run.output as unknown as Raced).candidates[0]!
    }
    const [plain, tuned] = [await scoreOf(1), await scoreOf(12)]
    expect([plain.trials, tuned.trials]).toEqual([1, 12])
    expect(tuned.score).toBeLessThanOrEqual(plain.score)
  })

  it('leaves alone what the uploader decided', async () => {
    const ports = memoryPorts()
    await train(ports, 'uploads/ada/iris.npy', irisNpy(), {
      configuration: { algorithms: ['svc'], hyperparameters: { svc: { C: 7 } }, trials: 3 },
    })
    const { artifact } = await registryOf(ports).version({ user: 'ada', dataset: 'iris' }, 0)
    const { pipeline } = await loadModel(ports.objects, artifact)
    expect(pipeline.parameters).toMatchObject({ C: 7 })
  })

  it('goes on without a candidate that does not converge, and says why', async () => {
    const ports = memoryPorts()
    const run = await train(ports, 'uploads/ada/iris.npy', irisNpy(), {
      configuration: {
        algorithms: ['svc', 'logistic-regression'],
        hyperparameters: { 'logistic-regression': { maxIter: 1 } },
        trials: 2,
      },
    })
    expect(run.output).toMatchObject({ outcome: 'registered', algorithm: 'svc' })
    expect((run.output as unknown as Raced).candidates[1]).toMatchObject({
      algorithm: 'logistic-regression',
      score: null,
      reason: expect.stringContaining('maxIter') as string,
    })
  })
})

describe('the race', () => {
  it('tells what was left out for the number of rows', async () => {
    const ports = memoryPorts()
    const rows = Array.from({ length: 3000 }, (_, i) => [i, (i * 7919) % 3001, i % 2])
    const run = await train(ports, 'uploads/ada/many.npy', npyOf(rows), {
      configuration: { algorithms: ['ml-svm', 'majority'] },
    })
    expect(run.output).toMatchObject({
      algorithm: 'majority',
      leftOut: [{ algorithm: 'ml-svm', instead: 'majority' }],
    })
    expect(run.calls['Train']).toHaveLength(1)
  })
})

describe('a clustering', () => {
  const configuration = { task: 'clustering' }

  it('finds the groups that there are, and answers their numbers', async () => {
    const ports = memoryPorts()
    const run = await train(ports, 'uploads/ada/groups.npy', npyOf(groupedRows(400, 4, 1)), {
      configuration,
    })
    expect(run.output).toMatchObject({
      outcome: 'registered',
      algorithm: 'k-means',
      metrics: { task: 'clustering', clusters: 4 },
      decision: { verdict: 'first', metric: 'silhouette' },
    })
    const { metrics } = run.output as {
      metrics: { rows: number; sizes: number[]; silhouette: number }
    }
    expect(metrics.silhouette).toBeGreaterThan(0.8)
    expect(metrics.sizes.reduce((sum, size) => sum + size)).toBe(metrics.rows)
    const centres = [0, 1, 2, 3].map((g) => [g * 10 + 0.5, (g % 2) * 10 + 0.5])
    const { body } = await ask(ports, 'ada/groups', centres)
    expect(body).toMatchObject({ task: 'clustering', classes: null, probabilities: null })
    expect(body['predictions']).toEqual([0, 1, 2, 3])
  })

  it('promotes as good a clustering of new rows, and keeps out a worse one', async () => {
    const ports = memoryPorts()
    const key = 'uploads/ada/groups.npy'
    await train(ports, key, npyOf(groupedRows(400, 4, 1)), { configuration })
    const grown = npyOf(groupedRows(800, 4, 1))
    const again = await train(ports, key, grown, { configuration })
    expect(again.output).toMatchObject({ decision: { metric: 'silhouette', championVersion: 0 } })
    const other = await train(ports, key, grown, {
      configuration: { ...configuration, hyperparameters: { 'k-means': { nClusters: 2 } } },
    })
    expect(other.output).toMatchObject({ decision: { verdict: 'schema-changed' } })
  })
})

describe('text and missing values', () => {
  it('are learned from, and asked for by their names', async () => {
    const ports = memoryPorts()
    const key = 'uploads/ada/prices.csv'
    for (const algorithm of ['gradient-boosting', 'ridge']) {
      const run = await train(ports, key, pricesCsv(500, 1), {
        configuration: { algorithms: [algorithm], trials: 1 },
      })
      expect(run.output).toMatchObject({ outcome: 'registered', algorithm })
      const { version } = run.output as { version: number }
      const asked = await ask(ports, `ada/prices`, [
        [5, 'plain'],
        [5, 'rare'],
        [null, 'plain'],
        [5, 'unheard of'],
      ])
      expect(asked.status).toBe(200)
      const [plain, rare, unweighed, unknown] = asked.body['predictions'] as number[]
      expect(rare! - plain!).toBeGreaterThan(100)
      expect(Number.isFinite(unweighed) && Number.isFinite(unknown)).toBe(true)
      expect(version).toBe(algorithm === 'ridge' ? 1 : 0)
    }
    expect((await ask(ports, 'ada/prices', [['heavy', 'plain']])).body).toMatchObject({
      type: 'urn:millrace:error:RequestInvalid',
      errors: [{ field: 'instances.0.0' }],
    })
  })

  it('keep their numbers when an upload brings a new category', async () => {
    const ports = memoryPorts()
    const key = 'uploads/ada/prices.csv'
    const configuration = { algorithms: ['gradient-boosting'], trials: 1 }
    await train(ports, key, pricesCsv(600, 1), { configuration })
    const text = new TextDecoder().decode(pricesCsv(600, 1))
    const grown = `${text}\n4,absurd,123.5\n5,absurd,150.5\n3,absurd,90.25`
    const run = await train(ports, key, new TextEncoder().encode(grown), { configuration })
    // "absurd" comes before all others: read by its own numbers the champion would be far off.
    expect(run.output).toMatchObject({ drift: { verdict: 'none' } })
    const { decision, metrics } = run.output as unknown as Raced & {
      decision: { difference: number }
    }
    expect(Math.abs(decision.difference)).toBeLessThan(metrics.rmse)
  })
})
