import { ModelError } from './errors.ts'

export type OptionValue = number | string

/** What one option takes: a number in a range, one of some words, or either. */
export interface OptionSpec {
  readonly default: OptionValue
  readonly meaning: string
  readonly number?: NumberRange
  readonly choices?: readonly string[]
}

export interface NumberRange {
  /** Exclusive bound. */
  readonly above?: number
  /** Inclusive bounds. */
  readonly from?: number
  readonly to?: number
  readonly integer?: boolean
}

export type OptionTable = Readonly<Record<string, OptionSpec>>

/** Every option of an estimator with its value: what a model file keeps as its parameters. */
export type Parameters = Readonly<Record<string, OptionValue>>

/**
 * Every option of `table`, as given or by default. Throws OptionInvalid, which names the option,
 * for one that is unknown and for a value outside of what it takes.
 */
export function resolveOptions<Options>(
  owner: string,
  table: OptionTable,
  given: Partial<Options>,
): Required<Options> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new ModelError('OptionInvalid', `${owner}: options are an object, got ${show(given)}`)
  }
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(table, name)) {
      const known = Object.keys(table).join(', ') || 'none'
      throw new ModelError(
        'OptionInvalid',
        `${owner}: unknown option ${show(name)}; it takes: ${known}`,
      )
    }
  }
  const values: Record<string, unknown> = {}
  for (const [name, spec] of Object.entries(table)) {
    const value = Object.hasOwn(given, name) ? given[name as keyof Options] : undefined
    values[name] = value === undefined ? spec.default : checked(owner, name, spec, value)
  }
  return values as Required<Options>
}

function checked(owner: string, name: string, spec: OptionSpec, value: unknown): OptionValue {
  if (typeof value === 'string' && spec.choices?.includes(value)) return value
  if (typeof value === 'number' && spec.number && inRange(value, spec.number)) return value
  throw new ModelError(
    'OptionInvalid',
    `${owner}: option ${name} takes ${describe(spec)}, got ${show(value)}`,
  )
}

function inRange(value: number, range: NumberRange): boolean {
  return (
    Number.isFinite(value) &&
    (range.above === undefined || value > range.above) &&
    (range.from === undefined || value >= range.from) &&
    (range.to === undefined || value <= range.to) &&
    (!range.integer || Number.isInteger(value))
  )
}

function describe(spec: OptionSpec): string {
  const parts = spec.choices?.map((choice) => `'${choice}'`) ?? []
  if (spec.number) {
    const { above, from, to, integer } = spec.number
    const bounds = [
      ...(above === undefined ? [] : [`above ${above}`]),
      ...(from === undefined ? [] : [`from ${from}`]),
      ...(to === undefined ? [] : [`to ${to}`]),
    ]
    parts.push([integer ? 'a whole number' : 'a number', ...bounds].join(' '))
  }
  return parts.join(' or ')
}

function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
