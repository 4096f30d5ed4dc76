import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../platform/ports/index.ts'
import { memoryPorts } from '../../platform/testing/memory-ports.ts'
import { firstVersionOf } from '../../tasks/model-records.ts'
import { removeModel } from '../../tasks/model-removal.ts'
import { createRegistry, type Registration } from '../../tasks/registry.ts'

const model = { user: 'ada', dataset: 'iris' }
const reference = { bucket: 'b', key: 'k', versionId: 'v', sha256: 's', size: 1 }

function registration(trainingId: string, sequencer = '01'): Registration {
  const crossValidation = {
    task: 'classification' as const,
    metric: 'accuracy' as const,
    score: 1,
    accuracy: 1,
    logLoss: null,
    folds: [1],
    trials: 1,
    hyperparameters: {},
  }
  return {
    claim: {
      model,
      format: 'npy',
      source: reference,
      sequencer,
      sidecar: null,
      trainingId,
      execution: `execution-${trainingId}`,
    },
    evaluation: {
      algorithm: 'svc',
      artifact: reference,
      crossValidation,
      candidates: [],
      leftOut: [],
      split: { heldOut: 0.25 },
      metrics: {
        task: 'classification',
        rows: 1,
        accuracy: 1,
        balancedAccuracy: 1,
        macroPrecision: 1,
        macroRecall: 1,
        macroF1: 1,
        logLoss: null,
        labels: [],
        confusionMatrix: [],
        perClass: [],
      },
      decision: {
        verdict: 'first',
        promote: true,
        metric: 'accuracy',
        rows: 1,
        margin: 0,
        difference: null,
        interval: null,
        championVersion: null,
        reason: '',
      },
    },
  }
}

function openRegistry() {
  const ports = memoryPorts()
  const { table, clock } = ports
  const registry = createRegistry(table, clock)
  const promote = (version: number, championSeen: number | null) =>
    registry.promote({ model, version, championSeen, execution: 'e', reason: 'r' })
  return { registry, promote, table, ports }
}

describe('registry', () => {
  it('numbers versions from 0 and gives one training one version, also at once', async () => {
    const { registry } = openRegistry()
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) => registry.register(registration(`t${i % 3}`))),
    )
    expect(new Set(answers.map((answer) => answer.version))).toEqual(new Set([0, 1, 2]))
    expect(answers.filter((answer) => answer.created)).toHaveLength(3)
    const { versions } = await registry.versions(model)
    expect(versions.map((one) => one.version)).toEqual([2, 1, 0])
    expect((await registry.models()).models).toEqual([model])
  })

  it('moves the champion by compare-and-swap and keeps its history', async () => {
    const { registry, promote } = openRegistry()
    for (const id of ['a', 'b', 'c']) await registry.register(registration(id))
    expect(await promote(0, null)).toEqual({ outcome: 'promoted', previous: null })
    expect(await promote(1, null)).toEqual({ outcome: 'champion-moved', champion: 0 })
    expect(await promote(1, 0)).toEqual({ outcome: 'promoted', previous: 0 })
    expect(await promote(1, 0)).toEqual({ outcome: 'promoted', previous: 0 })
    expect(await registry.alias(model, 'previous')).toMatchObject({ version: 0 })
    expect(await registry.aliasHistory(model, 'champion')).toMatchObject([
      { from: null, to: 0 },
      { from: 0, to: 1 },
    ])
    expect(await registry.lastPromoted('ada')).toEqual(model)
    expect(await registry.lastPromoted('bob')).toBeUndefined()
  })

  it('never promotes an older upload after a newer one', async () => {
    const { registry, promote } = openRegistry()
    await registry.register(registration('new', '0B'))
    await registry.register(registration('old', '0A'))
    await promote(0, null)
    expect(await promote(1, 0)).toEqual({ outcome: 'superseded', champion: 0 })
    expect(await promote(1, null)).toEqual({ outcome: 'superseded', champion: 0 })
  })

  it('lets one of many promotions against the same champion win', async () => {
    const { registry, promote } = openRegistry()
    for (let i = 0; i < 10; i++) await registry.register(registration(`t${i}`))
    await promote(0, null)
    const answers = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8, 9].map((v) => promote(v, 0)))
    expect(answers.filter((answer) => answer.outcome === 'promoted')).toHaveLength(1)
    expect(answers.filter((answer) => answer.outcome === 'champion-moved')).toHaveLength(8)
  })

  it('reads what moved an alias as earlier versions kept it', async () => {
    const { registry, promote, table } = openRegistry()
    await registry.register(registration('a'))
    await promote(0, null)
    const pk = 'model#ada/iris'
    const { movedBy: mover, ...alias } = (await table.get(pk, 'alias#champion'))!
    const [item] = (await table.query(pk, { prefix: 'move#champion#' })).items
    const { movedBy: moved, ...move } = item!['move'] as JsonObject
    await table.put({ ...alias, execution: mover })
    await table.put({ ...item!, move: { ...move, execution: moved! } })
    expect(await registry.alias(model, 'champion')).toMatchObject({ version: 0, movedBy: 'e' })
    expect(await registry.aliasHistory(model, 'champion')).toMatchObject([{ to: 0, movedBy: 'e' }])
  })

  it('names the newest version that was not promoted as challenger', async () => {
    const { registry } = openRegistry()
    await registry.register(registration('a'))
    await registry.register(registration('b'))
    await registry.challenge(model, 1, 'e')
    await registry.challenge(model, 0, 'e')
    expect(await registry.alias(model, 'challenger')).toMatchObject({ version: 1 })
  })

  it('brings no deleted model back by a training that had begun before', async () => {
    const { registry, ports } = openRegistry()
    const begun = async (id: string) => {
      const { claim, evaluation } = registration(id)
      const firstVersion = firstVersionOf(await registry.head(model))
      return { claim: { ...claim, firstVersion }, evaluation }
    }
    await registry.register(await begun('first'))
    const before = [await begun('a'), await begun('b')] as const
    await removeModel(ports, model)
    const deleted = expect.objectContaining({ name: 'ModelDeleted' }) as Error
    await expect(registry.register(before[0])).rejects.toThrow(deleted)
    expect((await registry.models()).models).toEqual([])

    // What came after it makes the model anew, and lets the others in no more.
    const after = [await begun('c'), await begun('d')] as const
    expect(await registry.register(after[0])).toEqual({ version: 1, created: true })
    expect(await registry.register(after[1])).toEqual({ version: 2, created: true })
    await expect(registry.register(before[1])).rejects.toThrow(deleted)
    await removeModel(ports, model)
    await expect(registry.register(after[1])).rejects.toThrow(deleted)
  })

  it('says which version or model is not there', async () => {
    const { registry } = openRegistry()
    await expect(registry.version(model, 0)).rejects.toMatchObject({ name: 'ModelNotFound' })
  })
})
