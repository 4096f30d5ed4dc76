import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parseCsv } from '../../ml/data/index.ts'
import { openPlatform } from '../../platform/local/platform.ts'
import type { Ports } from '../../platform/ports/index.ts'
import { createDatasets } from '../../tasks/datasets.ts'
import { keptSeconds } from '../../tasks/repeated-appends.ts'
import { name, schema, openDatasets, openWith, textOf } from './opened-datasets.ts'

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
    const { ports, datasets } = openDatasets()
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
    const { ports } = openDatasets()
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

  it('asked for again is the version that it made, for a day and until the dataset is removed', async () => {
    const { ports, datasets } = openDatasets()
    await datasets.create(name, schema)
    const other = createDatasets(ports)
    const append = (of = datasets) => of.append(name, [[1, 2, 'a']], 'nightly')
    const both = await Promise.all([append(), append(other)])
    expect([...both, await append()].map(({ version }) => version)).toEqual([1, 1, 1])
    await datasets.append(name, [[1, 2, 'a']], 'weekly')
    expect(await append()).toMatchObject({ version: 1, rows: 1 })
    ports.clock.advance(keptSeconds * 1000)
    expect(await append()).toMatchObject({ version: 3, rows: 3 })
    await datasets.remove(name)
    await datasets.create(name, schema)
    expect(await append()).toMatchObject({ version: 5, rows: 1 })
  })

  it('is refused without a dataset', async () => {
    const { datasets } = openDatasets()
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
