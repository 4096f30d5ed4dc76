import { maxSortKeyBytes } from '../ports/item.ts'
import { afterPrefix, compareUtf8, utf8Length } from '../ports/utf8.ts'
import type { Placeholders } from './table-expressions.ts'

/** What a page of a query looks for in a partition. */
export interface Sought {
  readonly prefix: string
  readonly after: string
  /** Where the page before ended. */
  readonly position: string | undefined
  readonly descending: boolean
}

/**
 * The key condition of a page; undefined when no key can be found. DynamoDB takes a single condition
 * on the sort key, whose bounds are included and no longer than a key may be. It finds all that is
 * sought and at most `keysBeside` more, which `isSought` tells apart.
 */
export function keyCondition(
  pk: string,
  sought: Sought,
  placeholders: Placeholders,
): string | undefined {
  const { lower, upper } = boundsOf(sought)
  const isTooLong = utf8Length(sought.prefix) > maxSortKeyBytes
  if (isTooLong || (upper !== undefined && compareUtf8(lower, upper) > 0)) return undefined
  const partition = `${placeholders.name('pk')}=${placeholders.value(pk)}`
  if (upper === undefined && lower === '') return partition
  const sk = placeholders.name('sk')
  if (upper === undefined) return `${partition} AND ${sk}>=${placeholders.value(lower)}`
  if (lower === '') return `${partition} AND ${sk}<=${placeholders.value(upper)}`
  const bounds = `${placeholders.value(lower)} AND ${placeholders.value(upper)}`
  return `${partition} AND ${sk} BETWEEN ${bounds}`
}

/** The bounds themselves. */
export const keysBeside = 2

export function isSought(sk: string, { prefix, after, position, descending }: Sought): boolean {
  if (!sk.startsWith(prefix) || compareUtf8(sk, after) <= 0) return false
  return position === undefined || compareUtf8(sk, position) * (descending ? -1 : 1) > 0
}

function boundsOf({ prefix, after, position, descending }: Sought) {
  const lowers = [prefix, after, descending ? '' : (position ?? '')].map(beginning)
  const lower = lowers.reduce((a, b) => (compareUtf8(a, b) < 0 ? b : a))
  const uppers = [afterPrefix(prefix), descending ? position : undefined].filter(isKeyLong)
  const upper = uppers.reduce<string | undefined>(
    (a, b) => (a === undefined || compareUtf8(b, a) < 0 ? b : a),
    undefined,
  )
  return { lower, upper }
}

/** As much of the text as a key may have: what is at or above the text is at or above that. */
function beginning(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxSortKeyBytes) return text
  let end = maxSortKeyBytes
  while ((bytes[end]! & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end)
}

function isKeyLong(text: string | undefined): text is string {
  return text !== undefined && utf8Length(text) <= maxSortKeyBytes
}
