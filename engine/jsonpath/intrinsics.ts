import { createHash, randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { isObject, type Json, setProperty } from '../data.ts'
import type { ExpressionHost } from '../jsonata/functions.ts'
import { limits } from '../limits.ts'

/** An intrinsic function that was given what it does not take. */
export class IntrinsicFault extends Error {
  override readonly name = 'IntrinsicFault'
  constructor(functionName: string, detail = '') {
    super(`Invalid arguments in ${functionName}${detail}`)
  }
}

interface IntrinsicFunction {
  /** How many arguments it takes: at least, at most. */
  readonly operands: readonly [number, number]
  /** Throws IntrinsicFault. */
  readonly run: (values: readonly Json[], host: ExpressionHost) => Json
}

/**
 * The intrinsic functions of JSONPath, by name.
 * https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
 */
export const functions: ReadonlyMap<string, IntrinsicFunction> = new Map(
  Object.entries<[number, number, (take: Taker, host: ExpressionHost) => Json]>({
    Array: [0, Infinity, ({ values }) => values],
    ArrayPartition: [2, 2, (take) => partition(take.array(0), take.integer(1, 1))],
    ArrayContains: [2, 2, (take) => take.array(0).some((item) => same(item, take.values[1]))],
    ArrayRange: [3, 3, range],
    ArrayGetItem: [2, 2, (take) => take.array(0)[take.exactInteger(1)] ?? take.fail()],
    ArrayLength: [1, 1, (take) => take.array(0).length],
    ArrayUnique: [1, 1, (take) => unique(take.array(0))],
    Base64Encode: [1, 1, (take) => Buffer.from(take.shortText(0)).toString('base64')],
    Base64Decode: [1, 1, decode],
    Format: [1, Infinity, format],
    Hash: [2, 2, hash],
    JsonMerge: [3, 3, merge],
    JsonToString: [1, 1, ({ values }) => JSON.stringify(values[0])],
    MathAdd: [2, 2, (take) => take.integer(0) + take.integer(1)],
    MathRandom: [2, 3, random],
    StringSplit: [2, 2, split],
    StringToJson: [1, 1, parse],
    UUID: [0, 0, () => randomUUID()],
  }).map(([shortName, [least, most, run]]) => {
    const name = `States.${shortName}`
    return [
      name,
      { operands: [least, most], run: (values, host) => run(new Taker(name, values), host) },
    ]
  }),
)

/** The arguments of a call, checked as they are taken. */
class Taker {
  readonly values: readonly Json[]
  readonly #name: string

  constructor(name: string, values: readonly Json[]) {
    this.#name = name
    this.values = values
  }

  array(at: number): readonly Json[] {
    const value = this.values[at]
    return Array.isArray(value) ? (value as readonly Json[]) : this.fail()
  }

  text(at: number): string {
    const value = this.values[at]
    return typeof value === 'string' ? value : this.fail()
  }

  /** A text of as many characters as the service takes. */
  shortText(at: number): string {
    const text = this.text(at)
    return text.length > maximumCharacters && [...text].length > maximumCharacters
      ? this.fail()
      : text
  }

  /** A number, rounded to the nearest integer, halves up. */
  integer(at: number, least = -Infinity): number {
    const value = this.values[at]
    if (typeof value !== 'number') return this.fail()
    // Not -0, which JSON does not tell from 0.
    const rounded = Math.round(value) + 0
    return rounded >= least ? rounded : this.fail()
  }

  exactInteger(at: number): number {
    const value = this.values[at]
    return Number.isInteger(value) && (value as number) >= 0 ? (value as number) : this.fail()
  }

  object(at: number): Readonly<Record<string, Json>> {
    const value = this.values[at]
    return isObject(value) ? value : this.fail()
  }

  fail(detail?: string): never {
    throw new IntrinsicFault(this.#name, detail)
  }
}

/** Characters that States.Hash and the Base64 functions take. */
const maximumCharacters = 10_000

/** Numbers that States.ArrayRange makes. */
const maximumRange = 1000

function same(left: Json, right: Json | undefined): boolean {
  return isDeepStrictEqual(left, right)
}

function partition(items: readonly Json[], size: number): Json {
  const chunks: Json[][] = []
  for (let i = 0; i < items.length; i += size) chunks.push(items.slice(i, i + size))
  return chunks
}

function range(take: Taker): Json {
  const [first, last, step] = [take.integer(0), take.integer(1), take.integer(2)]
  if (step === 0) take.fail()
  const length = Math.max(0, Math.floor((last - first) / step) + 1)
  if (length > maximumRange) take.fail()
  return Array.from({ length }, (_, i) => first + i * step)
}

function unique(items: readonly Json[]): Json {
  // Equal values have the same text but for the order of fields, which is put right first.
  const found = new Map<string, Json>()
  for (const item of items) {
    const key = JSON.stringify(sorted(item))
    if (!found.has(key)) found.set(key, item)
  }
  return [...found.values()]
}

function sorted(value: Json): Json {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return (value as readonly Json[]).map(sorted)
  const target: Record<string, Json> = {}
  const source = value as Readonly<Record<string, Json>>
  for (const name of Object.keys(source).sort()) setProperty(target, name, sorted(source[name]!))
  return target
}

function decode(take: Taker): Json {
  const text = take.shortText(0)
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 === 1) take.fail()
  return Buffer.from(text, 'base64').toString()
}

/** Replaces each `{}` of the template; `\{`, `\}` and `\\` stand for themselves. */
function format(take: Taker): Json {
  const template = take.text(0)
  let next = 1
  let length = 0
  const made = template.replaceAll(/\\([\\{}])|\{\}|[{}]/g, (found, escaped?: string) => {
    if (escaped !== undefined) return escaped
    if (found !== '{}')
      take.fail(`: matching '${found === '{' ? '}' : '{'}' not found for '${found}'.`)
    const value = take.values[next++]
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    length += text?.length ?? 0
    if (length > limits.stateDataBytes) take.fail()
    return text ?? ''
  })
  if (next !== take.values.length) {
    take.fail(': number of arguments do not match the occurrences of {}.')
  }
  return made
}

const hashAlgorithms = new Map([
  ['MD5', 'md5'],
  ['SHA-1', 'sha1'],
  ['SHA-256', 'sha256'],
  ['SHA-384', 'sha384'],
  ['SHA-512', 'sha512'],
])

function hash(take: Taker): Json {
  const algorithm = hashAlgorithms.get(take.text(1)) ?? take.fail()
  return createHash(algorithm).update(take.shortText(0)).digest('hex')
}

/** Only shallow: the service has no deep merge yet, and refuses `true`. */
function merge(take: Taker): Json {
  if (take.values[2] !== false) take.fail()
  const target: Record<string, Json> = {}
  for (const source of [take.object(0), take.object(1)]) {
    for (const name of Object.keys(source)) setProperty(target, name, source[name]!)
  }
  return target
}

/** From the first number, inclusive, to the second, exclusive; the same number for the same seed. */
function random(take: Taker, host: ExpressionHost): Json {
  const [first, end] = [take.integer(0), take.integer(1)]
  if (end <= first) take.fail()
  const share = take.values.length < 3 ? host.random() : seeded(take.integer(2))
  return first + Math.floor(share * (end - first))
}

function seeded(seed: number): number {
  return createHash('sha256').update(String(seed)).digest().readUIntBE(0, 6) / 2 ** 48
}

/** At each of the characters of the second text; what is empty is left out. */
function split(take: Taker): Json {
  const delimiters = new Set(take.text(1))
  if (delimiters.size === 0) take.fail()
  const parts: string[] = []
  let part = ''
  for (const character of take.text(0)) {
    if (delimiters.has(character)) {
      if (part !== '') parts.push(part)
      part = ''
    } else {
      part += character
    }
  }
  if (part !== '') parts.push(part)
  return parts
}

/** The service reads JSON in a text of nothing as null. */
function parse(take: Taker): Json {
  const text = take.text(0)
  if (text.trim() === '') return null
  try {
    return JSON.parse(text) as Json
  } catch {
    return take.fail()
  }
}
