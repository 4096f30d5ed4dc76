/**
 * EventBridge event patterns as data, and the matcher the embedded bus runs.
 *
 * Every field of a pattern must match; a leaf is a list of which one must match: a literal, or one of
 * `prefix`, `suffix`, `equals-ignore-case`, `wildcard` (`*` is any run of characters), `exists`,
 * `anything-but` and `numeric`; `$or` takes alternatives. Where the event
 * holds a list, one matching element is enough.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */
export interface EventPattern {
  readonly [field: string]: PatternLeaf | EventPattern | readonly EventPattern[]
}

export type PatternLeaf = readonly PatternCondition[]

export type PatternCondition =
  | string
  | number
  | boolean
  | null
  | { readonly prefix: string }
  | { readonly suffix: string }
  | { readonly 'equals-ignore-case': string }
  | { readonly wildcard: string }
  | { readonly exists: boolean }
  | { readonly 'anything-but': string | number | readonly (string | number)[] }
  | { readonly numeric: readonly (string | number)[] }

/** A pattern that EventBridge would refuse, with the path of the fault. */
export class EventPatternError extends Error {
  override readonly name = 'PatternInvalid'
}

/** Throws EventPatternError unless `pattern` is one that EventBridge takes. */
export function validatePattern(pattern: unknown, path = ''): asserts pattern is EventPattern {
  const fields = plainObject(pattern)
  if (fields === undefined || Object.keys(fields).length === 0) {
    throw fault(path, 'a pattern is an object with at least one field', pattern)
  }
  for (const [field, value] of Object.entries(fields)) {
    const at = path === '' ? field : `${path}.${field}`
    if (field === '$or') {
      if (!Array.isArray(value) || value.length < 2) {
        throw fault(at, '$or takes a list of at least two patterns', value)
      }
      value.forEach((alternative, i) => validatePattern(alternative, `${at}[${i}]`))
    } else if (Array.isArray(value)) {
      if (value.length === 0) throw fault(at, 'a list of conditions is not empty', value)
      value.forEach((condition, i) => validateCondition(condition, `${at}[${i}]`))
    } else {
      validatePattern(value, at)
    }
  }
}

/** Whether `event` matches. The pattern must be valid. */
export function matchesPattern(pattern: EventPattern, event: unknown): boolean {
  const fields = plainObject(event)
  return Object.entries(pattern).every(([field, expected]) => {
    if (field === '$or') {
      return (expected as readonly EventPattern[]).some((one) => matchesPattern(one, event))
    }
    const actual = fields !== undefined && Object.hasOwn(fields, field) ? fields[field] : undefined
    if (Array.isArray(expected)) return matchesLeaf(expected as PatternLeaf, actual)
    return matchesPattern(expected as EventPattern, actual)
  })
}

function matchesLeaf(conditions: PatternLeaf, actual: unknown): boolean {
  const values: unknown[] = Array.isArray(actual) ? actual : [actual]
  return conditions.some((condition) =>
    isExists(condition)
      ? condition.exists === (actual !== undefined && plainObject(actual) === undefined)
      : values.some((value) => value !== undefined && matchesCondition(condition, value)),
  )
}

function matchesCondition(condition: PatternCondition, value: unknown): boolean {
  if (condition === null || typeof condition !== 'object') return condition === value
  if ('anything-but' in condition) {
    const excluded = condition['anything-but']
    return !(Array.isArray(excluded) ? excluded : [excluded]).includes(value)
  }
  if ('numeric' in condition) return typeof value === 'number' && inRange(condition.numeric, value)
  if (typeof value !== 'string') return false
  if ('prefix' in condition) return value.startsWith(condition.prefix)
  if ('suffix' in condition) return value.endsWith(condition.suffix)
  if ('wildcard' in condition) return matchesWildcard(condition.wildcard, value)
  if ('equals-ignore-case' in condition) {
    return condition['equals-ignore-case'].toLowerCase() === value.toLowerCase()
  }
  return false
}

/**
 * Greedy match of the literal parts between the stars: first and last are anchored, those between
 * are taken at their first place. Linear in the value for each part, whatever the pattern.
 */
function matchesWildcard(wildcard: string, value: string): boolean {
  const parts = wildcard.split('*')
  const first = parts[0]!
  const last = parts[parts.length - 1]!
  if (parts.length === 1) return value === wildcard
  if (value.length < first.length + last.length) return false
  if (!value.startsWith(first) || !value.endsWith(last)) return false
  let from = first.length
  const end = value.length - last.length
  for (const part of parts.slice(1, -1)) {
    const at = value.indexOf(part, from)
    if (at < 0 || at + part.length > end) return false
    from = at + part.length
  }
  return true
}

function inRange(range: readonly (string | number)[], value: number): boolean {
  for (let i = 0; i < range.length; i += 2) {
    const bound = range[i + 1] as number
    const holds = {
      '=': value === bound,
      '<': value < bound,
      '<=': value <= bound,
      '>': value > bound,
      '>=': value >= bound,
    }[range[i] as '=' | '<' | '<=' | '>' | '>=']
    if (!holds) return false
  }
  return true
}

function validateCondition(condition: unknown, path: string): void {
  if (condition === null || ['string', 'number', 'boolean'].includes(typeof condition)) return
  const operators = Object.entries(plainObject(condition) ?? {})
  const [operator, operand] = operators[0] ?? []
  if (operators.length !== 1 || operator === undefined) {
    throw fault(path, 'a condition is a literal or an object with one operator', condition)
  }
  if (!operatorTakes(operator, operand)) {
    throw fault(path, `"${operator}" is no operator, or does not take this`, operand)
  }
}

function operatorTakes(operator: string, operand: unknown): boolean {
  switch (operator) {
    case 'prefix':
    case 'suffix':
    case 'equals-ignore-case':
      return typeof operand === 'string'
    case 'wildcard':
      return typeof operand === 'string' && !operand.includes('**')
    case 'exists':
      return typeof operand === 'boolean'
    case 'anything-but': {
      const excluded: unknown[] = Array.isArray(operand) ? operand : [operand]
      return excluded.length > 0 && excluded.every((v) => ['string', 'number'].includes(typeof v))
    }
    case 'numeric':
      return (
        Array.isArray(operand) &&
        (operand.length === 2 || operand.length === 4) &&
        operand.every((part: unknown, i) =>
          i % 2 === 0
            ? ['=', '<', '<=', '>', '>='].includes(part as string)
            : Number.isFinite(part),
        )
      )
    default:
      return false
  }
}

function isExists(condition: PatternCondition): condition is { exists: boolean } {
  return condition !== null && typeof condition === 'object' && 'exists' in condition
}

function plainObject(value: unknown): Record<string, unknown> | undefined {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

function fault(path: string, rule: string, found: unknown): EventPatternError {
  const shown = JSON.stringify(found) ?? String(found)
  return new EventPatternError(`event pattern, ${path || 'top level'}: ${rule}; found ${shown}`)
}
