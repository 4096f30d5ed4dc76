import { describe, expect, it } from 'vitest'
import {
  DataError,
  type NpyDtype,
  npyHeaderBytes,
  parseNpy,
  parseNpyHeader,
} from '../../../ml/data/index.ts'
import { doubleBytes, errorOf, npyBytes, npyHeader } from './npy-bytes.ts'

/** Six values of every type, as a DataView writes them. */
const types: readonly {
  code: string
  dtype: NpyDtype
  size: number
  values: readonly (number | bigint)[]
  set: (view: DataView, at: number, value: never, littleEndian: boolean) => void
}[] = [
  ['b1', 'bool', 1, [0, 1, 1, 0, 0, 1], 'setUint8'] as const,
  ['i1', 'int8', 1, [0, 1, -1, 127, -128, 7], 'setInt8'] as const,
  ['i2', 'int16', 2, [0, 1, -1, 32767, -32768, 258], 'setInt16'] as const,
  ['i4', 'int32', 4, [0, 1, -1, 2147483647, -2147483648, 16909060], 'setInt32'] as const,
  ['i8', 'int64', 8, [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 3n], 'setBigInt64'] as const,
  ['u1', 'uint8', 1, [0, 1, 2, 127, 255, 7], 'setUint8'] as const,
  ['u2', 'uint16', 2, [0, 1, 2, 32767, 65535, 258], 'setUint16'] as const,
  ['u4', 'uint32', 4, [0, 1, 2, 2147483648, 4294967295, 9], 'setUint32'] as const,
  ['u8', 'uint64', 8, [0n, 1n, 2n, 2n ** 63n, 2n ** 64n - 1n, 3n], 'setBigUint64'] as const,
  ['f4', 'float32', 4, [0, -0, 0.5, NaN, -Infinity, 1e30], 'setFloat32'] as const,
  ['f8', 'float64', 8, [0, -0, 0.1, NaN, Infinity, 5e-324], 'setFloat64'] as const,
].map(([code, dtype, size, values, setter]) => ({
  code,
  dtype,
  size,
  values: values.map((v) => (dtype === 'float32' ? Math.fround(Number(v)) : v)),
  set: (view, at, value, littleEndian) => {
    view[setter](at, value, littleEndian)
  },
}))

