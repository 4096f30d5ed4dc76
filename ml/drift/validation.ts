import { DriftError, type DriftErrorName } from './errors.ts'

/** Bounds of a number; `least` and `most` are allowed values, `above` and `below` are not. */
export interface NumberRule {
  readonly least?: number
  readonly above?: number
  readonly most?: number
  readonly below?: number
  readonly integer?: boolean
}

/** `value` as a finite number within the rule; throws an error of the given name otherwise. */
export function requireNumber(
  error: DriftErrorName,
  label: string,
  value: unknown,
  rule: NumberRule = {},
): number {
  const { least = -Infinity, above = -Infinity, most = Infinity, below = Infinity } = rule
  const fits =
    typeof value === 'number' &&
    (rule.integer ? Number.isSafeInteger(value) : Number.isFinite(value)) &&
    value >= least &&
    value > above &&
    value <= most &&
    value < below
  if (!fits) {
    throw new DriftError(error, `${label} must be ${describeRule(rule)}, got ${show(value)}`)
  }
  return value
}

export function requireBoolean(error: DriftErrorName, label: string, value: unknown): boolean {
  if (typeof value !== 'boolean') {
    throw new DriftError(error, `${label} must be true or false, got ${show(value)}`)
  }
  return value
}

export function requireOneOf<Choice extends string | number>(
  error: DriftErrorName,
  label: string,
  value: unknown,
  choices: readonly Choice[],
): Choice {
  const found = choices.find((choice) => choice === value)
  if (found === undefined) {
    throw new DriftError(
      error,
      `${label} must be ${choices.map(show).join(' or ')}, got ${show(value)}`,
    )
  }
  return found
}

/** `value` as an object of exactly the `known` keys or some of them; a typo fails early. */
export function requireRecord(
  error: DriftErrorName,
  label: string,
  value: unknown,
  known: readonly string[],
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DriftError(error, `${label} must be an object, got ${show(value)}`)
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw new DriftError(
        error,
        `${label} has no ${show(key)}; it may have ${known.map(show).join(', ')}`,
      )
    }
  }
  return value as Record<string, unknown>
}

/** `value` as an array of finite numbers within the rule, of `length` when that is given. */
export function requireNumbers(
  error: DriftErrorName,
  label: string,
  value: unknown,
  rule: NumberRule = {},
  length?: number,
): number[] {
  const list = requireList(error, label, value, length)
  list.forEach((element, i) => requireNumber(error, `${label}[${i}]`, element, rule))
  return list as number[]
}

export function requireList(
  error: DriftErrorName,
  label: string,
  value: unknown,
  length?: number,
): unknown[] {
  if (!Array.isArray(value)) {
    throw new DriftError(error, `${label} must be an array, got ${show(value)}`)
  }
  if (length !== undefined && value.length !== length) {
    throw new DriftError(error, `${label} must have ${length} elements, got ${value.length}`)
  }
  return value
}

function describeRule({ least, above, most, below, integer }: NumberRule): string {
  const bounds = [
    least === undefined ? [] : [`at least ${least}`],
    above === undefined ? [] : [`above ${above}`],
    most === undefined ? [] : [`at most ${most}`],
    below === undefined ? [] : [`below ${below}`],
  ].flat()
  return [integer ? 'an integer' : 'a finite number', bounds.join(' and ')].join(' ').trimEnd()
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80))
  if (typeof value === 'object' && value !== null) {
    return Array.isArray(value) ? `an array of ${value.length}` : 'an object'
  }
  return typeof value === 'function' ? 'a function' : String(value)
}
