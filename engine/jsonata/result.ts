import { type Json, setProperty } from '../data.ts'
import { limits } from '../limits.ts'

/** A result that is not JSON: a function, or a number that is not finite. */
export class UnsupportedResult extends Error {
  override readonly name = 'UnsupportedResult'
}

/**
 * A copy of what an expression answered as plain JSON of our own realm: sequences become arrays,
 * fields of undefined are dropped.
 *
 * @throws UnsupportedResult; RangeError for a result that is nested too deep or that has more values
 * than state data has bytes (structures may share their parts, so that a small one can be endless)
 */
export function plainJson(value: unknown): Json | undefined {
  let left: number = limits.stateDataBytes
  const copy = (part: unknown): Json | undefined => {
    if (left-- <= 0) throw new RangeError('the result has more values than state data may have')
    switch (typeof part) {
      case 'string':
      case 'boolean':
        return part
      case 'number':
        if (!Number.isFinite(part)) throw new UnsupportedResult()
        return part
      case 'undefined':
        return undefined
      case 'object':
        if (part === null) return null
        if (Array.isArray(part)) return part.map((item) => copy(item) ?? null)
        return copyObject(part as Record<string, unknown>)
      default:
        throw new UnsupportedResult()
    }
  }
  const copyObject = (source: Record<string, unknown>): Json => {
    if (isFunction(source)) throw new UnsupportedResult()
    const target: Record<string, Json> = {}
    for (const name of Object.keys(source)) {
      const item = copy(source[name])
      if (item !== undefined) setProperty(target, name, item)
    }
    return target
  }
  return copy(value)
}

/** How the package marks its own functions and lambdas. */
function isFunction(value: Readonly<Record<string, unknown>>): boolean {
  return value['_jsonata_function'] === true || value['_jsonata_lambda'] === true
}
