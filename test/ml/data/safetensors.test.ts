import { describe, expect, it } from 'vitest'
import {
  DataError,
  encodeSafetensors,
  parseSafetensors,
  type Tensor,
} from '../../../ml/data/index.ts'
import { errorOf } from './npy-bytes.ts'

const tensors: Record<string, Tensor> = {
  flags: { dtype: 'BOOL', shape: [3], data: Uint8Array.of(1, 0, 1) },
  weights: { dtype: 'F64', shape: [2, 2], data: Float64Array.of(0.1, -0, NaN, Infinity) },
  'a/é "b"': { dtype: 'F32', shape: [1, 3], data: Float32Array.of(1, 2, 3) },
  scalar: { dtype: 'I64', shape: [], data: BigInt64Array.of(-(2n ** 63n)) },
  none: { dtype: 'I32', shape: [0, 4], data: new Int32Array(0) },
  bytes: { dtype: 'U8', shape: [1, 2], data: Uint8Array.of(9, 255) },
  more: { dtype: 'U64', shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) },
  small: { dtype: 'I16', shape: [1], data: Int16Array.of(-3) },
}

/** A file with this header text, as it stands, and so many bytes of data. */
function fileOf(header: string | Uint8Array, dataBytes: number): Uint8Array {
  const text = Buffer.from(header)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)])
}

