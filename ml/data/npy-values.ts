import { DataError } from './errors.ts'
import { widenHalves } from './float16.ts'
import type { NpyHeader } from './npy-header.ts'
import { hostIsLittleEndian, type NpyArray, type NpyData, numberTypes } from './npy-types.ts'

/**
 * The array whose values are `payload`. Not copied where `payload` is aligned, in this machine's
 * byte order and not float16: the array then shares its memory.
 *
 * @param payload exactly the bytes of the values
 * @param shape of the answer, when `payload` is a part of the file
 * @param payloadOffset where `payload` begins in the file, for errors
 * @throws DataError NpyInvalid on a bool that is neither 0 nor 1
 */
export function npyArray(
  header: NpyHeader,
  payload: Uint8Array,
  shape: readonly number[] = header.shape,
  payloadOffset: number = header.dataOffset,
): NpyArray {
  const { dtype, fortranOrder, itemSize } = header
  const length = payload.length / itemSize
  if (dtype === 'bool') checkBools(payload, payloadOffset)
  if (dtype === 'float16') {
    const buffer = new ArrayBuffer(length * 4)
    const upperHalf = new Uint8Array(buffer, length * 2)
    upperHalf.set(payload)
    return { shape, dtype, fortranOrder, data: halvesInPlace(header, buffer) }
  }
  const swapped = header.littleEndian !== hostIsLittleEndian && itemSize > 1
  const own = swapped || payload.byteOffset % itemSize !== 0 ? new Uint8Array(payload) : payload
  if (swapped) swapBytes(own, itemSize)
  const data = new numberTypes[dtype].view(own.buffer, own.byteOffset, length)
  return { shape, dtype, fortranOrder, data }
}

/**
 * Where the payload of a whole file is read to, and the array it then is: the same memory, so that
 * a file is never held twice.
 */
export function npyArrayInPlace(header: NpyHeader): {
  readonly payload: Uint8Array
  readonly finish: () => NpyArray
} {
  const { shape, dtype, fortranOrder, itemSize, length } = header
  const widened = dtype === 'float16'
  const buffer = allocate(header, widened ? length * 4 : length * itemSize)
  const payload = new Uint8Array(buffer, widened ? length * 2 : 0)
  const finish = (): NpyArray => {
    if (widened) return { shape, dtype, fortranOrder, data: halvesInPlace(header, buffer) }
    if (dtype === 'bool') checkBools(payload, header.dataOffset)
    if (header.littleEndian !== hostIsLittleEndian) swapBytes(payload, itemSize)
    const data = new numberTypes[dtype].view(buffer, 0, length)
    return { shape, dtype, fortranOrder, data }
  }
  return { payload, finish }
}

/** Reverses the bytes of every value of `itemSize` bytes, in place. */
export function swapBytes(bytes: Uint8Array, itemSize: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (itemSize === 2) buffer.swap16()
  else if (itemSize === 4) buffer.swap32()
  else if (itemSize === 8) buffer.swap64()
}

function allocate(header: NpyHeader, bytes: number): ArrayBuffer {
  try {
    return new ArrayBuffer(bytes)
  } catch (cause) {
    throw new DataError(
      'NpyUnsupported',
      `An array of shape (${header.shape.join(', ')}) needs ${bytes} bytes, more than this ` +
        'process can hold; read ranges of its rows instead.',
      { cause },
    )
  }
}

/** The buffer's upper half holds the half-precision values; the answer covers all of it. */
function halvesInPlace(header: NpyHeader, buffer: ArrayBuffer): NpyData {
  const length = buffer.byteLength / 4
  if (header.littleEndian !== hostIsLittleEndian) swapBytes(new Uint8Array(buffer, length * 2), 2)
  const data = new Float32Array(buffer)
  widenHalves(new Uint16Array(buffer, length * 2), data)
  return data
}

function checkBools(payload: Uint8Array, payloadOffset: number): void {
  const at = payload.findIndex((value) => value > 1)
  if (at < 0) return
  throw new DataError(
    'NpyInvalid',
    `The bool at byte ${payloadOffset + at} is ${payload[at]}; it must be 0 or 1.`,
    { offset: payloadOffset + at, found: String(payload[at]) },
  )
}
