import { describe, expect, it } from 'vitest'
import { parseNpy, type RangeSource, readNpyRows, writeNpy } from '../../../ml/data/index.ts'
import { errorOf, npyBytes, npyHeader } from './npy-bytes.ts'

function sourceOf(
  bytes: Uint8Array,
  sized = true,
): RangeSource & { ranges: (readonly [number, number])[] } {
  const ranges: (readonly [number, number])[] = []
  return {
    ranges,
    ...(sized ? { size: bytes.length } : {}),
    async read(start, end) {
      ranges.push([start, end])
      return bytes.slice(start, end)
    },
  }
}

const values = Float64Array.from({ length: 5000 }, (_, i) => i)
const table = writeNpy({ shape: [1000, 5], data: values })

describe('readNpyRows', () => {
  it('gives the rows that the whole array has there, for every range', async () => {
    const whole = writeNpy({ shape: [4, 3], data: values.slice(0, 12) })
    for (let from = 0; from <= 4; from++) {
      for (let to = from; to <= 4; to++) {
        for (const sized of [true, false]) {
          const part = await readNpyRows(sourceOf(whole, sized), from, to)
          expect(part).toEqual({
            shape: [to - from, 3],
            dtype: 'float64',
            fortranOrder: false,
            data: values.slice(from * 3, to * 3),
          })
        }
      }
    }
  })

  it('reads no more than the header and the rows', async () => {
    const source = sourceOf(table)
    await readNpyRows(source, 990, 1000)
    expect(source.ranges).toEqual([
      [0, 256],
      [128 + 990 * 40, 128 + 1000 * 40],
    ])
  })

  it('reads rows of any type, byte order and number of axes', async () => {
    const bytes = npyBytes(npyHeader('>i2', '(2, 2, 1)'), Uint8Array.of(0, 1, 0, 2, 0, 3, 255, 255))
    expect(await readNpyRows(sourceOf(bytes), 1, 2)).toMatchObject({
      shape: [1, 2, 1],
      data: Int16Array.of(3, -1),
    })
    const flat = npyBytes(npyHeader('<f2', '(3,)', 'True'), Uint8Array.of(0, 0x3c, 0, 0, 0, 0x40))
    expect(await readNpyRows(sourceOf(flat), 2, 3)).toMatchObject({
      shape: [1],
      fortranOrder: false,
      data: Float32Array.of(2),
    })
  })

  it('reads a header that is longer than usual', async () => {
    const header = npyHeader('<f8', '(1, 1)').trimEnd().padEnd(5000)
    const bytes = npyBytes(header, new Uint8Array(8), 2)
    for (const sized of [true, false]) {
      const part = await readNpyRows(sourceOf(bytes, sized), 0, 1)
      expect(part.data).toEqual(Float64Array.of(0))
    }
  })

  it('refuses Fortran order, a single value and rows that are not there', async () => {
    const fortran = writeNpy({ shape: [2, 2], fortranOrder: true, data: values.slice(0, 4) })
    expect(await errorOf(() => readNpyRows(sourceOf(fortran), 0, 1))).toMatchObject({
      name: 'NpyUnsupported',
      found: 'fortran_order: True',
    })
    const single = writeNpy({ shape: [], data: Float64Array.of(1) })
    expect(await errorOf(() => readNpyRows(sourceOf(single), 0, 0))).toMatchObject({
      name: 'ShapeInvalid',
    })
    for (const [from, to] of [
      [-1, 1],
      [2, 1],
      [0, 1001],
      [0.5, 1],
      [0, NaN],
    ] as const) {
      expect(await errorOf(() => readNpyRows(sourceOf(table), from, to))).toMatchObject({
        name: 'RowRangeInvalid',
      })
    }
  })

  it('refuses a source that is cut short or too long', async () => {
    for (const length of [0, 7, 50, 128, 130, table.length - 1]) {
      for (const sized of [true, false]) {
        const source = sourceOf(table.subarray(0, length), sized)
        const error = await errorOf(() => readNpyRows(source, 0, 1000))
        expect(error, `${length} bytes`).toMatchObject({ name: 'NpyInvalid', offset: length })
      }
    }
    const longer = Buffer.concat([table, table])
    expect(await errorOf(() => readNpyRows(sourceOf(longer), 0, 1))).toMatchObject({
      name: 'NpyInvalid',
      offset: table.length,
    })
    expect(parseNpy(table).shape).toEqual([1000, 5])
  })
})
