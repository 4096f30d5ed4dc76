import { DataError } from './errors.ts'
import { narrowToHalves } from './float16.ts'
import { hostIsLittleEndian, type NpyData, type NpyDtype, numberTypes } from './npy-types.ts'
import { swapBytes } from './npy-values.ts'

export interface NpyInput {
  readonly shape: readonly number[]
  /**
   * Default: the type of `data`. `bool` takes a Uint8Array of 0 and 1, `float16` a Float32Array,
   * whose values are rounded to nearest even.
   */
  readonly dtype?: NpyDtype
  /** Whether `data` is in Fortran order (the first axis runs fastest). Default false. */
  readonly fortranOrder?: boolean
  readonly data: NpyData
}

/**
 * The bytes of a `.npy` file: version 1.0, little-endian, and for C order or two and more axes the
 * same bytes that `numpy.save` writes for this array.
 *
 * @throws DataError NpyInvalid when shape, type and data do not fit each other
 */
export function writeNpy({ shape, dtype, fortranOrder = false, data }: NpyInput): Uint8Array {
  const type = dtype ?? dtypeOf(data)
  checkInput(shape, type, data)
  const { itemSize } = numberTypes[type]
  const header = npyHeaderOf(shape, type, fortranOrder)
  const file = new Uint8Array(header.length + data.length * itemSize)
  file.set(header)
  const payload = file.subarray(header.length)
  if (type === 'float16' && data instanceof Float32Array) {
    narrowToHalves(data, new Uint16Array(file.buffer, header.length, data.length))
  } else {
    payload.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }
  if (!hostIsLittleEndian) swapBytes(payload, itemSize)
  return file
}

/** The type that an array's class stands for. */
function dtypeOf(data: NpyData): NpyDtype {
  for (const [dtype, { view }] of Object.entries(numberTypes)) {
    if (dtype !== 'bool' && dtype !== 'float16' && data instanceof view) return dtype as NpyDtype
  }
  throw new DataError('NpyInvalid', 'The data is not a typed array that .npy files can hold.', {
    found: Object.prototype.toString.call(data),
  })
}

function checkInput(shape: readonly number[], dtype: NpyDtype, data: NpyData): void {
  const { view } = numberTypes[dtype]
  if (!(data instanceof view)) {
    throw new DataError(
      'NpyInvalid',
      `Values of type ${dtype} are given as a ${view.name}, got a ${data.constructor.name}.`,
      { found: data.constructor.name },
    )
  }
  const sound = shape.length <= 64 && shape.every((n) => Number.isSafeInteger(n) && n >= 0)
  const length = shape.reduce((product, n) => product * n, 1)
  if (!sound || length !== data.length) {
    throw new DataError(
      'NpyInvalid',
      `An array of shape (${shape.join(', ')}) does not fit ${data.length} values.`,
      { found: `(${shape.join(', ')})` },
    )
  }
  if (dtype === 'bool' && (data as Uint8Array).some((value) => value > 1)) {
    throw new DataError('NpyInvalid', 'Values of type bool are 0 or 1.')
  }
}

/** NumPy leaves room for the growing axis to reach so many digits, so that files can be appended. */
const growthDigits = 21

/** What a `.npy` file of this shape begins with; its values follow, little-endian. */
export function npyHeaderOf(
  shape: readonly number[],
  dtype: NpyDtype,
  fortranOrder = false,
): Uint8Array {
  const { code, itemSize } = numberTypes[dtype]
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const growing = fortranOrder ? shape.at(-1) : shape[0]
  const room = growing === undefined ? 0 : growthDigits - String(growing).length
  const text =
    `{'descr': '${itemSize === 1 ? '|' : '<'}${code}', ` +
    `'fortran_order': ${fortranOrder ? 'True' : 'False'}, 'shape': (${axes}), }` +
    ' '.repeat(room)
  const length = Math.ceil((10 + text.length + 1) / 64) * 64
  const header = Buffer.alloc(length, ' ')
  header.write('\x93NUMPY\x01\x00', 'latin1')
  header.writeUInt16LE(length - 10, 8)
  header.write(text, 10, 'latin1')
  header[length - 1] = 0x0a
  return header
}
