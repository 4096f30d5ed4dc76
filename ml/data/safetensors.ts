import { isUtf8 } from 'node:buffer'
import { DataError, quoted } from './errors.ts'
import { type HeaderJson, HeaderJsonError, parseHeaderJson } from './header-json.ts'
import { hostIsLittleEndian, type NpyData } from './npy-types.ts'
import { swapBytes } from './npy-values.ts'

/** The format's names of the number types that are read and written. */
export type TensorType =
  'F64' | 'F32' | 'I64' | 'U64' | 'I32' | 'U32' | 'I16' | 'U16' | 'I8' | 'U8' | 'BOOL'

export interface Tensor {
  readonly dtype: TensorType
  /** Empty for a single value. */
  readonly shape: readonly number[]
  /** In C order. The array's class is the type's own; BOOL is a Uint8Array of 0 and 1. */
  readonly data: NpyData
}

export interface Safetensors {
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly metadata: Readonly<Record<string, string>>
}

/** The format's own limit on the length of a header. */
const maxHeaderBytes = 100_000_000

/**
 * The bytes of a safetensors file (the format of Hugging Face's `safetensors` 0.4 and later, which
 * opens it from Python). Tensors stand in order of their type's size, largest first, then of their
 * names, so that each is aligned; the same content gives the same bytes.
 *
 * @throws DataError SafetensorsInvalid on a name or text that the format cannot hold, or a tensor
 *   whose type, shape and data do not fit each other
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  for (const [name, tensor] of Object.entries(tensors)) checkTensor(name, tensor)
  const ordered = Object.entries(tensors).sort(
    ([nameA, a], [nameB, b]) =>
      tensorTypes[b.dtype].itemSize - tensorTypes[a.dtype].itemSize || (nameA < nameB ? -1 : 1),
  )
  const texts = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [key, text] of texts) checkText(key, text)
  const entries: string[] = []
  if (texts.length > 0) entries.push(`"__metadata__":${jsonObject(texts)}`)
  let end = 0
  for (const [name, { dtype, shape, data }] of ordered) {
    const begin = end
    end += data.byteLength
    entries.push(
      `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`,
    )
  }
  const header = Buffer.from(`{${entries.join(',')}}`)
  const headerLength = Math.ceil(header.length / 8) * 8
  if (headerLength > maxHeaderBytes) {
    throw new DataError('SafetensorsInvalid', `A header of ${headerLength} bytes is over 100 MB.`)
  }
  const file = new Uint8Array(8 + headerLength + end).fill(0x20, 8, 8 + headerLength)
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true)
  file.set(header, 8)
  let at = 8 + headerLength
  for (const [, { dtype, data }] of ordered) {
    const payload = file.subarray(at, at + data.byteLength)
    payload.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    if (!hostIsLittleEndian) swapBytes(payload, tensorTypes[dtype].itemSize)
    at += data.byteLength
  }
  return file
}

/**
 * Reads a safetensors file by all rules of the format: the header is one JSON object without
 * repeated keys; every tensor's bytes are its shape times its type; the tensors cover the data from
 * its first to its last byte without a hole or an overlap. Nothing is evaluated, and nothing larger
 * than the bytes at hand is allocated. Tensors are views of `bytes` where they are aligned.
 *
 * @throws DataError SafetensorsInvalid, SafetensorsUnsupported
 */
export function parseSafetensors(bytes: Uint8Array): Safetensors {
  const dataOffset = dataOffsetOf(bytes)
  const header = parseHeader(bytes.subarray(8, dataOffset))
  const metadata = metadataOf(header.get('__metadata__'))
  const layouts = [...header]
    .filter(([name]) => name !== '__metadata__')
    .map(([name, entry]) => layoutOf(name, entry))
  checkCoverage(layouts, bytes.length - dataOffset)

  const tensors = new Map<string, Tensor>()
  for (const layout of layouts) {
    tensors.set(layout.name, tensorAt(layout, bytes, dataOffset + layout.begin))
  }
  return { tensors, metadata }
}

const tensorTypes: Readonly<
  Record<
    TensorType,
    {
      itemSize: number
      view: new (buffer: ArrayBufferLike, byteOffset: number, length: number) => NpyData
    }
  >
