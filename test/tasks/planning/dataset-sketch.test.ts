import { describe, expect, it } from 'vitest'
import { npyHeaderOf, writeNpy } from '../../../ml/data/index.ts'
import { sketchDataset } from '../../../tasks/planning/dataset-sketch.ts'
import { irisNpy } from '../../fixtures/iris.ts'
import { pricesCsv } from '../../fixtures/quantities.ts'

class Counted {
  readonly size: number
  readonly #bytes: Uint8Array
  taken = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.size = bytes.length
  }

  read(start: number, end: number): Promise<Uint8Array> {
    this.taken += end - start
    return Promise.resolve(this.#bytes.subarray(start, end))
  }
}

const sketch = (bytes: Uint8Array, format: 'npy' | 'csv', options = {}) =>
  sketchDataset(new Counted(bytes), format, options)

const csv = (text: string) => new TextEncoder().encode(text)

const emptyOf = (cols: number) => npyHeaderOf([0, cols], 'float64')

/** Rows sorted by class, of which there are seven. */
function sorted(rows: number, fortranOrder: boolean): Uint8Array {
  const cols = 6
  const data = new Float32Array(rows * cols)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) {
      const value = j === cols - 1 ? Math.floor((7 * i) / rows) : i + j / 8
      data[fortranOrder ? j * rows + i : i * cols + j] = value
    }
  }
  return writeNpy({ data, shape: [rows, cols], fortranOrder })
}

describe('the sketch of a dataset', () => {
  it('has the size and the task of a .npy', async () => {
    expect(await sketch(irisNpy(), 'npy')).toEqual({
      ...{ format: 'npy', bytes: irisNpy().length, rows: 150, cols: 4, encodedCols: 4 },
      ...{ task: 'classification', classes: 3 },
    })
    expect(await sketch(irisNpy(), 'npy', { task: 'clustering' })).toMatchObject({
      ...{ task: 'clustering', cols: 5, classes: 0 },
    })
    expect(await sketch(irisNpy(), 'npy', { task: 'regression' })).toMatchObject({ classes: 1 })
  })

  it.each([false, true])('finds classes all over a large file, Fortran order %s', async (order) => {
    const source = new Counted(sorted(300_000, order))
    const found = await sketchDataset(source, 'npy', {})
    expect(found).toMatchObject({ rows: 300_000, cols: 5, task: 'classification', classes: 7 })
    expect(source.taken).toBeLessThan(1.1 * 2 ** 20)
  })

  it('reads a megabyte of rows that are long, and a row where one is longer', async () => {
    for (const [cols, most] of [
      [20_000, 1.1 * 2 ** 20],
      [200_000, 8 * 200_000 + 1024],
    ] as const) {
      const data = new Float64Array(20 * cols)
      const source = new Counted(writeNpy({ data, shape: [20, cols] }))
      expect(await sketchDataset(source, 'npy', {})).toMatchObject({ rows: 20, cols: cols - 1 })
      expect(source.taken).toBeLessThan(most + 10_012)
    }
  })

  it.each([null, 'clustering'] as const)(
    'is none of more columns than are named: %s',
    async (task) => {
      const names = sketch(emptyOf(1_000_000_000), 'npy', task === null ? {} : { task })
      await expect(names).rejects.toThrow('at most 1000000 columns; this one has 1000000000')
    },
  )

  it('swaps the bytes of a target in Fortran order', async () => {
    const bytes = sorted(300_000, true)
    const header = Buffer.from(bytes.buffer, 0, 128)
    header.write(header.toString('latin1').replace('<f4', '>f4'), 'latin1')
    Buffer.from(bytes.buffer, 128).swap32()
    expect(await sketch(bytes, 'npy')).toMatchObject({ task: 'classification', classes: 7 })
  })

  it('counts the categories of a CSV, and names its target', async () => {
    const { task, rows, cols, encodedCols } = await sketch(pricesCsv(400, 1), 'csv')
    expect([task, rows, cols, encodedCols]).toEqual(['regression', 400, 2, 4])
    const table = csv('kind,a,b\nx,1,2.5\ny,2,3.5\nz,3,4.5\n')
    expect(await sketch(table, 'csv', { target: 'kind' })).toMatchObject({
      ...{ task: 'classification', classes: 3, rows: 3, cols: 2 },
    })
  })

  it('estimates the rows of a large CSV by its first ones', async () => {
    const source = new Counted(pricesCsv(100_000, 1))
    const { rows } = await sketchDataset(source, 'csv', {})
    expect(rows).toBeGreaterThan(98_000)
    expect(rows).toBeLessThan(102_000)
    expect(source.taken).toBe(2 ** 20)
  })

  it('has a size for a large CSV of one row', async () => {
    const table = csv(`a,b\n1,"${' '.repeat(1_040_000)}"\n`)
    const { rows } = await sketch(Buffer.concat([table, Buffer.alloc(100_000, '\n')]), 'csv')
    expect(rows).toBeGreaterThanOrEqual(0)
    expect(rows).toBeLessThan(10)
  })

  it.each<[string, Uint8Array, 'npy' | 'csv', object, string]>([
    ['is empty', new Uint8Array(0), 'npy', {}, 'NpyInvalid'],
    ['was cut short', irisNpy().subarray(0, 4000), 'npy', {}, 'NpyInvalid'],
    [
      'has one axis',
      writeNpy({ data: new Float64Array(9), shape: [9] }),
      'npy',
      {},
      'ShapeInvalid',
    ],
    [
      'has one column',
      writeNpy({ data: new Float64Array(9), shape: [9, 1] }),
      'npy',
      {},
      'ShapeInvalid',
    ],
    ['has no header', csv('1,2\n3,4\n'), 'csv', {}, 'CsvInvalid'],
    ['is an empty table', csv(''), 'csv', {}, 'CsvInvalid'],
    ['lacks its target', csv('a,b\n1,2\n'), 'csv', { target: 'c' }, 'TargetNotFound'],
  ])('is none of a file that %s', async (_, bytes, format, options, name) => {
    await expect(sketch(bytes, format, options)).rejects.toMatchObject({ name })
  })
})
