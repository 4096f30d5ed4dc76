import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { parseCsv, writeNpy } from '../../ml/data/index.ts'
import { openPlatform } from '../../platform/local/platform.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import type { Ports } from '../../platform/ports/index.ts'
import { createDatasets, type Datasets } from '../../tasks/datasets.ts'
import type { DatasetSchema } from '../../tasks/dataset-schema.ts'
import type { ModelName } from '../../tasks/names.ts'
import { createRegistry, type Registration } from '../../tasks/registry.ts'
import type { ObjectReference } from '../../tasks/shapes.ts'
import { removeModel } from '../../tasks/model-removal.ts'
import { irisNpy, irisRows } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'

const name = { user: 'ada', dataset: 'stones' }
const schema: DatasetSchema = {
  columns: [
    { name: 'carat', type: 'number' },
    { name: 'price', type: 'number' },
    { name: 'cut', type: 'text' },
  ],
  target: 'price',
}

function open(ports: MemoryPorts = memoryPorts()) {
  return { ports, datasets: createDatasets(ports) }
}

async function openWith(rows: readonly unknown[]) {
  const opened = open()
  await opened.datasets.create(name, schema)
  await opened.datasets.append(name, rows)
  return opened
}

async function textOf(
  { objects }: Pick<Ports, 'objects'>,
  datasets: Datasets,
  version?: number,
  dataset = name,
) {
  const { source } = await datasets.materialise(dataset, version)
  return new TextDecoder().decode(await objects.read(source.key, { versionId: source.versionId }))
}

const iris = { user: 'ada', dataset: 'iris' }
const irisHeader = 'feature_0,feature_1,feature_2,feature_3,target'

describe('creating', () => {
  it('makes version 0 without rows, and the same again changes nothing', async () => {
    const { ports, datasets } = open()
    const first = await datasets.create(name, schema)
    expect(first).toMatchObject({ created: true, dataset: { versions: 1, latest: { version: 0 } } })
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
    await expect(datasets.create(name, other)).rejects.toMatchObject({ name: 'DatasetConflict' })
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
    const { datasets } = open()
    const refusal = { name: 'RequestInvalid', message: expect.stringMatching(message) as string }
    await expect(datasets.create(name, other)).rejects.toMatchObject(refusal)
    await expect(datasets.describe(name)).rejects.toMatchObject({ name: 'DatasetNotFound' })
  })

  it('is made once by many at one moment', async () => {
    const { ports } = open()
    const made = await Promise.all(
      Array.from({ length: 20 }, () => createDatasets(ports).create(name, schema)),
    )
    expect(made.filter(({ created }) => created)).toHaveLength(1)
    expect((await createDatasets(ports).versions(name)).versions).toHaveLength(1)
  })
})