describe('parseNpy', () => {
  for (const { code, dtype, size, values, set } of types) {
    it(`reads ${dtype} in every byte order, version and alignment`, () => {
      for (const order of ['<', '>', '=', '|']) {
        for (const version of [1, 2, 3]) {
          const view = new DataView(new ArrayBuffer(values.length * size))
          values.forEach((value, i) => {
            set(view, i * size, value as never, order !== '>')
          })
          const header = npyHeader(order + code, '(2, 3)')
          const file = npyBytes(header, new Uint8Array(view.buffer), version)
          for (const shift of [0, 1, 4]) {
            const shifted = new Uint8Array(file.length + shift)
            shifted.set(file, shift)
            const bytes = shifted.subarray(shift)
            const before = Buffer.from(bytes).toString('hex')

            const array = parseNpy(bytes)

            expect(array.shape).toEqual([2, 3])
            expect(array.dtype).toBe(dtype)
            expect(array.fortranOrder).toBe(false)
            expect([...array.data]).toEqual(values)
            expect(Buffer.from(bytes).toString('hex'), 'input unchanged').toBe(before)
          }
        }
      }
    })
  }

  it('widens float16 exactly, in both byte orders', () => {
    const halves = [0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x0400, 0x7c00, 0xfc00]
    const values = [0, -0, 1, -2, 65504, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, Infinity, -Infinity]
    for (const order of ['<', '>']) {
      const view = new DataView(new ArrayBuffer(halves.length * 2 + 2))
      halves.concat(0x7e00).forEach((half, i) => {
        view.setUint16(i * 2, half, order === '<')
      })
      const file = npyBytes(npyHeader(`${order}f2`, '(11,)'), new Uint8Array(view.buffer))
      const { dtype, data } = parseNpy(file)
      expect(dtype).toBe('float16')
      expect(data).toBeInstanceOf(Float32Array)
      expect([...data]).toEqual([...values, NaN])
    }
  })

  it('keeps Fortran order as the file has it and says so', () => {
    const file = npyBytes(npyHeader('<f8', '(2, 3)', 'True'), doubleBytes([1, 4, 2, 5, 3, 6]))
    expect(parseNpy(file)).toEqual({
      shape: [2, 3],
      dtype: 'float64',
      fortranOrder: true,
      data: Float64Array.of(1, 4, 2, 5, 3, 6),
    })
  })

  it('reads a single value and arrays without values', () => {
    expect(parseNpy(npyBytes(npyHeader('<f8', '()'), doubleBytes([7])))).toMatchObject({
      shape: [],
      data: Float64Array.of(7),
    })
    for (const [text, shape] of [
      ['(0,)', [0]],
      ['(0, 5)', [0, 5]],
      ['(3, 0)', [3, 0]],
    ] as const) {
      const array = parseNpy(npyBytes(npyHeader('<f8', text)))
      expect(array.shape).toEqual(shape)
      expect(array.data).toHaveLength(0)
    }
  })

  it('shares the memory of aligned values in this byte order', () => {
    const file = npyBytes(npyHeader('<f8', '(2,)'), doubleBytes([1, 2]))
    expect(parseNpy(file).data.buffer).toBe(file.buffer)
  })

  it('reads headers as NumPy writes and wrote them', () => {
    const payload = doubleBytes([1, 2, 3, 4, 5, 6])
    for (const header of [
      `{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)}\n`,
      `{'shape': (2, 3), 'fortran_order': False, 'descr': '<f8'}\n`,
      `{"descr": "<f8", "fortran_order": False, "shape": (2, 3,)}    \n`,
      `{'descr':'<f8','fortran_order':False,'shape':(2,3),}`,
      `{'descr': '<f8', 'fortran_order': False, 'shape': (2L, 3L), }  \n`,
    ]) {
      expect(parseNpy(npyBytes(header, payload)).shape, header).toEqual([2, 3])
    }
  })

  const payload = doubleBytes([1, 2, 3, 4, 5, 6])
  const dict = (inside: string) => npyBytes(`{${inside}}\n`, payload)
  const refused: readonly (readonly [string, Uint8Array, string, number, string])[] = [
    ['an empty file', new Uint8Array(0), 'NpyInvalid', 0, 'the end of the file'],
    ['another kind of file', Buffer.from('PK\x03\x04abcdef'), 'NpyInvalid', 0, 'PK\x03\x04ab'],
    ['version 9', npyBytes(npyHeader('<f8', '(2, 3)'), payload, 9), 'NpyInvalid', 6, '9.0'],
    ['version 0', npyBytes(npyHeader('<f8', '(2, 3)'), payload, 0), 'NpyInvalid', 6, '0.0'],
    [
      'a cut header',
      npyBytes(npyHeader('<f8', '(2, 3)')).subarray(0, 40),
      'NpyInvalid',
      40,
      'the end of the file',
    ],
    [
      'cut values',
      npyBytes(npyHeader('<f8', '(2, 3)'), payload.subarray(0, 47)),
      'NpyInvalid',
      175,
      'the end of the file',
    ],
    [
      'bytes after the values',
      npyBytes(npyHeader('<f8', '(2, 2)'), payload),
      'NpyInvalid',
      160,
      '16 more bytes',
    ],
    ['objects', npyBytes(npyHeader('|O', '(1,)'), payload), 'NpyUnsupported', 20, '|O'],
    ['text', npyBytes(npyHeader('<U6', '(2,)'), payload), 'NpyUnsupported', 20, '<U6'],
    ['byte strings', npyBytes(npyHeader('|S8', '(6,)'), payload), 'NpyUnsupported', 20, '|S8'],
    ['raw records', npyBytes(npyHeader('|V8', '(6,)'), payload), 'NpyUnsupported', 20, '|V8'],
    ['dates', npyBytes(npyHeader('<M8[ns]', '(6,)'), payload), 'NpyUnsupported', 20, '<M8[ns]'],
    ['times', npyBytes(npyHeader('<m8[s]', '(6,)'), payload), 'NpyUnsupported', 20, '<m8[s]'],
    ['complex', npyBytes(npyHeader('<c16', '(3,)'), payload), 'NpyUnsupported', 20, '<c16'],
    ['long doubles', npyBytes(npyHeader('<f16', '(3,)'), payload), 'NpyUnsupported', 20, '<f16'],
    [
      'records',
      dict(`'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (6,)`),
      'NpyUnsupported',
      20,
      `[('a', '<f8')], 'fortran_order': False, `,
    ],
    ['an unknown type', npyBytes(npyHeader('<q9', '(6,)'), payload), 'NpyInvalid', 20, '<q9'],
    ['a type without order', npyBytes(npyHeader('f8', '(6,)'), payload), 'NpyInvalid', 20, 'f8'],
    ['no type at all', npyBytes(npyHeader('', '(6,)'), payload), 'NpyInvalid', 20, ''],
    [
      'a negative dimension',
      npyBytes(npyHeader('<f8', '(-2, 3)'), payload),
      'NpyInvalid',
      61,
      '-2, 3), }',
    ],
    [
      'a dimension beyond 2^53',
      npyBytes(npyHeader('<f8', '(99999999999999999999,)'), payload),
      'NpyInvalid',
      61,
      '99999999999999999999',
    ],
    [
      'a product beyond 2^53',
      npyBytes(npyHeader('<f8', '(4294967296, 4294967296)'), payload),
      'NpyInvalid',
      10,
      '(4294967296, 4294967296)',
    ],
    [
      'a product beyond 2^53 hidden by a 0',
      npyBytes(npyHeader('<f8', '(0, 4294967296, 4294967296)')),
      'NpyInvalid',
      10,
      '(0, 4294967296, 4294967296)',
    ],
    [
      'a key given twice',
      dict(`'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (6,)`),
      'NpyInvalid',
      27,
      'descr',
    ],
    [
      'a fourth key',
      dict(`'descr': '<f8', 'fortran_order': False, 'shape': (6,), '__proto__': 1`),
      'NpyInvalid',
      66,
      '__proto__',
    ],
    [
      'a missing key',
      dict(`'descr': '<f8', 'shape': (6,)`),
      'NpyInvalid',
      10,
      `{'descr': '<f8', 'shape': (6,)}`,
    ],
    ['code', npyBytes(`__import__('os')\n`, payload), 'NpyInvalid', 10, `__import__('os')`],
  ]
  for (const [what, bytes, name, offset, found] of refused) {
    it(`refuses ${what}, and says where and what`, async () => {
      const error = await errorOf(() => parseNpy(bytes))
      expect(error).toBeInstanceOf(DataError)
      expect(error).toMatchObject({ name, offset, found })
    })
  }

  for (const inside of [
    `'descr': '<f8', 'fortran_order': False, 'shape': [6]`,
    `'descr': '<f8', 'fortran_order': False, 'shape': (6)`,
    `'descr': '<f8', 'fortran_order': False, 'shape': (,)`,
    `'descr': '<f8', 'fortran_order': False, 'shape': (06,)`,
    `'descr': '<f8', 'fortran_order': False, 'shape': (6.0,)`,
    `'descr': '<f8', 'fortran_order': False, 'shape': (True, 6)`,
    `'descr': '<f8', 'fortran_order': False, 'shape': (2*3,)`,
    `'descr': '<f8', 'fortran_order': False, 'shape': 6`,
    `'descr': '<f8', 'fortran_order': False, 'shape': (6,), 'shape': (6,)`,
    `'descr': '<f8', 'fortran_order': False, 'fortran_order': False, 'shape': (6,)`,
    `'descr': '<f8', 'fortran_order': 0, 'shape': (6,)`,
    `'descr': '<f8', 'fortran_order': false, 'shape': (6,)`,
    `'descr': '<f8', 'fortran_order': 'False', 'shape': (6,)`,
    `'descr': '\\x3cf8', 'fortran_order': False, 'shape': (6,)`,
    `'descr': b'<f8', 'fortran_order': False, 'shape': (6,)`,
    `'descr': '<f8' 'fortran_order': False, 'shape': (6,)`,
    `'descr': '<f8', 'fortran_order': False, 'shape': (6,),,`,
    `'descr': '<f8', 'fortran_order': False, 'shape': (6,)} or {`,
    `'descr': '<f8', 'fortran_order': False, 'shape': (${'1,'.repeat(65)})`,
    ``,
  ]) {
    it(`refuses the header {${inside.slice(0, 80)}}`, async () => {
      expect(await errorOf(() => parseNpy(dict(inside)))).toMatchObject({ name: 'NpyInvalid' })
    })
  }

  it('takes the suffix L in versions 1 and 2 only', async () => {
    const header = npyHeader('<f8', '(6L,)')
    expect(parseNpy(npyBytes(header, payload, 2)).shape).toEqual([6])
    expect(await errorOf(() => parseNpy(npyBytes(header, payload, 3)))).toMatchObject({
      name: 'NpyInvalid',
    })
  })

  it('refuses a bool that is neither 0 nor 1', async () => {
    const file = npyBytes(npyHeader('|b1', '(3,)'), Uint8Array.of(0, 1, 2))
    expect(await errorOf(() => parseNpy(file))).toMatchObject({
      name: 'NpyInvalid',
      offset: 130,
      found: '2',
    })
  })

  it('allocates nothing for a header that claims a gigabyte', async () => {
    const file = npyBytes(npyHeader('>f2', '(500000000,)'), payload)
    const before = process.memoryUsage().arrayBuffers
    expect(await errorOf(() => parseNpy(file))).toMatchObject({ name: 'NpyInvalid', offset: 176 })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000)
  })
})

