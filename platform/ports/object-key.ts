import { MillraceError } from './errors.ts'
import { utf8Length } from './utf8.ts'

const maxKeyBytes = 1024
const maxSegmentBytes = 255

/**
 * The one rule for object keys of every adapter, so that a key is also a safe path below a folder:
 * 1 to 1024 bytes of UTF-8 in segments split by `/`, none of them empty, `.` or `..`, or longer than
 * 255 bytes; no control character, no backslash. Throws ObjectKeyInvalid.
 */
export function validateObjectKey(key: string): void {
  const fault = objectKeyFault(key)
  if (fault !== undefined) {
    throw new MillraceError('ObjectKeyInvalid', `the object key ${shown(key)} ${fault}`)
  }
}

/** Throws ObjectKeyInvalid on a prefix that no key can begin with for its encoding or its length. */
export function validateObjectPrefix(prefix: string): void {
  if (typeof prefix === 'string' && prefix.isWellFormed() && utf8Length(prefix) <= maxKeyBytes) {
    return
  }
  throw new MillraceError(
    'ObjectKeyInvalid',
    `the prefix ${shown(prefix)} is not well-formed text of at most ${maxKeyBytes} bytes`,
  )
}

/** The folders above a key: `a` and `a/b` of `a/b/c`. */
export function parentsOf(key: string): string[] {
  const segments = key.split('/')
  return segments.slice(1).map((_, i) => segments.slice(0, i + 1).join('/'))
}

/** A key is a file or a folder, not both, so that a bucket can be a folder on disk. */
export function keyConflict(key: string, other: string): MillraceError {
  return new MillraceError(
    'ObjectKeyInvalid',
    `the object key ${shown(key)} conflicts with the object ${shown(other)}: ` +
      'one would be a folder and a file at once; use another key or delete that object',
  )
}

function objectKeyFault(key: unknown): string | undefined {
  if (typeof key !== 'string') return 'is not a string'
  if (key === '') return 'is empty'
  if (!key.isWellFormed()) return 'has a lone surrogate, which has no UTF-8 form'
  if (utf8Length(key) > maxKeyBytes) return `has more than ${maxKeyBytes} bytes`
  if (/\p{Cc}/u.test(key)) return 'has a control character'
  if (key.includes('\\')) return 'has a backslash: split it by /'
  for (const segment of key.split('/')) {
    if (segment === '') return 'has an empty segment: it begins or ends with / or has //'
    if (segment === '.' || segment === '..') return `has the segment ${segment}`
    if (utf8Length(segment) > maxSegmentBytes) {
      return `has a segment of more than ${maxSegmentBytes} bytes`
    }
  }
  return undefined
}

function shown(key: unknown): string {
  const text = typeof key === 'string' ? JSON.stringify(key) : String(key)
  return text.length > 120 ? `${text.slice(0, 120)}…` : text
}
