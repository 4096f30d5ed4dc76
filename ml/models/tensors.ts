import { largestMagnitude, mostClasses } from './checks.ts'
import { ModelError } from './errors.ts'

/** A named array of a model file. `shape` is row-major; a scalar has the shape []. */
export type Tensor =
  | { readonly dtype: 'F64'; readonly shape: readonly number[]; readonly data: Float64Array }
  | { readonly dtype: 'I32'; readonly shape: readonly number[]; readonly data: Int32Array }

/** Tensors as an estimator writes them. */
export type Tensors = Record<string, Tensor>

/** Tensors as they come from a file: names, types, shapes and values are yet to be checked. */
export type LoadedTensors = ReadonlyMap<
  string,
  { readonly dtype: string; readonly shape: readonly number[]; readonly data: unknown }
>

/** A size that a shape must have, or `undefined` where it may have any from 1. */
type Size = number | undefined

export function float64Tensor(data: Float64Array, ...shape: number[]): Tensor {
  return { dtype: 'F64', shape, data }
}

export function int32Tensor(data: Int32Array, ...shape: number[]): Tensor {
  return { dtype: 'I32', shape, data }
}

/** The tensor's doubles, as a copy, none beyond `largestMagnitude`. Throws ModelFileInvalid. */
export function readFloat64(tensors: LoadedTensors, name: string, ...shape: Size[]) {
  const { data, sizes } = found(tensors, name, 'F64', shape)
  if (!(data instanceof Float64Array)) throw invalid(name, 'has no doubles')
  for (let k = 0; k < data.length; k++) {
    if (!(Math.abs(data[k]!) <= largestMagnitude)) throw invalid(name, `holds ${data[k]} at ${k}`)
  }
  return { data: data.slice(), sizes }
}

/** The tensor's integers, as a copy, each in [from, to]. Throws ModelFileInvalid. */
export function readInt32(
  tensors: LoadedTensors,
  name: string,
  range: { from: number; to: number },
  ...shape: Size[]
) {
  const { data, sizes } = found(tensors, name, 'I32', shape)
  if (!(data instanceof Int32Array)) throw invalid(name, 'has no 32-bit integers')
  for (let k = 0; k < data.length; k++) {
    if (data[k]! < range.from || data[k]! > range.to) {
      throw invalid(name, `holds ${data[k]} at ${k}, outside of ${range.from} to ${range.to}`)
    }
  }
  return { data: data.slice(), sizes }
}

/** The classes of any classifier's tensors: two or more, ascending. Throws ModelFileInvalid. */
export function readClasses(tensors: LoadedTensors): Float64Array {
  const { data: classes } = readFloat64(tensors, 'classes', undefined)
  if (classes.length < 2 || classes.length > mostClasses) {
    throw new ModelError(
      'ModelFileInvalid',
      `the model has ${classes.length} classes: it needs from 2 to ${mostClasses}`,
    )
  }
  for (let c = 1; c < classes.length; c++) {
    if (classes[c]! <= classes[c - 1]!) {
      throw new ModelError('ModelFileInvalid', `classes ${c - 1} and ${c} do not ascend`)
    }
  }
  return classes
}

/** Throws ModelFileInvalid when a tensor is there that no one would read. */
export function refuseOtherTensors(tensors: LoadedTensors, known: readonly string[]): void {
  for (const name of tensors.keys()) {
    if (!known.includes(name)) {
      throw new ModelError(
        'ModelFileInvalid',
        `unknown tensor ${JSON.stringify(name)}: this model has ${known.join(', ')}`,
      )
    }
  }
}

function found(tensors: LoadedTensors, name: string, dtype: string, shape: readonly Size[]) {
  const tensor = tensors.get(name)
  if (!tensor) throw invalid(name, 'is missing')
  if (tensor.dtype !== dtype) throw invalid(name, `is ${tensor.dtype}, not ${dtype}`)
  const fits =
    tensor.shape.length === shape.length &&
    shape.every((size, axis) =>
      size === undefined ? tensor.shape[axis]! >= 1 : tensor.shape[axis] === size,
    )
  if (!fits) {
    const expected = shape.map((size) => size ?? '?').join(' × ')
    throw invalid(name, `has the shape [${tensor.shape.join(' × ')}], not [${expected}]`)
  }
  const count = tensor.shape.reduce((product, size) => product * size, 1)
  if ((tensor.data as ArrayLike<number>).length !== count) {
    throw invalid(name, `does not hold the ${count} values of its shape`)
  }
  return { data: tensor.data, sizes: tensor.shape }
}

function invalid(name: string, what: string): ModelError {
  return new ModelError('ModelFileInvalid', `tensor ${name} ${what}`)
}
