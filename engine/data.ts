import { errorNames, type Failure } from './errors.ts'
import { limits } from './limits.ts'

export type Json = string | number | boolean | null | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [name: string]: Json
}

/**
 * A value that crosses states: JSON, with its text at hand, since the text is what is measured, logged
 * and shown. The value is shared by everything that reads it and is never changed.
 */
export class Data {
  readonly value: Json
  #text: string | undefined

  /** @param text the JSON of `value`, when it is known already */
  constructor(value: Json, text?: string) {
    this.value = value
    this.#text = text
  }

  /** Throws RangeError for a value nested deeper than the stack. */
  get text(): string {
    this.#text ??= JSON.stringify(this.value)
    return this.#text
  }

  /** Whether the UTF-8 of the text is over what a state may hold. */
  get isTooLarge(): boolean {
    const { length } = this.text
    // UTF-8 takes at most three bytes a UTF-16 unit, so that most texts need no counting.
    if (length * 3 <= limits.stateDataBytes) return false
    return length > limits.stateDataBytes || Buffer.byteLength(this.text) > limits.stateDataBytes
  }
}

export const emptyObject = new Data({}, '{}')

/**
 * What a handler answered, as JSON: a class instance becomes its fields, `undefined` and NaN become
 * null. Throws TypeError for what JSON cannot hold (a bigint, a cycle), RangeError when too deep.
 */
export function dataOf(value: unknown): Data {
  // The type says string, but undefined, functions and symbols have no JSON.
  const text = (JSON.stringify(value) as string | undefined) ?? 'null'
  return new Data(JSON.parse(text) as Json, text)
}

/** Sets an own property also where the name is `__proto__`. */
export function setProperty(target: Record<string, Json>, name: string, value: Json): void {
  if (name === '__proto__') {
    Object.defineProperty(target, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    })
  } else {
    target[name] = value
  }
}

/** The failure of a state or task whose result is over the limit. */
export function dataLimitExceeded(stateOrTask: string): Failure {
  return {
    error: errorNames.dataLimitExceeded,
    cause: `The state/task '${stateOrTask}' returned a result with a size exceeding the maximum number of bytes service limit.`,
    isOverLimit: true,
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

export function isString(value: Json): value is string {
  return typeof value === 'string'
}
