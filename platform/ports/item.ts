import { MillraceError } from './errors.ts'
import { jsonText } from './json-text.ts'
import type { Json } from './json.ts'
import type { Change, Condition, Item } from './table.ts'
import { utf8Length } from './utf8.ts'

/** Most bytes of an item, as JSON. */
export const maxItemBytes = 400 * 1024

const maxPartitionKeyBytes = 2048
const maxAttributeNameBytes = 65_535

/** Most bytes of a sort key. */
export const maxSortKeyBytes = 1024

/** What the partition keys begin with under which the log keeps its records. */
export const logPartitions = 'log#'

/**
 * Most attributes that one change, or one condition, may name: DynamoDB takes expressions of 4 KB and
 * 300 operators.
 */
const maxChangedAttributes = 100
const maxConditionedAttributes = 25

/** The JSON text of an item that the table takes. Throws ItemInvalid and ItemTooLarge. */
export function itemText(item: Item): string {
  validateItemKey(item.pk, item.sk)
  for (const name of Object.keys(item)) validateAttributeName(name)
  return recordText(item, 'the item')
}

/** The JSON text of at most `maxBytes`. Throws ItemInvalid and ItemTooLarge. */
export function recordText(record: object, what: string, maxBytes = maxItemBytes): string {
  const text = jsonText(record, what)
  const bytes = utf8Length(text)
  if (bytes > maxBytes) {
    throw new MillraceError(
      'ItemTooLarge',
      `${what} has ${bytes} bytes of JSON, at most ${maxBytes} are allowed: ` +
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
  if (pk.startsWith(logPartitions)) {
    throw invalid(`pk begins with ${logPartitions}, which is the log's: begin it otherwise`)
  }
}

/** Throws ItemInvalid unless `key` is non-empty, well-formed text of at most `maxBytes` of UTF-8. */
export function validateKey(name: string, key: string, maxBytes: number): void {
  if (typeof key !== 'string' || key === '') throw invalid(`${name} is not a non-empty string`)
  if (!key.isWellFormed()) throw invalid(`${name} has a lone surrogate, which has no UTF-8 form`)
  const bytes = utf8Length(key)
  if (bytes > maxBytes) throw invalid(`${name} has ${bytes} bytes, at most ${maxBytes} are allowed`)
}

/** Throws ItemInvalid on a bound of a query that no key could be compared with. */
export function validateBound(name: string, bound: string | undefined): void {
  if (bound !== undefined && (typeof bound !== 'string' || !bound.isWellFormed())) {
    throw invalid(`${name} is not well-formed text`)
  }
}

/** Throws ItemInvalid on what is no condition. */
export function validateCondition(condition: Condition | undefined): void {
  if (condition === undefined || condition === 'absent' || condition === 'present') return
  if (typeof condition !== 'object' || condition === null || Array.isArray(condition)) {
    throw invalid(`a condition is 'absent', 'present' or attributes with values`)
  }
  const entries = Object.entries(condition)
  if (entries.length > maxConditionedAttributes) {
    throw invalid(
      `the condition names ${entries.length} attributes, ` +
        `at most ${maxConditionedAttributes} are allowed`,
    )
  }
  for (const [name, value] of entries) {
    validateAttributeName(name)
    if (value !== null && !['string', 'number', 'boolean'].includes(typeof value)) {
      throw invalid(`the condition on ${name} is not a scalar`)
    }
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw invalid(`the condition on ${name} is the number ${value}`)
    }
    if (typeof value === 'string' && !value.isWellFormed()) {
      throw invalid(`the condition on ${name} has a lone surrogate`)
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

/** Throws ItemInvalid on a change that no item could take, ItemTooLarge on one that none could hold. */
export function validateChange(change: Change): void {
  const sets = Object.keys(change.set ?? {})
  const adds = Object.keys(change.add ?? {})
  const removes = change.remove ?? []
  const names = [...sets, ...adds, ...removes]
  if (names.length > maxChangedAttributes) {
    throw invalid(
      `the change names ${names.length} attributes, at most ${maxChangedAttributes} are allowed`,
    )
  }
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw invalid(`the change names the attribute ${twice} twice`)
  for (const name of names) {
    validateAttributeName(name)
    if (name === 'pk' || name === 'sk') throw invalid(`the attribute ${name} cannot be changed`)
  }
  for (const [name, amount] of Object.entries(change.add ?? {})) {
    if (!isCountable(amount)) throw invalid(`${String(amount)} cannot be added to ${name}`)
  }
  recordText(change.set ?? {}, 'the change')
}

/** Whether DynamoDB has `value` as a number: 0, or from 1e-130 to below 1e126, of either sign. */
export function isCountable(value: unknown): value is number {
  if (typeof value !== 'number') return false
  const magnitude = Math.abs(value)
  return value === 0 || (magnitude >= 1e-130 && magnitude < 1e126)
}

/** The item after a change. Throws ItemInvalid when `add` meets, or makes, what cannot be counted. */
export function changedItem(pk: string, sk: string, item: Item | undefined, change: Change): Item {
  // A map, since an attribute may be called __proto__.
  const attributes = new Map<string, Json | undefined>(Object.entries(item ?? { pk, sk }))
  for (const name of change.remove ?? []) attributes.delete(name)
  for (const [name, value] of Object.entries(change.set ?? {})) attributes.set(name, value)
  for (const [name, amount] of Object.entries(change.add ?? {})) {
    const before = attributes.has(name) ? attributes.get(name) : 0
    if (!isCountable(before)) {
      throw invalid(`${amount} cannot be added to ${name}, which is not a number of its range`)
    }
    if (!isCountable(before + amount)) {
      throw invalid(`${amount} cannot be added to ${name}, which is ${before}`)
    }
    attributes.set(name, before + amount)
  }
  return Object.fromEntries(attributes) as Item
}

function validateAttributeName(name: string): void {
  validateKey('an attribute name', name, maxAttributeNameBytes)
}

function invalid(message: string): MillraceError {
  return new MillraceError('ItemInvalid', message)
}
