import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { MillraceError } from '../ports/errors.ts'
import { isCountable } from '../ports/item.ts'
import type { Json } from '../ports/json.ts'
import type { Item } from '../ports/table.ts'

export type Attributes = Record<string, AttributeValue>

/**
 * An item as DynamoDB keeps it. Text, numbers in DynamoDB's range, booleans and null are attributes of
 * its own types, to be read in the console, compared and counted. All else (objects, lists, numbers
 * out of that range) is a list of one text, which is JSON: so nothing is lost in depth or precision,
 * and an item is never larger by DynamoDB's measure than its JSON is. Attributes that are undefined are
 * left out.
 */
export function toAttributes(item: Item): Attributes {
  return Object.fromEntries(
    Object.entries(item).flatMap(([name, value]) =>
      value === undefined ? [] : [[toAttributeName(name), toAttribute(value)]],
    ),
  )
}

export function toAttribute(value: Json): AttributeValue {
  if (typeof value === 'string') return { S: value }
  if (typeof value === 'boolean') return { BOOL: value }
  if (value === null) return { NULL: true }
  if (isCountable(value)) return { N: String(value) }
  return { L: [{ S: JSON.stringify(value) }] }
}

/**
 * An attribute's name in DynamoDB: its own, but for `__proto__`, which the SDK loses when it reads, and
 * for the names that stand for it. No item has an attribute that is called `__proto__` in DynamoDB.
 */
export function toAttributeName(name: string): string {
  return name.endsWith(lostName) && /^~*__proto__$/.test(name) ? `~${name}` : name
}

export const lostName = '__proto__'

/**
 * The item of attributes that `toAttributes` made, its keys first and the others in order of their
 * names. Throws ItemInvalid on an attribute of another form.
 */
export function fromAttributes(attributes: Attributes): Item {
  const { pk, sk, ...others } = attributes
  const names = Object.keys(others).toSorted()
  const entries = names.map((name): [string, Json] => {
    const value = valueOf(others[name]!)
    if (value === undefined) throw foreignForm(name, attributes)
    return [fromAttributeName(name), value]
  })
  return Object.fromEntries<Json>([
    ['pk', keyText('pk', pk, attributes)],
    ['sk', keyText('sk', sk, attributes)],
    ...entries,
  ]) as Item
}

function fromAttributeName(name: string): string {
  return name.endsWith(lostName) && /^~+__proto__$/.test(name) ? name.slice(1) : name
}

function keyText(name: string, key: AttributeValue | undefined, attributes: Attributes): string {
  if (key?.S === undefined) throw foreignForm(name, attributes)
  return key.S
}

/** Undefined when the attribute is of no form that `toAttribute` makes. */
function valueOf(attribute: AttributeValue): Json | undefined {
  if (attribute.S !== undefined) return attribute.S
  if (attribute.N !== undefined) return Number(attribute.N)
  if (attribute.BOOL !== undefined) return attribute.BOOL
  if (attribute.NULL === true) return null
  return attribute.L === undefined ? undefined : valueOfJson(attribute.L)
}

function valueOfJson(list: readonly AttributeValue[]): Json | undefined {
  const text = list.length === 1 ? list[0]!.S : undefined
  if (text === undefined) return undefined
  try {
    const value = JSON.parse(text) as Json
    const isOurs =
      typeof value === 'number'
        ? Number.isFinite(value) && !isCountable(value)
        : typeof value === 'object' && value !== null
    return isOurs ? value : undefined
  } catch {
    return undefined
  }
}

function foreignForm(name: string, { pk, sk }: Attributes): MillraceError {
  return new MillraceError(
    'ItemInvalid',
    `the attribute ${JSON.stringify(name)} of the item ${JSON.stringify(pk?.S)}, ` +
      `${JSON.stringify(sk?.S)} is of a form that this table does not write: it was written by ` +
      'other means; correct it (text, number, boolean, null, or a list of one text that is JSON)',
  )
}