const entry = (dtype: string, shape: string, offsets: string) =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`

describe('safetensors', () => {
  it('brings back what was written', () => {
    const metadata = { algorithm: 'svc', note: '日本\n"x"', constructor: 'text' }
    const read = parseSafetensors(encodeSafetensors(tensors, metadata))
    expect(Object.fromEntries(read.tensors)).toEqual(tensors)
    expect(read.metadata).toEqual(metadata)
  })

  it('writes the same bytes for the same content, in whatever order it is given', () => {
    const reversed = Object.fromEntries(Object.entries(tensors).reverse())
    expect(encodeSafetensors(reversed, { b: '2', a: '1' })).toEqual(
      encodeSafetensors(tensors, { a: '1', b: '2' }),
    )
  })

  it('writes the format, byte for byte', () => {
    const file = encodeSafetensors(
      {
        u: { dtype: 'U8', shape: [1], data: Uint8Array.of(7) },
        w: { dtype: 'F64', shape: [1], data: Float64Array.of(1) },
      },
      { k: 'v' },
    )
    const header =
      '{"__metadata__":{"k":"v"},"w":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},' +
      '"u":{"dtype":"U8","shape":[1],"data_offsets":[8,9]}}'
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8)
    expect(Buffer.from(file).toString('latin1')).toBe(
      `${String.fromCharCode(padded.length)}${'\0'.repeat(7)}${padded}\0\0\0\0\0\0\xf0\x3f\x07`,
    )
  })

  it('aligns every tensor, and shares its memory when read', () => {
    const file = encodeSafetensors(tensors)
    for (const { data } of parseSafetensors(file).tensors.values()) {
      expect(data.buffer).toBe(file.buffer)
    }
  })

  it('reads bytes at any alignment', () => {
    const file = encodeSafetensors(tensors)
    const shifted = new Uint8Array(file.length + 3)
    shifted.set(file, 3)
    expect(Object.fromEntries(parseSafetensors(shifted.subarray(3)).tensors)).toEqual(tensors)
  })

  it('reads no tensors, and tensors in any order of the header', () => {
    expect(parseSafetensors(encodeSafetensors({})).tensors.size).toBe(0)
    expect(parseSafetensors(fileOf('{}', 0)).metadata).toEqual({})
    const header = ` "b":${entry('U8', '[1]', '[1,2]')}, "a":${entry('U8', '[1]', '[0,1]')}} `
    expect([...parseSafetensors(fileOf(`{${header}`, 2)).tensors.keys()]).toEqual(['b', 'a'])
  })

  const one = entry('F32', '[2]', '[0,8]')
  const refused: readonly (readonly [string, Uint8Array, object])[] = [
    ['an empty file', new Uint8Array(0), { offset: 0 }],
    ['a cut length', new Uint8Array(7), { offset: 7 }],
    ['a header beyond the file', fileOf('{}', 0).subarray(0, 9), { offset: 0, found: '2' }],
    ['a length of 2^64 - 1', new Uint8Array(100).fill(255), { found: String(2n ** 64n - 1n) }],
    ['no header', fileOf('', 0), { offset: 8 }],
    ['a header that begins with a blank', fileOf(' {}', 0), { offset: 8 }],
    ['a header that is an array', fileOf('[]', 0), { offset: 8 }],
    ['bad UTF-8', fileOf(Buffer.from('{"\xff":1}', 'latin1'), 0), { offset: 8 }],
    ['broken JSON', fileOf('{"a":', 0), { offset: 13 }],
    ['text after the header', fileOf('{} x', 0), { offset: 11, found: 'x' }],
    [
      'a repeated tensor',
      fileOf(`{"é":${one},"é":${one}}`, 8),
      { found: 'é', offset: 8 + Buffer.byteLength(`{"é":${one},`) },
    ],
    [
      'a repeated field',
      fileOf(`{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8),
      { found: 'dtype', offset: 28 },
    ],
    [
      'repeated metadata',
      fileOf(`{"__metadata__":{"k":"1","k":"2"}}`, 0),
      { found: 'k', offset: 33 },
    ],
    ['metadata that is no text', fileOf(`{"__metadata__":{"k":1}}`, 0), { found: 'k' }],
    ['metadata that is no object', fileOf(`{"__metadata__":"k"}`, 0), {}],
    ['a tensor named __proto__', fileOf(`{"__proto__":${one}}`, 8), { found: '__proto__' }],
    ['metadata named __proto__', fileOf(`{"__metadata__":{"__proto__":"x"}}`, 0), {}],
    ['an unknown type', fileOf(`{"a":${entry('F99', '[2]', '[0,8]')}}`, 8), { found: 'F99' }],
    ['a type named toString', fileOf(`{"a":${entry('toString', '[2]', '[0,8]')}}`, 8), {}],
    ['a negative dimension', fileOf(`{"a":${entry('F32', '[-2]', '[0,8]')}}`, 8), { offset: 37 }],
    ['a fractional dimension', fileOf(`{"a":${entry('F32', '[2.0]', '[0,8]')}}`, 8), {}],
    ['a dimension that is text', fileOf(`{"a":${entry('F32', '["2"]', '[0,8]')}}`, 8), {}],
    [
      'a shape that overflows',
      fileOf(`{"a":${entry('F32', '[4294967296,4294967296]', '[0,8]')}}`, 8),
      {},
    ],
    [
      'offsets unlike the shape',
      fileOf(`{"a":${entry('F32', '[3]', '[0,8]')}}`, 8),
      { found: '[0, 8]' },
    ],
    ['offsets the wrong way', fileOf(`{"a":${entry('F32', '[2]', '[8,0]')}}`, 8), {}],
    ['one offset', fileOf(`{"a":${entry('F32', '[2]', '[8]')}}`, 8), { found: 'a' }],
    ['a missing field', fileOf(`{"a":{"dtype":"F32","shape":[2]}}`, 8), { found: 'a' }],
    [
      'a fourth field',
      fileOf(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}`, 8),
      { found: 'a' },
    ],
    [
      'a hole',
      fileOf(`{"a":${entry('U8', '[1]', '[0,1]')},"b":${entry('U8', '[1]', '[2,3]')}}`, 3),
      { found: '[2, 3]' },
    ],
    [
      'an overlap',
      fileOf(`{"a":${entry('U8', '[2]', '[0,2]')},"b":${entry('U8', '[2]', '[1,3]')}}`, 3),
      { found: '[1, 3]' },
    ],
    ['a hole at the start', fileOf(`{"a":${entry('U8', '[1]', '[1,2]')}}`, 2), {}],
    ['cut data', fileOf(`{"a":${one}}`, 7), { found: '7 bytes' }],
    ['bytes after the data', fileOf(`{"a":${one}}`, 9), { found: '9 bytes' }],
    ['deep nesting', fileOf(`{"a":${'['.repeat(100_000)}`, 0), {}],
    ['half a surrogate pair', fileOf(`{"\\ud800":${one}}`, 8), { offset: 9 }],
    [
      'a BOOL that is 2',
      Buffer.concat([fileOf(`{"a":${entry('BOOL', '[1]', '[0,1]')}}`, 0), Buffer.of(2)]),
      { found: '2' },
    ],
  ]
  for (const [what, bytes, details] of refused) {
    it(`refuses ${what}`, async () => {
      const error = await errorOf(() => parseSafetensors(bytes))
      expect(error).toBeInstanceOf(DataError)
      expect(error).toMatchObject({ name: 'SafetensorsInvalid', ...details })
    })
  }

  it('tells a number type that is not read from garbage', async () => {
    const file = fileOf(`{"a":${entry('BF16', '[4]', '[0,8]')}}`, 8)
    expect(await errorOf(() => parseSafetensors(file))).toMatchObject({
      name: 'SafetensorsUnsupported',
      found: 'BF16',
    })
  })

  it('refuses a cut file at every length', async () => {
    const file = encodeSafetensors(tensors, { k: 'v' })
    for (let length = 0; length < file.length; length++) {
      const error = await errorOf(() => parseSafetensors(file.subarray(0, length)))
      expect(error).toBeInstanceOf(DataError)
    }
  })

  it('reads a long header of blanks or one long name in linear time', async () => {
    expect(parseSafetensors(fileOf(`{${' '.repeat(5_000_000)}}`, 0)).tensors.size).toBe(0)
    const name = '\\n'.repeat(2_000_000)
    expect(parseSafetensors(fileOf(`{"${name}":${one}}`, 8)).tensors.size).toBe(1)
    expect(await errorOf(() => parseSafetensors(fileOf(`{"${name}`, 8)))).toBeInstanceOf(DataError)
  })

  it('refuses to write what it would not read', async () => {
    const data = Float64Array.of(1, 2)
    const refusals: (() => Uint8Array)[] = [
      () => encodeSafetensors({ a: { dtype: 'F64', shape: [3], data } }),
      () => encodeSafetensors({ a: { dtype: 'F64', shape: [-1, -2], data } }),
      () => encodeSafetensors({ a: { dtype: 'F32', shape: [2], data } }),
      () => encodeSafetensors({ a: { dtype: 'X' as 'F32', shape: [2], data } }),
      () => encodeSafetensors({ a: { dtype: 'BOOL', shape: [1], data: Uint8Array.of(2) } }),
      () => encodeSafetensors({ __metadata__: { dtype: 'F64', shape: [2], data } }),
      () => encodeSafetensors({ ['__proto__']: { dtype: 'F64', shape: [2], data } }),
      () => encodeSafetensors({ '\ud800': { dtype: 'F64', shape: [2], data } }),
      () => encodeSafetensors({}, { ['__proto__']: 'x' }),
      () => encodeSafetensors({}, { k: 1 as unknown as string }),
    ]
    for (const refusal of refusals) {
      expect(await errorOf(refusal)).toMatchObject({ name: 'SafetensorsInvalid' })
    }
  })
})
