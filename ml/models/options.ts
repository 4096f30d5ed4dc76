import { ModelError } from './errors.ts'

export type OptionValue = number | string | boolean | readonly number[]

/** What one option takes: a number in a range, one of some words, true or false, a list; or several. */
export interface OptionSpec {
  readonly default: OptionValue
  readonly meaning: string
  readonly number?: NumberRange
  readonly choices?: readonly string[]
  readonly boolean?: true
  /** A list of different numbers, each in this range. */
  readonly list?: NumberRange
  /** A list of numbers, which may be equal, each in this range. */
  readonly weights?: NumberRange
}

export interface NumberRange {
  /** Exclusive bound. */
  readonly above?: number
  /** Inclusive bounds. */
  readonly from?: number
  readonly to?: number
  readonly integer?: boolean
  /** A share below this, else a whole number. */
  readonly wholeFrom?: number
}

export type OptionTable = Readonly<Record<string, OptionSpec>>

/** Every option of an estimator with its value: what a model file keeps as its parameters. */
export type Parameters = Readonly<Record<string, OptionValue>>

/** What every seed takes: 32 bits, signed or not. */
export const seedRange = { from: -(2 ** 31), to: 2 ** 32 - 1, integer: true } as const

/** Throws OptionInvalid, which names `owner`, unless `given` is an object of known options. */
export function refuseUnknownOptions(
  owner: string,
  known: readonly string[],
  given: unknown,
): asserts given is object {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new ModelError('OptionInvalid', `${owner}: options are an object, got ${show(given)}`)
  }
  const unknown = Object.keys(given).find((name) => !known.includes(name))
  if (unknown === undefined) return
  throw new ModelError(
    'OptionInvalid',
    `${owner}: unknown option ${show(unknown)}; it takes: ${known.join(', ') || 'none'}`,
  )
}

/** Throws OptionInvalid for a seed that is not of 32 bits. */
export function checkSeed(owner: string, seed: number): void {
  checked(owner, 'seed', { default: 0, meaning: 'the seed', number: seedRange }, seed)
}

/**
 * Every option of `table`, as given or by default; cannot be written. Throws OptionInvalid, which names the option,
 * for one that is unknown and for a value outside of what it takes.
 */
export function resolveOptions<Options>(
  owner: string,
  table: OptionTable,
  given: Partial<Options>,
): Required<Options> {
  refuseUnknownOptions(owner, Object.keys(table), given)
  const values: Record<string, unknown> = {}
  for (const [name, spec] of Object.entries(table)) {
    const value = Object.hasOwn(given, name) ? given[name as keyof Options] : undefined
    values[name] = value === undefined ? spec.default : checked(owner, name, spec, value)
  }
  return Object.freeze(values) as Required<Options>
}

function checked(owner: string, name: string, spec: OptionSpec, value: unknown): OptionValue {
  if (typeof value === 'string' && spec.choices?.includes(value)) return value
  if (typeof value === 'number' && spec.number && inRange(value, spec.number)) return value
  if (typeof value === 'boolean' && spec.boolean) return value
  if (isArray(value)) {
    if (spec.list && isListOf(value, spec.list)) return Object.freeze([...value])
    if (spec.weights && areInRange(value, spec.weights)) return Object.freeze([...value])
  }
  throw new ModelError(
    'OptionInvalid',
    `${owner}: option ${name} takes ${describe(spec)}, got ${show(value)}`,
  )
}

function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

function isListOf(values: readonly unknown[], range: NumberRange): values is readonly number[] {
  return new Set(values).size === values.length && areInRange(values, range)
}

function areInRange(values: readonly unknown[], range: NumberRange): values is readonly number[] {
  return values.every((value) => typeof value === 'number' && inRange(value, range))
}

function inRange(value: number, range: NumberRange): boolean {
  return (
    Number.isFinite(value) &&
    (range.above === undefined || value > range.above) &&
    (range.from === undefined || value >= range.from) &&
    (range.to === undefined || value <= range.to) &&
    (!range.integer || Number.isInteger(value)) &&
    (range.wholeFrom === undefined || value < range.wholeFrom || Number.isInteger(value))
  )
}

function describe(spec: OptionSpec): string {
  const parts = spec.choices?.map((choice) => `'${choice}'`) ?? []
  if (spec.boolean) parts.push('true or false')
  if (spec.number) {
    parts.push(withBounds(spec.number.integer ? 'a whole number' : 'a number', spec.number))
  }
  if (spec.list) {
    const kind = spec.list.integer ? 'whole numbers' : 'numbers'
    parts.push(withBounds(`a list of different ${kind}`, spec.list))
  }
  if (spec.weights) parts.push(withBounds('a list of numbers', spec.weights))
  return parts.join(' or ')
}

function withBounds(kind: string, { above, from, to, wholeFrom }: NumberRange): string {
  const bounds = [
    ...(above === undefined ? [] : [`above ${above}`]),
    ...(from === undefined ? [] : [`from ${from}`]),
    ...(to === undefined ? [] : [`to ${to}`]),
  ]
  return (
    [kind, ...bounds].join(' ') + (wholeFrom === undefined ? '' : `, whole from ${wholeFrom} on`)
  )
}

function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
