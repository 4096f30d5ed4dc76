import { MillraceError } from './errors.ts'
import { utf8Length } from './utf8.ts'

/** Most containers that a value may nest, as in a DynamoDB item. */
export const maxJsonDepth = 32

/** Most bytes of a message or event, as JSON. */
export const maxMessageBytes = 256 * 1024

/**
 * The JSON text of `value`. Throws ItemInvalid, with the path of the fault, unless it is JSON: plain
 * objects and arrays at most 32 deep, strings without lone surrogates, finite numbers, booleans and
 * null. Properties that are `undefined` are dropped.
 */
export function jsonText(value: unknown, what: string): string {
  if (!isJson(value, 0)) checkJson(value, what, 0)
  return JSON.stringify(value)
}

/** The JSON text of a message or event; MessageTooLarge above 256 KiB. */
export function messageText(value: unknown, what: string): string {
  const text = jsonText(value, what)
  const bytes = utf8Length(text)
  if (bytes > maxMessageBytes) {
    throw new MillraceError(
      'MessageTooLarge',
      `${what} has ${bytes} bytes of JSON, at most ${maxMessageBytes} are allowed: ` +
        'store the data as an object and send its reference',
    )
  }
  return text
}

/** Whether `checkJson` finds nothing: it takes a part of its time, which goes into paths. */
function isJson(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'boolean':
      return true
    case 'number':
      return Number.isFinite(value)
    case 'string':
      return value.isWellFormed()
    case 'object':
      if (value === null) return true
      if (depth >= maxJsonDepth) return false
      if (Array.isArray(value)) return areJson(value, depth + 1)
      return isPlainObject(value) && areMembersJson(value, depth + 1)
    default:
      return false
  }
}

/** By index, since holes of an array are none of its members. */
function areJson(values: readonly unknown[], depth: number): boolean {
  for (let i = 0; i < values.length; i++) if (!isJson(values[i], depth)) return false
  return true
}

function areMembersJson(value: object, depth: number): boolean {
  for (const name of Object.keys(value)) {
    const member = (value as Readonly<Record<string, unknown>>)[name]
    if (!name.isWellFormed() || (member !== undefined && !isJson(member, depth))) return false
  }
  return true
}

/** Throws ItemInvalid, with the path of the fault. */
function checkJson(value: unknown, path: string, depth: number): void {
  switch (typeof value) {
    case 'boolean':
      return
    case 'number':
      if (!Number.isFinite(value)) throw invalid(path, `the number ${value}`, 'finite numbers')
      return
    case 'string':
      if (!value.isWellFormed()) throw invalid(path, 'a lone surrogate', 'well-formed text')
      return
    case 'object':
      if (value === null) return
      if (depth >= maxJsonDepth) {
        throw invalid(path, 'deeper nesting', `at most ${maxJsonDepth} levels`)
      }
      if (Array.isArray(value)) return checkArray(value, path, depth)
      return checkObject(value, path, depth)
    default:
      throw invalid(path, `a value of type ${typeof value}`, 'JSON values')
  }
}

function checkArray(values: readonly unknown[], path: string, depth: number): void {
  for (let i = 0; i < values.length; i++) checkJson(values[i], `${path}[${i}]`, depth + 1)
}

function checkObject(value: object, path: string, depth: number): void {
  if (!isPlainObject(value)) {
    throw invalid(path, `an instance of ${value.constructor.name}`, 'plain objects and arrays')
  }
  for (const [name, member] of Object.entries(value)) {
    if (!name.isWellFormed())
      throw invalid(path, 'a name with a lone surrogate', 'well-formed text')
    if (member !== undefined) checkJson(member, `${path}.${name}`, depth + 1)
  }
}

/** Also true of a plain object of another realm (a worker, a test's context). */
function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function invalid(path: string, found: string, allowed: string): MillraceError {
  return new MillraceError('ItemInvalid', `${path} holds ${found}; only ${allowed} can be stored`)
}
