import { createHash } from 'node:crypto'
import { MillraceError } from './errors.ts'
import type { Json } from './json.ts'

/** A page's length: `limit`, or `fallback` when it is not given. RequestInvalid outside 1 to `max`. */
export function pageLimit(limit: number | undefined, fallback: number, max: number): number {
  if (limit === undefined) return fallback
  if (!Number.isInteger(limit) || limit < 1 || limit > max) {
    throw new MillraceError('RequestInvalid', `limit is ${limit}: give an integer from 1 to ${max}`)
  }
  return limit
}

/**
 * A cursor that goes on after `position`. It only fits the query that it came from, which `scope`
 * describes.
 */
export function encodeCursor(scope: readonly Json[], position: string): string {
  return Buffer.from(JSON.stringify([scopeDigest(scope), position])).toString('base64url')
}

/** The position of a cursor; CursorInvalid unless `encodeCursor` made it for this scope. */
export function decodeCursor(scope: readonly Json[], cursor: string): string {
  const decoded = parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  if (
    Array.isArray(decoded) &&
    decoded[0] === scopeDigest(scope) &&
    typeof decoded[1] === 'string' &&
    decoded[1].isWellFormed() &&
    encodeCursor(scope, decoded[1]) === cursor
  ) {
    return decoded[1]
  }
  throw new MillraceError(
    'CursorInvalid',
    'the cursor is not one that this query gave: send it with the same parameters as the page ' +
      'before, or start again without it',
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function scopeDigest(scope: readonly Json[]): string {
  return createHash('sha256').update(JSON.stringify(scope)).digest('base64url').slice(0, 12)
}
