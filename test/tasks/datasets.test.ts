import { describe, expect, it, vi } from 'vitest'
import { createDatasets } from '../../tasks/datasets.ts'
import type { DatasetSchema } from '../../tasks/dataset-schema.ts'
import type { ModelName } from '../../tasks/names.ts'
import { createRegistry, type Registration } from '../../tasks/registry.ts'
import type { ObjectReference } from '../../tasks/shapes.ts'
import { removeModel } from '../../tasks/model-removal.ts'
import { irisNpy } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'
import { name, schema, openDatasets, openWith, textOf, iris } from './opened-datasets.ts'

describe('creating', () => {
  it('makes version 0 without rows, and the same again changes nothing', async () => {
    const { ports, datasets } = openDatasets()
    const first = await datasets.create(name, schema)
    expect(first).toMatchObject({
      created: true,
      dataset: { versionCount: 1, latest: { version: 0 } },
    })
    ports.clock.advance(1000)
    expect(await datasets.create(name, structuredClone(schema))).toEqual({
      ...first,
      created: false,
    })
    expect(await datasets.schema(first.dataset.latest)).toEqual(schema)
    expect(await textOf(ports, datasets)).toBe('carat,price,cut\n')
  })

  it.each<[string, DatasetSchema]>([
    ['another target', { ...schema, target: 'carat' }],
    ['another order', { ...schema, columns: schema.columns.toReversed() }],
  ])('refuses %s of the same name', async (_, other) => {
    const { datasets } = await openWith([[1, 2, 'Ideal']])
    await expect(datasets.create(name, other)).rejects.toMatchObject({ name: 'DatasetExists' })
    expect((await datasets.describe(name)).latest).toMatchObject({ version: 1, rows: 1 })
  })

  it.each<[string, DatasetSchema, RegExp]>([
    ['a target that is no column', { ...schema, target: 'colour' }, /target/],
    ['a target alone', { columns: [{ name: 'a', type: 'number' }], target: 'a' }, /two/],
    [
      'two columns of one name',
      { columns: [schema.columns[0]!, schema.columns[0]!], target: null },
      /both/,
    ],
    [
      'names that are numbers',
      { columns: [{ name: '1', type: 'number' }], target: null },
      /numbers only/,
    ],
  ])('refuses %s', async (_, other, message) => {
    const { datasets } = openDatasets()
    const refusal = { name: 'RequestInvalid', message: expect.stringMatching(message) as string }
    await expect(datasets.create(name, other)).rejects.toMatchObject(refusal)
    await expect(datasets.describe(name)).rejects.toMatchObject({ name: 'DatasetNotFound' })
  })

  it('is made once by many at one moment', async () => {
    const { ports } = openDatasets()
    const made = await Promise.all(
      Array.from({ length: 20 }, () => createDatasets(ports).create(name, schema)),
    )
    expect(made.filter(({ created }) => created)).toHaveLength(1)
    expect((await createDatasets(ports).versions(name)).versions).toHaveLength(1)
  })
})

describe('lists', () => {
  it('go on by cursors, of one user or of all', async () => {
    const { datasets } = openDatasets()
    const names = ['ada/a', 'ada/b', 'ada/c', 'adam/a', 'bob/a']
    for (const one of names.toReversed()) {
      const [user = '', dataset = ''] = one.split('/')
      await datasets.create({ user, dataset }, schema)
    }
    const listed = async (user?: string) => {
      const found: string[] = []
      let cursor: string | undefined
      do {
        const page = await datasets.list({ user, cursor, limit: 2 })
        found.push(...page.datasets.map(({ dataset }) => `${dataset.user}/${dataset.dataset}`))
        cursor = page.cursor
      } while (cursor !== undefined)
      return found
    }
    expect(await listed()).toEqual(names)
    expect(await listed('ada')).toEqual(names.slice(0, 3))
    expect(await listed('nobody')).toEqual([])
  })
})