describe('appending', () => {
  it('adds rows by name and by order, each append a version that stays what it was', async () => {
    const { ports, datasets } = await openWith([{ cut: 'Ideal', price: 10, carat: 0.1 }])
    await datasets.append(name, [
      [-0, 1e21, null],
      [0.30000000000000004, 2 ** 60 + 2 ** 40, '=1+1'],
    ])
    const text = [
      'carat,price,cut\n',
      '0.1,10,Ideal\n',
      '-0,1e+21,\n0.30000000000000004,1.15292260411933491e+18,=1+1\n',
    ]
    expect(await textOf(ports, datasets, 1)).toBe(text.slice(0, 2).join(''))
    expect(await textOf(ports, datasets, 0)).toBe(text[0])
    const last = parseCsv(new TextEncoder().encode(await textOf(ports, datasets)))
    expect(last.columns.map(({ values }) => [...values])).toEqual([
      [0.1, -0, 0.30000000000000004],
      [10, 1e21, 2 ** 60 + 2 ** 40],
      ['Ideal', '', '=1+1'],
    ])
    const { versions } = await datasets.versions(name)
    expect(versions.map(({ version, rows, origin }) => [version, rows, origin])).toEqual([
      [2, 3, 'append'],
      [1, 1, 'append'],
      [0, 0, 'created'],
    ])
  })

  it('keeps any text as it is', async () => {
    const texts = [
      'a,b',
      '"',
      'two\nlines',
      'two\r\nlines',
      ' blank ',
      '\uFEFFmark',
      "'",
      '@SUM(A1)',
      '-1+1',
      '12',
      '😀',
      '""',
      '\t',
    ]
    const { ports, datasets } = await openWith(texts.map((text, i) => [i, i, text]))
    const table = parseCsv(new TextEncoder().encode(await textOf(ports, datasets)))
    expect(table.columns[2]!.values).toEqual(texts)
  })

  it('keeps rows without any value, also of a single column', async () => {
    const { ports, datasets } = open()
    await datasets.create(name, { columns: [{ name: 'only', type: 'number' }], target: null })
    await datasets.append(name, [[1], [null], { only: null }])
    const table = parseCsv(new TextEncoder().encode(await textOf(ports, datasets)))
    expect([...table.columns[0]!.values]).toEqual([1, NaN, NaN])
  })

  it.each<[string, unknown, string]>([
    ['text where a number is', ['1', 2, 'a'], 'rows.1.carat'],
    ['a number where text is', [1, 2, 3], 'rows.1.cut'],
    ['an infinite number', [Infinity, 2, 'a'], 'rows.1.carat'],
    ['no number', [NaN, 2, 'a'], 'rows.1.carat'],
    ['a number that is too large', [1e200, 2, 'a'], 'rows.1.carat'],
    ['no target', { carat: 1, price: null, cut: 'a' }, 'rows.1.price'],
    ['a name too few', { carat: 1, price: 2 }, 'rows.1.cut'],
    ['a name too many', { carat: 1, price: 2, cut: 'a', colour: 'D' }, 'rows.1.colour'],
    ['__proto__', JSON.parse('{"carat":1,"price":2,"cut":"a","__proto__":{}}'), 'rows.1.__proto__'],
    ['an inherited name', Object.create({ carat: 1, price: 2, cut: 'a' }), 'rows.1.carat'],
    ['a cell too few', [1, 2], 'rows.1'],
    ['a cell too many', [1, 2, 'a', 4], 'rows.1'],
    ['a nested value', [1, [2], 'a'], 'rows.1.price'],
    ['text that stands for nothing', [1, 2, 'NaN'], 'rows.1.cut'],
    ['long text', [1, 2, 'x'.repeat(257)], 'rows.1.cut'],
    ['a NUL', [1, 2, 'a\0'], 'rows.1.cut'],
    ['half a character', [1, 2, '\ud800'], 'rows.1.cut'],
    ['no row', null, 'rows.1'],
    ['a number for a row', 7, 'rows.1'],
  ])('refuses %s, and takes none of the rows', async (_, row, field) => {
    const { datasets } = await openWith([[1, 2, 'a']])
    await expect(datasets.append(name, [[1, 2, 'a'], row])).rejects.toMatchObject({
      name: 'RowsInvalid',
      details: { errors: expect.arrayContaining([expect.objectContaining({ field })]) as unknown },
    })
    expect((await datasets.describe(name)).latest).toMatchObject({ version: 1, rows: 1 })
  })

  it('names at most 20 faults of however many, and takes no empty list', async () => {
    const { datasets } = await openWith([[1, 2, 'a']])
    const many = datasets.append(
      name,
      Array.from({ length: 5000 }, () => ['x', 'y', 3]),
    )
    const { details } = (await many.catch((error: unknown) => error)) as {
      details: { errors: unknown[] }
    }
    expect(details.errors).toHaveLength(20)
    await expect(datasets.append(name, [])).rejects.toMatchObject({ name: 'RowsInvalid' })
  })

  it('loses none and doubles none, however many append at one moment', async () => {
    const { ports } = open()
    await createDatasets(ports).create(name, schema)
    await appendAtOnce(ports, 200, 4)
  })

  it('nor on the embedded platform', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'millrace-datasets-'))
    const platform = await openPlatform({ dataDir, port: 0 })
    onTestFinished(async () => {
      await platform.close()
      await rm(dataDir, { recursive: true })
    })
    await createDatasets(platform.ports).create(name, schema)
    await appendAtOnce(platform.ports, 60, 3)
  })

  it('is refused without a dataset', async () => {
    const { datasets } = open()
    await expect(datasets.append(name, [[1, 2, 'a']])).rejects.toMatchObject({
      name: 'DatasetNotFound',
    })
  })
})

