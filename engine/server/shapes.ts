import { isObject } from '../data.ts'

/** What one member of a request may hold. */
export interface Member {
  readonly kind: 'string' | 'integer' | 'number' | 'boolean' | 'structure' | 'list'
  readonly isRequired: boolean
  /** Of a string its characters, of a number its value. */
  readonly min?: number
  readonly max?: number
  readonly values?: readonly string[]
  /** The value is not repeated in messages. */
  readonly isSensitive?: true
}

export type Shape = Readonly<Record<string, Member>>

/** The request is not of the operation's shape: `violations` as the service words them. */
export class InvalidRequest extends Error {
  override readonly name = 'InvalidRequest'

  constructor(violations: readonly string[]) {
    const { length } = violations
    super(`${length} validation error${length === 1 ? '' : 's'} detected: ${violations.join('; ')}`)
  }
}

/** A member of another JSON type than the operation's. */
export class UnreadableRequest extends Error {
  override readonly name = 'UnreadableRequest'
}

/**
 * The members that the shape has, checked; others are left out, as the service does, and null is as
 * good as absent.
 *
 * @throws InvalidRequest, UnreadableRequest
 */
export function readRequest(shape: Shape, request: unknown): Record<string, unknown> {
  if (!isObject(request)) throw new UnreadableRequest('the request is a JSON object')
  const read: Record<string, unknown> = {}
  const violations: string[] = []
  for (const [name, member] of Object.entries(shape)) {
    const value = Object.hasOwn(request, name) ? (request[name] ?? undefined) : undefined
    if (value === undefined) {
      if (member.isRequired) {
        violations.push(violation('Value null', name, 'Member must not be null'))
      }
      continue
    }
    if (!isOfKind(value, member)) {
      throw new UnreadableRequest(`'${name}' is to be a ${member.kind}`)
    }
    const fault = faultOf(value, member)
    if (fault !== undefined) {
      const shown = member.isSensitive ? 'Value' : `Value '${value as string | number}'`
      violations.push(violation(shown, name, fault))
    }
    read[name] = value
  }
  if (violations.length > 0) throw new InvalidRequest(violations)
  return read
}

function violation(shown: string, name: string, constraint: string): string {
  return `${shown} at '${name}' failed to satisfy constraint: ${constraint}`
}

function isOfKind(value: unknown, { kind }: Member): boolean {
  switch (kind) {
    case 'integer':
      return Number.isInteger(value)
    case 'structure':
      return isObject(value)
    case 'list':
      return Array.isArray(value)
    default:
      return typeof value === kind
  }
}

function faultOf(value: unknown, { min, max, values }: Member): string | undefined {
  if (values !== undefined && !values.includes(value as string)) {
    return `Member must satisfy enum value set: [${values.join(', ')}]`
  }
  const isText = typeof value === 'string'
  const size = isText ? value.length : value
  if (typeof size !== 'number') return undefined
  const what = isText ? 'have length' : 'have value'
  if (min !== undefined && size < min) return `Member must ${what} greater than or equal to ${min}`
  if (max !== undefined && size > max) return `Member must ${what} less than or equal to ${max}`
  return undefined
}