describe('removing', () => {
  const notFound = { name: 'DatasetNotFound' }

  it('hides the dataset with its objects, and never gives its numbers again', async () => {
    const { ports, datasets } = await openWith([[1, 2, 'a']])
    await datasets.materialise(name)
    await datasets.remove(name)
    await expect(datasets.describe(name)).rejects.toMatchObject(notFound)
    await expect(datasets.version(name, 1)).rejects.toMatchObject(notFound)
    await expect(datasets.append(name, [[1, 2, 'a']])).rejects.toMatchObject(notFound)
    await expect(datasets.remove(name)).rejects.toMatchObject(notFound)
    expect((await datasets.list()).datasets).toEqual([])
    expect((await ports.objects.list('datasets/')).objects).toEqual([])
    await datasets.create(name, { ...schema, target: 'carat' })
    await datasets.append(name, [[1, 2, 'b']])
    expect(await datasets.describe(name)).toMatchObject({ versionCount: 2, latest: { version: 3 } })
    expect((await datasets.versions(name)).versions.map(({ version }) => version)).toEqual([3, 2])
    await expect(datasets.version(name, 1)).rejects.toMatchObject(notFound)
    expect(await textOf(ports, datasets)).toBe('carat,price,cut\n1,2,b\n')
  })

  it('is refused while a model learned from it, unless it is archived', async () => {
    const { ports, datasets } = openDatasets()
    await train(ports, 'uploads/ada/iris.npy', irisNpy())
    await expect(datasets.remove(iris)).rejects.toMatchObject({
      name: 'DatasetInUse',
      message: expect.stringContaining('ada/iris') as string,
    })
    const { source } = await datasets.materialise(iris)
    await datasets.remove(iris, { archive: true })
    await expect(datasets.describe(iris)).rejects.toMatchObject(notFound)
    expect((await ports.objects.head(source.key)).versionId).toBe(source.versionId)
    await expect(datasets.remove(iris)).rejects.toMatchObject({ name: 'DatasetInUse' })
    await expect(datasets.remove(iris, { archive: true })).rejects.toMatchObject(notFound)
  })

  it('is done once the models are deleted, and leaves an upload that is newer', async () => {
    const { ports, datasets } = openDatasets()
    await train(ports, 'uploads/ada/iris.npy', irisNpy())
    await removeModel(ports, iris)
    await datasets.remove(iris)
    await expect(ports.objects.head('uploads/ada/iris.npy')).rejects.toMatchObject({
      name: 'ObjectNotFound',
    })
    await train(ports, 'uploads/ada/iris.npy', irisNpy())
    expect(await datasets.describe(iris)).toMatchObject({ versionCount: 1, latest: { version: 1 } })
    await removeModel(ports, iris)
    const newer = await ports.objects.put('uploads/ada/iris.npy', irisNpy())
    await datasets.remove(iris)
    expect((await ports.objects.head('uploads/ada/iris.npy')).versionId).toBe(newer.versionId)
  })

  it('is not undone by an append at the same moment', async () => {
    const { ports, datasets } = await openWith([[1, 2, 'a']])
    const transact = ports.table.transact.bind(ports.table)
    vi.spyOn(ports.table, 'transact').mockImplementationOnce(async (writes) => {
      await createDatasets(ports).remove(name)
      await transact(writes)
    })
    await expect(datasets.append(name, [[1, 2, 'a']])).rejects.toMatchObject(notFound)
    await expect(datasets.describe(name)).rejects.toMatchObject(notFound)
  })

  it('is refused for the model of its name, wherever that learned from', async () => {
    const { ports, datasets } = openDatasets()
    await train(ports, 'uploads/ada/iris.npy', irisNpy())
    await ports.table.delete('dataset#ada/iris', 'dependent#ada/iris')
    await expect(datasets.remove(iris)).rejects.toMatchObject({ name: 'DatasetInUse' })
  })

  it('is refused for a model of another name that learned from a version', async () => {
    const { ports, datasets } = await openWith([[1, 2, 'a']])
    const { source } = await datasets.materialise(name)
    const other = { user: 'ada', dataset: 'prices' }
    const registry = createRegistry(ports.table, ports.clock)
    await registry.register(registrationOf(other, source))
    await expect(datasets.remove(name)).rejects.toMatchObject({
      name: 'DatasetInUse',
      message: expect.stringContaining('ada/prices') as string,
    })
    await removeModel(ports, other)
    await datasets.remove(name)
  })

  it('ends what an interruption left when it is asked for again', async () => {
    const { ports, datasets } = await openWith([[1, 2, 'a']])
    vi.spyOn(ports.objects, 'list').mockRejectedValueOnce(new Error('gone'))
    await expect(datasets.remove(name)).rejects.toThrow('gone')
    await expect(datasets.describe(name)).rejects.toMatchObject(notFound)
    await datasets.remove(name)
    expect((await ports.objects.list('datasets/')).objects).toEqual([])
    await expect(datasets.remove(name)).rejects.toMatchObject(notFound)
  })
})

function registrationOf(model: ModelName, source: ObjectReference): Registration {
  const score = {
    task: 'regression' as const,
    metric: 'rmse' as const,
    score: 1,
    rmse: 1,
    folds: [1],
    trials: 1,
    hyperparameters: {},
  }
  return {
    claim: {
      model,
      format: 'csv',
      source,
      sequencer: '01',
      sidecar: null,
      trainingId: 't',
      execution: 'e',
    },
    evaluation: {
      algorithm: 'ridge',
      artifact: source,
      crossValidation: score,
      candidates: [],
      leftOut: [],
      split: { heldOut: 0.25 },
      metrics: {
        task: 'regression',
        rows: 1,
        rmse: 1,
        mae: 1,
        r2: null,
        medianAbsoluteError: 1,
        maxError: 1,
      },
      decision: {
        verdict: 'first',
        promote: true,
        metric: 'rmse',
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
