import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import type { Json } from '../ports/json.ts'
import type { Change, Condition } from '../ports/table.ts'
import { lostName, toAttribute, toAttributeName } from './item-attributes.ts'

/** The names and values of the expressions of one request, by the placeholders that stand for them. */
export class Placeholders {
  readonly #names = new Map<string, string>()
  readonly #values: AttributeValue[] = []

  name(attribute: string): string {
    const placeholder = this.#names.get(attribute) ?? `#${this.#names.size}`
    this.#names.set(attribute, placeholder)
    return placeholder
  }

  value(value: Json): string {
    this.#values.push(toAttribute(value))
    return `:${this.#values.length - 1}`
  }

  /** The fields of the request; DynamoDB refuses empty ones. */
  get fields(): {
    ExpressionAttributeNames?: Record<string, string>
    ExpressionAttributeValues?: Record<string, AttributeValue>
  } {
    const names = [...this.#names].map(([attribute, placeholder]) => [placeholder, attribute])
    const values = this.#values.map((value, i) => [`:${i}`, value])
    return {
      ...(names.length > 0 && {
        ExpressionAttributeNames: Object.fromEntries(names) as Record<string, string>,
      }),
      ...(values.length > 0 && {
        ExpressionAttributeValues: Object.fromEntries(values) as Record<string, AttributeValue>,
      }),
    }
  }
}

/** The field of a request for a condition of the port; none for none. */
export function conditionField(
  condition: Condition | undefined,
  placeholders: Placeholders,
): { ConditionExpression?: string } {
  if (condition === undefined) return {}
  const pk = placeholders.name('pk')
  if (condition === 'absent') return { ConditionExpression: `attribute_not_exists(${pk})` }
  const attributes = condition === 'present' ? [] : Object.entries(condition)
  const terms = attributes.map(([attribute, expected]) => {
    const name = placeholders.name(toAttributeName(attribute))
    const isEqual = `${name}=${placeholders.value(expected)}`
    return expected === null ? `(attribute_not_exists(${name}) OR ${isEqual})` : isEqual
  })
  return { ConditionExpression: [`attribute_exists(${pk})`, ...terms].join(' AND ') }
}

/**
 * The update expression of a change. One that changes nothing, which a transaction needs too, removes
 * an attribute that no item has.
 */
export function updateExpression(change: Change, placeholders: Placeholders): string {
  const entries = Object.entries(change.set ?? {})
  const name = (attribute: string) => placeholders.name(toAttributeName(attribute))
  const sets = entries
    .filter(([, value]) => value !== undefined)
    .map(([attribute, value]) => `${name(attribute)}=${placeholders.value(value)}`)
  const adds = Object.entries(change.add ?? {}).map(
    ([attribute, amount]) => `${name(attribute)} ${placeholders.value(amount)}`,
  )
  // Setting what is undefined drops it, as in an item that is put.
  const dropped = entries.flatMap(([attribute, value]) => (value === undefined ? [attribute] : []))
  const removes = [...dropped, ...(change.remove ?? [])].map(name)
  if (sets.length + adds.length + removes.length === 0) removes.push(placeholders.name(lostName))
  return Object.entries({ SET: sets, ADD: adds, REMOVE: removes })
    .filter(([, actions]) => actions.length > 0)
    .map(([clause, actions]) => `${clause} ${actions.join(',')}`)
    .join(' ')
}