> = {
  F64: { itemSize: 8, view: Float64Array },
  F32: { itemSize: 4, view: Float32Array },
  I64: { itemSize: 8, view: BigInt64Array },
  U64: { itemSize: 8, view: BigUint64Array },
  I32: { itemSize: 4, view: Int32Array },
  U32: { itemSize: 4, view: Uint32Array },
  I16: { itemSize: 2, view: Int16Array },
  U16: { itemSize: 2, view: Uint16Array },
  I8: { itemSize: 1, view: Int8Array },
  U8: { itemSize: 1, view: Uint8Array },
  BOOL: { itemSize: 1, view: Uint8Array },
}

/** Types of the format that are told apart from garbage, but not read. */
const unreadTypes = new Set(
  'F16 BF16 F8_E4M3 F8_E5M2 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ F6_E2M3 F6_E3M2 F4 C64'.split(' '),
)

function jsonObject(entries: readonly (readonly [string, string])[]): string {
  return `{${entries.map(([key, text]) => `${JSON.stringify(key)}:${JSON.stringify(text)}`).join(',')}}`
}

function checkName(name: string, what: string): void {
  if (name === '__proto__' || !name.isWellFormed()) {
    throw invalid(`${what} must not be named ${quoted(name)}.`, { found: name })
  }
}

function checkText(key: string, text: unknown): void {
  checkName(key, 'A metadata entry')
  if (typeof text !== 'string' || !text.isWellFormed()) {
    throw invalid(`The metadata entry ${quoted(key)} is not well-formed text.`, { found: key })
  }
}

function checkTensor(name: string, { dtype, shape, data }: Tensor): void {
  if (name === '__metadata__') {
    throw invalid(`A tensor must not be named ${quoted(name)}.`, { found: name })
  }
  checkName(name, 'A tensor')
  if (!Object.hasOwn(tensorTypes, dtype)) {
    throw invalid(`Tensor ${quoted(name)} has the unknown type ${quoted(dtype)}.`, { found: dtype })
  }
  const { view } = tensorTypes[dtype]
  const length = shape.reduce((product, n) => product * n, 1)
  const sound = shape.every((n) => Number.isSafeInteger(n) && n >= 0)
  if (!(data instanceof view) || !sound || length !== data.length) {
    throw invalid(
      `Tensor ${quoted(name)} of type ${dtype} and shape [${shape.join(', ')}] takes a ` +
        `${view.name} of ${length} values, got a ${data.constructor.name} of ${data.length}.`,
      { found: `[${shape.join(', ')}]` },
    )
  }
  if (dtype === 'BOOL') checkBools(name, data as Uint8Array, undefined)
}

function checkBools(name: string, data: Uint8Array, fileOffset: number | undefined): void {
  const at = data.findIndex((value) => value > 1)
  if (at < 0) return
  throw invalid(`Value ${at} of the BOOL tensor ${quoted(name)} is ${data[at]}, not 0 or 1.`, {
    ...(fileOffset === undefined ? {} : { offset: fileOffset + at }),
    found: String(data[at]),
  })
}

