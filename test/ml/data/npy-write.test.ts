import { describe, expect, it } from 'vitest'
import { type NpyDtype, parseNpy, writeNpy } from '../../../ml/data/index.ts'
import { errorOf } from './npy-bytes.ts'

describe('writeNpy', () => {
  it('writes the bytes that numpy.save writes', () => {
    const bytes = writeNpy({ shape: [2, 3], data: Float64Array.of(1, 2, 3, 4, 5, 6) })
    const text = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }"
    const header = `\x93NUMPY\x01\x00\x76\x00${text.padEnd(117)}\n`
    expect(Buffer.from(bytes.subarray(0, 128)).toString('latin1')).toBe(header)
    expect(new Float64Array(bytes.buffer, 128)).toEqual(Float64Array.of(1, 2, 3, 4, 5, 6))
  })

  it('leaves the growing axis the room that NumPy leaves it', () => {
    const shape = Array.from({ length: 20 }, () => 1)
    const bytes = writeNpy({ shape, data: Int8Array.of(1) })
    // The header's text would fit 128 bytes; the room for 20 more digits brings a third block.
    expect(bytes).toHaveLength(192 + 1)
  })

  it('is read back as it was, in both orders and every shape', () => {
    for (const shape of [[], [4], [2, 2], [1, 2, 2], [0, 3]]) {
      const length = shape.reduce((product, n) => product * n, 1)
      for (const fortranOrder of [false, true]) {
        const input = { shape, fortranOrder, data: Float32Array.from({ length }, Math.fround) }
        expect(parseNpy(writeNpy(input))).toEqual({ ...input, dtype: 'float32' })
      }
    }
  })

  it('takes the named type where the array’s class leaves it open', () => {
    expect(parseNpy(writeNpy({ shape: [2], data: Uint8Array.of(0, 1) })).dtype).toBe('uint8')
    expect(
      parseNpy(writeNpy({ shape: [2], dtype: 'bool', data: Uint8Array.of(0, 1) })),
    ).toMatchObject({ dtype: 'bool', data: Uint8Array.of(0, 1) })
  })

  it('rounds to float16 to nearest, ties to even', () => {
    const cases: [number, number][] = [
      [1, 1],
      [-0, -0],
      [0.1, 0.0999755859375],
      [2049, 2048],
      [2051, 2052],
      [65519.99, 65504],
      [65520, Infinity],
      [-1e10, -Infinity],
      [2 ** -24, 2 ** -24],
      [2 ** -25, 0],
      [2 ** -25 * 1.01, 2 ** -24],
      [3 * 2 ** -25, 2 ** -23],
      [1023.5 * 2 ** -24, 2 ** -14],
      [NaN, NaN],
    ]
    const data = Float32Array.from(cases, ([value]) => value)
    const { data: read } = parseNpy(writeNpy({ shape: [cases.length], dtype: 'float16', data }))
    expect([...read]).toEqual(cases.map(([, half]) => half))
  })

  it('brings every float16 back as it was, NaN payloads included', () => {
    const all = writeNpy({ shape: [65536], data: Uint16Array.from({ length: 65536 }, (_, i) => i) })
    const halves = Buffer.from(all)
    halves.write("'<f2'", halves.indexOf("'<u2'"), 'latin1')
    const again = writeNpy({ ...parseNpy(halves) })
    expect(parseNpy(halves).dtype).toBe('float16')
    expect(Buffer.from(again).equals(halves)).toBe(true)
  })

  it('refuses a shape, type and data that do not fit', async () => {
    const data = Float64Array.of(1, 2)
    for (const input of [
      { shape: [3], data },
      { shape: [-1, -2], data },
      { shape: [1.5], data: Float64Array.of(1) },
      { shape: [], data },
      { shape: [2], dtype: 'float32' as NpyDtype, data },
      { shape: [2], dtype: 'bool' as NpyDtype, data: Uint8Array.of(1, 2) },
      { shape: [2], data: new Uint8ClampedArray(2) as unknown as Uint8Array },
    ]) {
      expect(await errorOf(() => writeNpy(input))).toMatchObject({ name: 'NpyInvalid' })
    }
  })
})
