import { DataError, quoted } from './errors.ts'
import { parseHeaderLiteral } from './npy-literal.ts'
import { dtypeForCode, hostIsLittleEndian, type NpyDtype, numberTypes } from './npy-types.ts'

export interface NpyHeader {
  readonly complete: true
  readonly shape: readonly number[]
  readonly dtype: NpyDtype
  readonly fortranOrder: boolean
  readonly littleEndian: boolean
  /** Values in the array: the product of the shape. */
  readonly length: number
  /** Bytes a value. */
  readonly itemSize: number
  /** Byte offset of the first value. */
  readonly dataOffset: number
  /** Bytes that the whole file has. */
  readonly byteLength: number
}

/** The bytes are the beginning of a header, as far as they go. */
export interface NpyHeaderIncomplete {
  readonly complete: false
  /** At least so many bytes from the file's start are needed to go on. */
  readonly bytesNeeded: number
}

/** NumPy's own default limit. A header of plain numbers needs under 1,500 bytes. */
const maxHeaderLength = 10_000

/** So many bytes from the start hold any header that is accepted. */
export const npyHeaderBytes = 12 + maxHeaderLength

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

/**
 * Reads the header of a `.npy` file from its first bytes, and says how long the file must be; or
 * that more bytes are needed, while those at hand may still become a `.npy` file. Format:
 * numpy.lib.format, versions 1.0, 2.0 and 3.0.
 *
 * A type of byte order `=` or `|` is read in this machine's order, as NumPy does.
 *
 * @param prefix the first bytes of the file; what follows the header is not looked at
 * @throws DataError NpyInvalid when no `.npy` file begins like this, NpyUnsupported when its type is
 *   not a plain number
 */
export function parseNpyHeader(prefix: Uint8Array): NpyHeader | NpyHeaderIncomplete {
  for (let i = 0; i < Math.min(magic.length, prefix.length); i++) {
    if (prefix[i] !== magic[i]) {
      const found = Buffer.from(prefix.subarray(0, magic.length)).toString('latin1')
      throw new DataError(
        'NpyInvalid',
        `This is not a .npy file: it begins with ${quoted(found)}, not with "\\x93NUMPY".`,
        { offset: 0, found },
      )
    }
  }
  if (prefix.length < 8) return { complete: false, bytesNeeded: 10 }
  const [major, minor] = [prefix[6]!, prefix[7]!]
  if (major < 1 || major > 3 || minor !== 0) {
    throw new DataError(
      'NpyInvalid',
      `The .npy version at byte 6 is ${major}.${minor}; known are 1.0, 2.0 and 3.0.`,
      { offset: 6, found: `${major}.${minor}` },
    )
  }
  const textOffset = major === 1 ? 10 : 12
  if (prefix.length < textOffset) return { complete: false, bytesNeeded: textOffset }
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength)
  const textLength = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (textLength > maxHeaderLength) {
    throw new DataError(
      'NpyInvalid',
      `The header length at byte 8 is ${textLength}; at most ${maxHeaderLength} bytes are read.`,
      { offset: 8, found: String(textLength) },
    )
  }
  const dataOffset = textOffset + textLength
  if (prefix.length < dataOffset) return { complete: false, bytesNeeded: dataOffset }

  const text = Buffer.from(prefix.subarray(textOffset, dataOffset)).toString('latin1')
  const literal = parseHeaderLiteral(text, textOffset, major < 3)
  const { dtype, littleEndian } = parseDescr(literal.descr, literal.descrOffset)
  const { itemSize } = numberTypes[dtype]
  const length = lengthOf(literal.shape, itemSize, textOffset)
  const { shape, fortranOrder } = literal
  const byteLength = dataOffset + length * itemSize
  return {
    complete: true,
    shape,
    dtype,
    fortranOrder,
    littleEndian,
    length,
    itemSize,
    dataOffset,
    byteLength,
  }
}

const unsupportedKinds: Readonly<Record<string, string>> = {
  O: 'Python objects (a pickle, which is never loaded)',
  S: 'byte strings',
  a: 'byte strings',
  U: 'text',
  V: 'raw records',
  M: 'dates',
  m: 'time differences',
  c: 'complex numbers',
}

function parseDescr(descr: string, offset: number): { dtype: NpyDtype; littleEndian: boolean } {
  const [order, kind] = [descr.charAt(0), descr.charAt(1)]
  if ('<>=|'.includes(order) && order !== '') {
    const dtype = dtypeForCode(descr.slice(1))
    const littleEndian = order === '<' || (order !== '>' && hostIsLittleEndian)
    if (dtype !== undefined) return { dtype, littleEndian }

    const what = /^.f(12|16)$/.test(descr)
      ? 'extended-precision numbers'
      : Object.hasOwn(unsupportedKinds, kind)
        ? unsupportedKinds[kind]
        : undefined
    if (what !== undefined) {
      throw new DataError(
        'NpyUnsupported',
        `The values are ${what}, type ${quoted(descr)} at byte ${offset}; ` +
          'save bool, int8 to int64, uint8 to uint64 or float16 to float64 instead.',
        { offset, found: descr },
      )
    }
  }
  throw new DataError('NpyInvalid', `The type ${quoted(descr)} at byte ${offset} is unknown.`, {
    offset,
    found: descr,
  })
}

/** The product of `shape`; as in NumPy, axes beside one of length 0 must not overflow either. */
function lengthOf(shape: readonly number[], itemSize: number, offset: number): number {
  let bytes = itemSize
  for (const length of shape) bytes *= length === 0 ? 1 : length
  if (!Number.isSafeInteger(bytes + npyHeaderBytes)) {
    throw new DataError(
      'NpyInvalid',
      `An array of shape (${shape.join(', ')}) with ${itemSize} bytes a value is beyond 2^53 bytes.`,
      { offset, found: `(${shape.join(', ')})` },
    )
  }
  return shape.includes(0) ? 0 : bytes / itemSize
}