describe('parseNpyHeader', () => {
  const file = npyBytes(npyHeader('>i4', '(1000, 3)', 'True'))

  it('says how long the whole file must be, from the header alone', () => {
    expect(parseNpyHeader(file)).toEqual({
      complete: true,
      shape: [1000, 3],
      dtype: 'int32',
      fortranOrder: true,
      littleEndian: false,
      length: 3000,
      itemSize: 4,
      dataOffset: 128,
      byteLength: 12_128,
    })
  })

  it('asks for more of every proper prefix, until the header is whole', () => {
    for (let length = 0; length < file.length; length++) {
      const header = parseNpyHeader(file.subarray(0, length))
      expect(header.complete).toBe(false)
      const needed = header.complete ? 0 : header.bytesNeeded
      expect(needed).toBeGreaterThan(length)
      expect(needed).toBeLessThanOrEqual(file.length)
    }
  })

  it('refuses what cannot become a .npy file as soon as that shows', async () => {
    for (const prefix of ['x', '\x93NUMPX', '\x93NUMPY\x04\x00']) {
      const error = await errorOf(() => parseNpyHeader(Buffer.from(prefix, 'latin1')))
      expect(error).toMatchObject({ name: 'NpyInvalid' })
    }
  })

  it('refuses a header of over 10,000 bytes before it is there', async () => {
    const prefix = npyBytes(' '.repeat(10_001), undefined, 2).subarray(0, 12)
    expect(await errorOf(() => parseNpyHeader(prefix))).toMatchObject({
      name: 'NpyInvalid',
      offset: 8,
      found: '10001',
    })
    const longest = npyHeader('<f8', '(0,)').trimEnd().padEnd(10_000)
    const header = npyBytes(longest, undefined, 2)
    expect(header).toHaveLength(npyHeaderBytes)
    expect(parseNpyHeader(header)).toMatchObject({ complete: true, byteLength: npyHeaderBytes })
  })
})
