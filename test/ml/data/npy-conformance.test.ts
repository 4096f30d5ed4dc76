import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { load } from 'npyjs'
import { describe, expect, it } from 'vitest'
import { DataError, npyToMatrix, parseNpy, readNpy, writeNpy } from '../../../ml/data/index.ts'
import { errorOf } from './npy-bytes.ts'

interface Expected {
  readonly valid: boolean
  readonly shape?: number[]
  readonly fortran_order?: boolean
  readonly sha256_f8_c?: string
  readonly exact_integers?: string[]
}

const folder = new URL('../../../../shared/npy/', import.meta.url)
const present = existsSync(new URL('expected.json', folder))

describe('conformance files', () => {
  if (!present) {
    it.skip('the conformance files are not at hand beside this checkout', () => {})
    return
  }
  const { files } = JSON.parse(readFileSync(new URL('expected.json', folder), 'utf8')) as {
    files: Record<string, Expected>
  }
  for (const [name, expected] of Object.entries(files)) {
    it(name, async () => {
      const url = new URL(name, folder)
      const bytes = new Uint8Array(readFileSync(url))
      if (expected.sha256_f8_c === undefined) {
        expect(await errorOf(() => parseNpy(bytes))).toBeInstanceOf(DataError)
        expect(await errorOf(() => readNpy(fileURLToPath(url)))).toBeInstanceOf(DataError)
        return
      }
      for (const array of [parseNpy(bytes), await readNpy(fileURLToPath(url))]) {
        expect(array.shape).toEqual(expected.shape)
        expect(array.fortranOrder).toBe(expected.fortran_order)
        const doubles =
          array.shape.length === 2
            ? npyToMatrix(array).data
            : Float64Array.from(array.data as ArrayLike<number>, Number)
        expect(createHash('sha256').update(doubles).digest('hex')).toBe(expected.sha256_f8_c)
        if (expected.exact_integers !== undefined) {
          expect([...array.data].map(String)).toEqual(expected.exact_integers)
        }
      }
    })
  }
})

describe('npyjs', () => {
  const inputs = [
    { shape: [2, 3], data: Float64Array.of(1, -2.5, NaN, Infinity, 0.1, -0) },
    { shape: [2, 3], fortranOrder: true, data: Float64Array.of(1, 4, 2, 5, 3, 6) },
    { shape: [3], data: Float32Array.of(0.1, -1e30, 3) },
    { shape: [2, 2], data: Int8Array.of(1, -128, 127, 0) },
    { shape: [2], data: Int16Array.of(-32768, 258) },
    { shape: [2], data: Int32Array.of(-2147483648, 7) },
    { shape: [2], data: Uint16Array.of(65535, 258) },
    { shape: [2], data: Uint32Array.of(4294967295, 7) },
    { shape: [2], data: BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n) },
    { shape: [2], data: BigUint64Array.of(2n ** 64n - 1n, 1n) },
    { shape: [4], dtype: 'float16' as const, data: Float32Array.of(1, -0.5, 65504, 2 ** -24) },
  ]
  for (const input of inputs) {
    it(`reads what is written, and the same as parseNpy: ${input.data.constructor.name}`, async () => {
      const bytes = writeNpy(input)
      const [ours, theirs] = [parseNpy(bytes), await load(bytes)]
      expect(theirs.shape).toEqual(ours.shape)
      expect(theirs.fortranOrder).toBe(ours.fortranOrder)
      expect([...(theirs.data as Float64Array)]).toEqual([...ours.data])
      expect([...ours.data]).toEqual([...input.data])
    })
  }
})
