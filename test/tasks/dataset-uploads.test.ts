import { describe, expect, it } from 'vitest'
import { parseCsv, writeNpy } from '../../ml/data/index.ts'
import { createDatasets } from '../../tasks/datasets.ts'
import { irisNpy, irisRows } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'
import { name, openDatasets, openWith, textOf, iris, irisHeader } from './opened-datasets.ts'

describe('uploads', () => {
  it('become versions when they are accepted, once', async () => {
    const { ports, datasets } = openDatasets()
    await train(ports, 'uploads/ada/iris.npy', irisNpy())
    const summary = await datasets.describe(iris)
    expect(summary).toMatchObject({
      versionCount: 1,
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
    const { ports, datasets } = openDatasets()
    await train(ports, 'uploads/ada/iris.npy', irisNpy().subarray(0, 300))
    await expect(datasets.describe(iris)).rejects.toMatchObject({ name: 'DatasetNotFound' })
  })

  it.each(['\n', '\r\n', '\r'])(
    'of CSV go on with appended rows after lines that end in %j',
    async (end) => {
      const { ports, datasets } = openDatasets()
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
      const { ports, datasets } = openDatasets()
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
    const { ports, datasets } = openDatasets()
    const featureNames = ['a', 'b', 'c', 'd']
    await train(ports, 'uploads/ada/iris.npy', irisNpy(), { configuration: { featureNames } })
    await datasets.append(iris, [{ a: 1, b: 2, c: 3, d: 4, target: 1 }])
    expect((await textOf(ports, datasets, 1, iris)).slice(0, 14)).toBe('a,b,c,d,target')
  })

  it('that are older than the last version do not take its place', async () => {
    const { ports, datasets } = openDatasets()
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
    expect(await datasets.describe(iris)).toMatchObject({ versionCount: 2, latest: { version: 0 } })
    const appended = await datasets.append(iris, [[1, 2, 3, 4, 0]])
    expect(appended).toMatchObject({ version: 2, base: 0, rows: 151 })
    const text = await textOf(ports, datasets, 2, iris)
    expect(text.trimEnd().split('\n')).toHaveLength(152)
  })
})

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
    const { ports, datasets } = openDatasets()
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
