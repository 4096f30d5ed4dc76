/** The number types of `.npy` files that are read and written, by NumPy's names. */
export type NpyDtype =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'float16'
  | 'float32'
  | 'float64'

/** 64-bit integers stay exact as BigInts; bool is a Uint8Array of 0 and 1; float16 is widened. */
export type NpyData =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array

export interface NpyArray {
  /** Lengths of the axes; empty for a single value. */
  readonly shape: readonly number[]
  readonly dtype: NpyDtype
  /** The order of `data`: false when the last axis runs fastest, true when the first does. */
  readonly fortranOrder: boolean
  /** All values, in the order of the file. */
  readonly data: NpyData
}

interface NumberType {
  /** NumPy's type code, without the byte order. */
  readonly code: string
  /** Bytes a value in the file. */
  readonly itemSize: number
  readonly view: new (buffer: ArrayBufferLike, byteOffset: number, length: number) => NpyData
}

/** `view` is the array that the values are answered in (wider than the file's for float16). */
export const numberTypes: Readonly<Record<NpyDtype, NumberType>> = {
  bool: { code: 'b1', itemSize: 1, view: Uint8Array },
  int8: { code: 'i1', itemSize: 1, view: Int8Array },
  int16: { code: 'i2', itemSize: 2, view: Int16Array },
  int32: { code: 'i4', itemSize: 4, view: Int32Array },
  int64: { code: 'i8', itemSize: 8, view: BigInt64Array },
  uint8: { code: 'u1', itemSize: 1, view: Uint8Array },
  uint16: { code: 'u2', itemSize: 2, view: Uint16Array },
  uint32: { code: 'u4', itemSize: 4, view: Uint32Array },
  uint64: { code: 'u8', itemSize: 8, view: BigUint64Array },
  float16: { code: 'f2', itemSize: 2, view: Float32Array },
  float32: { code: 'f4', itemSize: 4, view: Float32Array },
  float64: { code: 'f8', itemSize: 8, view: Float64Array },
}

const dtypeOfCode = new Map(
  Object.entries(numberTypes).map(([dtype, type]) => [type.code, dtype as NpyDtype]),
)

/** The type of a NumPy code without its byte order (`f8`), or undefined. */
export function dtypeForCode(code: string): NpyDtype | undefined {
  return dtypeOfCode.get(code)
}

export const hostIsLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
