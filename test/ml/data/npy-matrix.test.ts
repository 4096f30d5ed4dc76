import { describe, expect, it } from 'vitest'
import { type NpyArray, npyToMatrix } from '../../../ml/data/index.ts'
import { errorOf } from './npy-bytes.ts'

const array = (over: Partial<NpyArray>): NpyArray => ({
  shape: [2, 3],
  dtype: 'float64',
  fortranOrder: false,
  data: Float64Array.of(1, 2, 3, 4, 5, 6),
  ...over,
})

describe('npyToMatrix', () => {
  it('shares the values of a C-ordered float64 array', () => {
    const source = array({})
    expect(npyToMatrix(source)).toEqual({ rows: 2, cols: 3, data: source.data })
    expect(npyToMatrix(source).data).toBe(source.data)
  })

  it('puts element (i, j) at i * cols + j from Fortran order, whatever the proportions', () => {
    for (const [rows, cols] of [
      [1, 1],
      [3, 2],
      [200, 7],
      [7, 200],
      [129, 130],
      [0, 4],
      [4, 0],
    ] as const) {
      const data = Float32Array.from({ length: rows * cols }, (_, at) => {
        return (at % rows) * 1000 + Math.floor(at / rows)
      })
      const m = npyToMatrix(array({ shape: [rows, cols], fortranOrder: true, data }))
      const expected = Float64Array.from({ length: rows * cols }, (_, at) => {
        return Math.floor(at / cols) * 1000 + (at % cols)
      })
      expect(m).toEqual({ rows, cols, data: expected })
    }
  })

  it('takes every number type', () => {
    for (const type of [Uint8Array, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array]) {
      expect(npyToMatrix(array({ data: type.of(1, 2, 3, 4, 5, 6) })).data).toEqual(
        Float64Array.of(1, 2, 3, 4, 5, 6),
      )
    }
    for (const type of [BigInt64Array, BigUint64Array]) {
      const data = type.of(1n, 2n, 3n, 4n, 5n, 2n ** 53n)
      expect(npyToMatrix(array({ data })).data[5]).toBe(2 ** 53)
    }
  })

  it('refuses a 64-bit integer that a double cannot hold, with its place', async () => {
    const inexact = 2n ** 53n + 1n
    for (const [fortranOrder, row, column] of [
      [false, 1, 0],
      [true, 1, 1],
    ] as const) {
      const data = BigInt64Array.of(0n, 0n, 0n, -inexact, 0n, 0n)
      expect(await errorOf(() => npyToMatrix(array({ fortranOrder, data })))).toMatchObject({
        name: 'IntegerInexact',
        row,
        column,
        found: '-9007199254740993',
      })
    }
  })

  it('refuses other than two axes, naming the shape', async () => {
    for (const shape of [[], [6], [1, 2, 3]]) {
      expect(await errorOf(() => npyToMatrix(array({ shape })))).toMatchObject({
        name: 'ShapeInvalid',
        found: `(${shape.join(', ')})`,
      })
    }
  })
})