/** Appends by several writers that know nothing of each other. */
async function appendAtOnce(ports: Ports, count: number, writers: number) {
  const catalogues = Array.from({ length: writers }, () => createDatasets(ports))
  const made = await Promise.all(
    Array.from({ length: count }, (_, i) => catalogues[i % writers]!.append(name, [[i, i, 'a']])),
  )
  const numbers = made.map(({ version }) => version)
  expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i + 1))
  const [half, whole] = [Math.floor(count / 2), count]
  for (const version of [half, whole]) {
    const text = await textOf(ports, catalogues[0]!, version)
    const table = parseCsv(new TextEncoder().encode(text))
    const expected = made.flatMap((one, i) => (one.version <= version ? [[one.version, i]] : []))
    expect([...table.columns[0]!.values]).toEqual(
      expected.toSorted((a, b) => a[0]! - b[0]!).map(([, i]) => i),
    )
  }
}

describe('uploads', () => {
  it('become versions when they are accepted, once', async () => {
    const { ports, datasets } = open()
    await train(ports, 'uploads/ada/iris.npy', irisNpy())
    const summary = await datasets.describe(iris)
    expect(summary).toMatchObject({
      versions: 1,
      latest: { origin: 'upload', rows: 150, format: 'npy' },
    })
    const { source } = await datasets.materialise(iris)
    expect(source).toEqual(summary.latest.source)
    await datasets.recordUpload({
      source,
      sequencer: '00',
      schema: await datasets.schema(summary.latest),
      rows: 150,
      lineEnd: '\n',
      report: { key: 'k', versionId: 'v' },
    })
    expect(await datasets.describe(iris)).toEqual(summary)
  })

  it('are not versions when they are rejected', async () => {
    const { ports, datasets } = open()
    await train(ports, 'uploads/ada/iris.npy', irisNpy().subarray(0, 300))
    await expect(datasets.describe(iris)).rejects.toMatchObject({ name: 'DatasetNotFound' })
  })

  it.each(['\n', '\r\n', '\r'])(
    'of CSV go on with appended rows after lines that end in %j',
    async (end) => {
      const { ports, datasets } = open()
      const lines = [
        '"pri\nce",a,kind',
        ...Array.from({ length: 40 }, (_, i) => `${i % 7},${i},${i % 3 ? 'x' : 'y'}`),
      ]
      const bytes = new TextEncoder().encode(lines.join(end))
      await train(ports, 'uploads/ada/stones.csv', bytes, { configuration: { target: 'a' } })
      await datasets.append(name, [{ a: 1.5, 'pri\nce': null, kind: 'x,"y"' }])
      const { target, source } = await datasets.materialise(name)
      expect(target).toBe('a')
      expect(source.key).toBe('datasets/ada/stones/1.csv')
      const table = parseCsv(new TextEncoder().encode(await textOf(ports, datasets)))
      expect(table.rows).toBe(41)
      expect(table.columns.map(({ name, kind, values }) => [name, kind, values[40]])).toEqual([
        ['pri\nce', 'number', NaN],
        ['a', 'number', 1.5],
        ['kind', 'text', 'x,"y"'],
      ])
    },
  )

  it.each([true, false])(
    'of .npy are converted for it (Fortran order: %s)',
    async (fortranOrder) => {
      const { ports, datasets } = open()
      const rows = irisRows()
      const data = fortranOrder
        ? rows[0]!.flatMap((_, j) => rows.map((row) => row[j]!))
        : rows.flat()
      const bytes = writeNpy({ shape: [150, 5], fortranOrder, data: Float32Array.from(data) })
      await train(ports, 'uploads/ada/iris.npy', bytes)
      await datasets.append(iris, [[1, 2, 3, null, 0]])
      const text = await textOf(ports, datasets, undefined, iris)
      const table = parseCsv(new TextEncoder().encode(text))
      expect(text.split('\n')[0]).toBe(irisHeader)
      const expected = [...rows.map((row) => row.map(Math.fround)), [1, 2, 3, NaN, 0]]
      expect(expected.map((_, i) => table.columns.map(({ values }) => values[i]))).toEqual(expected)
    },
  )

  it('take the names of their configuration', async () => {
    const { ports, datasets } = open()
    const featureNames = ['a', 'b', 'c', 'd']
    await train(ports, 'uploads/ada/iris.npy', irisNpy(), { configuration: { featureNames } })
    await datasets.append(iris, [{ a: 1, b: 2, c: 3, d: 4, target: 1 }])
    expect((await textOf(ports, datasets, 1, iris)).slice(0, 14)).toBe('a,b,c,d,target')
  })

  it('that are older than the last version do not take its place', async () => {
    const { ports, datasets } = open()
    await train(ports, 'uploads/ada/iris.npy', irisNpy())
    const { latest } = await datasets.describe(iris)
    const late = { ...latest.source!, versionId: 'older' }
    await datasets.recordUpload({
      source: late,
      sequencer: '00',
      schema: await datasets.schema(latest),
      rows: 10,
      lineEnd: '\n',
      report: { key: 'k', versionId: 'v' },
    })
    expect(await datasets.describe(iris)).toMatchObject({ versions: 2, latest: { version: 0 } })
    const appended = await datasets.append(iris, [[1, 2, 3, 4, 0]])
    expect(appended).toMatchObject({ version: 2, base: 0, rows: 151 })
    const text = await textOf(ports, datasets, 2, iris)
    expect(text.trimEnd().split('\n')).toHaveLength(152)
  })
})