function dataOffsetOf(bytes: Uint8Array): number {
  if (bytes.length < 8) {
    throw invalid(`The file has ${bytes.length} bytes; the header's length alone has 8.`, {
      offset: bytes.length,
      found: 'the end of the file',
    })
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerLength = view.getBigUint64(0, true)
  const rest = bytes.length - 8
  if (headerLength > BigInt(Math.min(maxHeaderBytes, rest))) {
    throw invalid(
      `The header's length at byte 0 is ${headerLength}, and the file has ${rest} bytes after it ` +
        `(at most ${maxHeaderBytes} are read).`,
      { offset: 0, found: String(headerLength) },
    )
  }
  return 8 + Number(headerLength)
}

function parseHeader(header: Uint8Array): ReadonlyMap<string, HeaderJson> {
  if (header[0] !== 0x7b) {
    throw invalid("The header at byte 8 does not begin with '{'.", {
      offset: 8,
      found: Buffer.from(header.subarray(0, 20)).toString('latin1'),
    })
  }
  if (!isUtf8(header)) throw invalid('The header at byte 8 is not UTF-8.', { offset: 8 })
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(header)
  try {
    return parseHeaderJson(text) as ReadonlyMap<string, HeaderJson>
  } catch (error) {
    if (!(error instanceof HeaderJsonError)) throw error
    const offset = 8 + Buffer.byteLength(text.slice(0, error.position))
    throw invalid(
      `The header is not the JSON of the format: ${error.message}, at byte ${offset}.`,
      {
        offset,
        found: error.found,
        cause: error,
      },
    )
  }
}

function metadataOf(entry: HeaderJson | undefined): Record<string, string> {
  if (entry === undefined) return {}
  if (!(entry instanceof Map)) throw invalid('The entry "__metadata__" is not an object of texts.')
  const metadata: Record<string, string> = {}
  for (const [key, text] of entry as ReadonlyMap<string, HeaderJson>) {
    checkText(key, text)
    metadata[key] = text as string
  }
  return metadata
}

interface Layout {
  readonly name: string
  readonly dtype: TensorType
  readonly shape: readonly number[]
  readonly length: number
  /** Byte offsets from the start of the data. */
  readonly begin: number
  readonly end: number
}

function layoutOf(name: string, entry: HeaderJson): Layout {
  checkName(name, 'A tensor')
  const fields = entry instanceof Map ? (entry as ReadonlyMap<string, HeaderJson>) : undefined
  const dtype = fields?.get('dtype')
  const shape = fields?.get('shape')
  const offsets = fields?.get('data_offsets')
  if (fields?.size !== 3 || !isCounts(shape) || !isCounts(offsets) || offsets.length !== 2) {
    throw invalid(
      `Tensor ${quoted(name)} does not have exactly "dtype", "shape" (integers from 0) and ` +
        '"data_offsets" (two of them).',
      { found: name },
    )
  }
  if (typeof dtype !== 'string' || !Object.hasOwn(tensorTypes, dtype)) {
    const shown = typeof dtype === 'string' ? dtype : JSON.stringify(dtype ?? null)
    throw new DataError(
      unreadTypes.has(shown) ? 'SafetensorsUnsupported' : 'SafetensorsInvalid',
      `Tensor ${quoted(name)} has the type ${quoted(shown)}; read are ` +
        `${Object.keys(tensorTypes).join(', ')}.`,
      { found: shown },
    )
  }
  const [begin, end] = [offsets[0]!, offsets[1]!]
  const { itemSize } = tensorTypes[dtype as TensorType]
  let bytes = itemSize
  for (const n of shape) bytes *= n
  if (!Number.isSafeInteger(bytes) || end - begin !== bytes) {
    throw invalid(
      `Tensor ${quoted(name)} of type ${dtype} and shape [${shape.join(', ')}] has ${bytes} bytes, ` +
        `and its data_offsets are [${begin}, ${end}].`,
      { found: `[${begin}, ${end}]` },
    )
  }
  return { name, dtype: dtype as TensorType, shape, length: bytes / itemSize, begin, end }
}

function isCounts(value: HeaderJson | undefined): value is readonly number[] {
  return Array.isArray(value) && value.every((n) => typeof n === 'number')
}

function checkCoverage(layouts: readonly Layout[], dataLength: number): void {
  const ordered = [...layouts].sort((a, b) => a.begin - b.begin || a.end - b.end)
  let covered = 0
  for (const { name, begin, end } of ordered) {
    if (begin !== covered) {
      throw invalid(
        `Tensor ${quoted(name)} begins at byte ${begin} of the data, and the one before it ends at ` +
          `byte ${covered}: there is ${begin > covered ? 'a hole' : 'an overlap'}.`,
        { found: `[${begin}, ${end}]` },
      )
    }
    covered = end
  }
  if (covered !== dataLength) {
    throw invalid(
      `The tensors end at byte ${covered} of the data, and the file has ${dataLength} bytes of it.`,
      { found: `${dataLength} bytes` },
    )
  }
}

function tensorAt(layout: Layout, bytes: Uint8Array, offset: number): Tensor {
  const { name, dtype, shape, length, begin, end } = layout
  const { itemSize, view } = tensorTypes[dtype]
  let own = bytes.subarray(offset, offset + end - begin)
  if (own.byteOffset % itemSize !== 0 || (!hostIsLittleEndian && itemSize > 1)) {
    own = new Uint8Array(own)
    if (!hostIsLittleEndian) swapBytes(own, itemSize)
  }
  if (dtype === 'BOOL') checkBools(name, own, offset)
  return { dtype, shape, data: new view(own.buffer, own.byteOffset, length) }
}

function invalid(
  message: string,
  details: { offset?: number; found?: string; cause?: unknown } = {},
): DataError {
  return new DataError('SafetensorsInvalid', message, details)
}
