import { MillraceError } from './errors.ts'
import { jsonText } from './json-text.ts'
import type { Json } from './json.ts'
import type { Change, Condition, Item } from './table.ts'
import { utf8Length } from './utf8.ts'

/** Most bytes of an item or a log record, as JSON. */
export const maxItemBytes = 400 * 1024

const maxPartitionKeyBytes = 2048
const maxSortKeyBytes = 1024

/** The JSON text of an item that the table takes. Throws ItemInvalid and ItemTooLarge. */
export function itemText(item: Item): string {
  validateItemKey(item.pk, item.sk)
  if (Object.keys(item).includes('')) throw invalid('an attribute name is empty')
  return recordText(item, 'the item')
}

/** The JSON text of a record of at most 400 KB. Throws ItemInvalid and ItemTooLarge. */
export function recordText(record: object, what: string): string {
  const text = jsonText(record, what)
  const bytes = utf8Length(text)
  if (bytes > maxItemBytes) {
    throw new MillraceError(
      'ItemTooLarge',
      `${what} has ${bytes} bytes of JSON, at most ${maxItemBytes} are allowed: ` +
        'store the data as an object and keep its reference',
    )
  }
  return text
}

/** Throws ItemInvalid unless `pk` and `sk` are keys that the table takes. */
export function validateItemKey(pk: string, sk: string): void {
  validatePartitionKey(pk)
  validateKey('sk', sk, maxSortKeyBytes)
}

export function validatePartitionKey(pk: string): void {
  validateKey('pk', pk, maxPartitionKeyBytes)
}

/** Throws ItemInvalid on a bound of a query that no key could be compared with. */
export function validateBound(name: string, bound: string | undefined): void {
  if (bound !== undefined && (typeof bound !== 'string' || !bound.isWellFormed())) {
    throw invalid(`${name} is not well-formed text`)
  }
}

export function validateCondition(condition: Condition | undefined): void {
  if (condition === undefined || condition === 'absent' || condition === 'present') return
  if (typeof condition !== 'object') {
    throw invalid(`a condition is 'absent', 'present' or attributes with values`)
  }
  for (const [name, value] of Object.entries(condition)) {
    if (value !== null && !['string', 'number', 'boolean'].includes(typeof value)) {
      throw invalid(`the condition on ${name} is not a scalar`)
    }
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw invalid(`the condition on ${name} is the number ${value}`)
    }
  }
}

/** Whether a condition holds on the item as it is stored, or on none. */
export function conditionHolds(condition: Condition | undefined, item: Item | undefined): boolean {
  if (condition === undefined) return true
  if (condition === 'absent') return item === undefined
  if (item === undefined) return false
  if (condition === 'present') return true
  return Object.entries(condition).every(
    ([name, expected]) => (Object.hasOwn(item, name) ? item[name] : null) === expected,
  )
}

/** Throws ItemInvalid on a change that no item could take. */
export function validateChange(change: Change): void {
  const sets = Object.keys(change.set ?? {})
  const adds = Object.keys(change.add ?? {})
  const removes = change.remove ?? []
  const names = [...sets, ...adds, ...removes]
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw invalid(`the change names the attribute ${twice} twice`)
  for (const name of names) {
    if (name === '' || name === 'pk' || name === 'sk') {
      throw invalid(`the attribute ${JSON.stringify(name)} cannot be changed`)
    }
  }
  for (const [name, amount] of Object.entries(change.add ?? {})) {
    if (!Number.isFinite(amount)) throw invalid(`${String(amount)} cannot be added to ${name}`)
  }
  jsonText(change.set ?? {}, 'the change')
}

/** The item after a change. Throws ItemInvalid when `add` meets what is not a number. */
export function changedItem(pk: string, sk: string, item: Item | undefined, change: Change): Item {
  // A map, since an attribute may be called __proto__.
  const attributes = new Map<string, Json | undefined>(Object.entries(item ?? { pk, sk }))
  for (const name of change.remove ?? []) attributes.delete(name)
  for (const [name, value] of Object.entries(change.set ?? {})) attributes.set(name, value)
  for (const [name, amount] of Object.entries(change.add ?? {})) {
    const before = attributes.has(name) ? attributes.get(name) : 0
    if (typeof before !== 'number') {
      throw invalid(`${amount} cannot be added to ${name}, which is not a number`)
    }
    attributes.set(name, before + amount)
  }
  return Object.fromEntries(attributes) as Item
}

function validateKey(name: string, key: string, maxBytes: number): void {
  if (typeof key !== 'string' || key === '') throw invalid(`${name} is not a non-empty string`)
  if (!key.isWellFormed()) throw invalid(`${name} has a lone surrogate, which has no UTF-8 form`)
  const bytes = utf8Length(key)
  if (bytes > maxBytes) throw invalid(`${name} has ${bytes} bytes, at most ${maxBytes} are allowed`)
}

function invalid(message: string): MillraceError {
  return new MillraceError('ItemInvalid', message)
}