function registrationOf(model: ModelName, source: ObjectReference): Registration {
  const score = { task: 'regression' as const, rmse: 1, folds: [1], trials: 1, hyperparameters: {} }
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

describe('one object of a version', () => {
  it('is written once, also by many at one moment', async () => {
    const { ports, datasets } = await openWith([[1, 2, 'a']])
    const made = await Promise.all(
      Array.from({ length: 10 }, () => createDatasets(ports).materialise(name)),
    )
    expect(new Set(made.map((one) => JSON.stringify(one))).size).toBe(1)
    expect(await ports.objects.versions('datasets/ada/stones/1.csv')).toHaveLength(1)
    expect(await datasets.materialise(name)).toEqual(made[0])
    const { sha256 } = await ports.objects.head('datasets/ada/stones/1.csv')
    expect(made[0]!.source.sha256).toBe(sha256)
  })

  it('does not depend on which versions were made before', async () => {
    const { ports, datasets } = await openWith([[1, 2, 'a']])
    for (let i = 0; i < 5; i++) await datasets.append(name, [[i, i, 'b']])
    const other = createDatasets({ ...ports })
    await other.materialise(name, 3)
    const expected = `carat,price,cut\n1,2,a\n${[0, 1, 2, 3, 4].map((i) => `${i},${i},b\n`).join('')}`
    expect(await textOf(ports, datasets, 6)).toBe(expected)
    expect(await textOf(ports, datasets, 5)).toBe(expected.slice(0, -6))
    expect(await textOf(ports, datasets, 2)).toBe(expected.slice(0, expected.indexOf('1,1,b')))
  })
})

describe('statistics', () => {
  it('of an upload are what validation found', async () => {
    const { ports, datasets } = open()
    await train(ports, 'uploads/ada/iris.npy', irisNpy())
    const found = await datasets.statistics(iris, await datasets.version(iris), { compute: false })
    expect(found?.get('feature_0')).toMatchObject({ count: 150, min: 4.3, max: 7.9 })
  })

  it('of other versions are computed once, when they are asked for', async () => {
    const { ports, datasets } = await openWith([
      [1, 2, 'a'],
      [null, 4, 'b'],
      [3, 6, 'a'],
    ])
    const record = await datasets.version(name)
    expect(await datasets.statistics(name, record, { compute: false })).toBeUndefined()
    const computed = await datasets.statistics(name, record, { compute: true })
    expect(computed?.get('carat')).toMatchObject({ count: 3, missing: 1, mean: 2 })
    expect(computed?.get('cut')).toMatchObject({ count: 3, distinct: 2, mean: null, min: null })
    expect(await createDatasets(ports).statistics(name, record, { compute: false })).toEqual(
      computed,
    )
  })
})

describe('lists', () => {
  it('go on by cursors, of one user or of all', async () => {
    const { datasets } = open()
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
    expect(await datasets.describe(name)).toMatchObject({ versions: 2, latest: { version: 3 } })
    expect((await datasets.versions(name)).versions.map(({ version }) => version)).toEqual([3, 2])
    await expect(datasets.version(name, 1)).rejects.toMatchObject(notFound)
    expect(await textOf(ports, datasets)).toBe('carat,price,cut\n1,2,b\n')
  })

  it('is refused while a model learned from it, unless it is archived', async () => {
    const { ports, datasets } = open()
    await train(ports, 'uploads/ada/iris.npy', irisNpy())
    await expect(datasets.remove(iris)).rejects.toMatchObject({
      name: 'DatasetConflict',
      message: expect.stringContaining('ada/iris') as string,
    })
    const { source } = await datasets.materialise(iris)
    await datasets.remove(iris, { archive: true })
    await expect(datasets.describe(iris)).rejects.toMatchObject(notFound)
    expect((await ports.objects.head(source.key)).versionId).toBe(source.versionId)
    await expect(datasets.remove(iris)).rejects.toMatchObject({ name: 'DatasetConflict' })
    await expect(datasets.remove(iris, { archive: true })).rejects.toMatchObject(notFound)
  })

  it('is done once the models are deleted, and leaves an upload that is newer', async () => {
    const { ports, datasets } = open()
    await train(ports, 'uploads/ada/iris.npy', irisNpy())
    await removeModel(ports, iris)
    await datasets.remove(iris)
    await expect(ports.objects.head('uploads/ada/iris.npy')).rejects.toMatchObject({
      name: 'ObjectNotFound',
    })
    await train(ports, 'uploads/ada/iris.npy', irisNpy())
    expect(await datasets.describe(iris)).toMatchObject({ versions: 1, latest: { version: 1 } })
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
    const { ports, datasets } = open()
    await train(ports, 'uploads/ada/iris.npy', irisNpy())
    await ports.table.delete('dataset#ada/iris', 'dependent#ada/iris')
    await expect(datasets.remove(iris)).rejects.toMatchObject({ name: 'DatasetConflict' })
  })

  it('is refused for a model of another name that learned from a version', async () => {
    const { ports, datasets } = await openWith([[1, 2, 'a']])
    const { source } = await datasets.materialise(name)
    const other = { user: 'ada', dataset: 'prices' }
    const registry = createRegistry(ports.table, ports.clock)
    await registry.register(registrationOf(other, source))
    await expect(datasets.remove(name)).rejects.toMatchObject({
      name: 'DatasetConflict',
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
