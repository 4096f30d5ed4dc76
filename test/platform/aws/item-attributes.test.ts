import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { describe, expect, it } from 'vitest'
import { fromAttributes, toAttributes } from '../../../platform/aws/item-attributes.ts'
import type { Json } from '../../../platform/ports/json.ts'
import type { Item } from '../../../platform/ports/table.ts'

const deep = Array.from({ length: 31 }).reduce<Json>(
  (value, _, i) => (i % 2 ? [value] : { '': value }),
  1,
)
const texts = ['', 'a', '\0', '💥', 'log#', '__proto__', '~__proto__', '{"a":1}', 'null', '1']
const numbers = [
  ...[0, 1, 0.1, 2 ** 53, 2 ** 53 + 2, 1e21, 1e-7, 123456789.1234567],
  ...[5e-324, 9.99e-131, 1e-130, 9.99e125, 1e126, 1.7e308, Number.MAX_VALUE, Number.EPSILON],
]
const values: Json[] = [
  ...texts,
  ...numbers,
  ...numbers.map((number) => -number),
  ...[true, false, null, [], {}, [[]], [null], ['a'], { S: 'a' }, { L: [{ S: '[]' }] }, deep],
  [...numbers, ...texts],
  Object.fromEntries(texts.map((text) => [text, { [text]: [text] }])),
]

describe('toAttributes', () => {
  it.each(values)('keeps %j, under names of every kind', (value) => {
    const names = [
      ...texts.slice(1),
      'constructor',
      'toString',
      '~~__proto__',
      '__type',
      'x'.repeat(999),
    ]
    const item = Object.fromEntries([
      ['pk', 'p'],
      ['sk', 's'],
      ...names.map((name) => [name, value]),
    ]) as Item
    const read = fromAttributes(wire(toAttributes(item)))
    expect(JSON.stringify(sorted(read))).toBe(JSON.stringify(sorted(item)))
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
  })

  it.each(values)('takes no more of the 400 KB for %j than its JSON does', (value) => {
    const item = { pk: 'p', sk: 's', a: value, b: value }
    expect(sizeOf(toAttributes(item))).toBeLessThanOrEqual(
      Buffer.byteLength(JSON.stringify(item), 'utf8'),
    )
  })

  it('has scalars as attributes of their own types, and all else as the text of JSON', () => {
    const others = { list: [1, 'a'], map: { a: null }, huge: 1e126, tiny: -5e-324, left: undefined }
    expect(
      toAttributes({ pk: 'p', sk: 's', n: 1.5, zero: -0, b: false, nothing: null, ...others }),
    ).toEqual({
      pk: { S: 'p' },
      sk: { S: 's' },
      n: { N: '1.5' },
      zero: { N: '0' },
      b: { BOOL: false },
      nothing: { NULL: true },
      list: { L: [{ S: '[1,"a"]' }] },
      map: { L: [{ S: '{"a":null}' }] },
      huge: { L: [{ S: '1e+126' }] },
      tiny: { L: [{ S: '-5e-324' }] },
    })
  })

  it('never names an attribute as the SDK cannot read it', () => {
    const item = Object.fromEntries([
      ['pk', 'p'],
      ['sk', 's'],
      ['__proto__', 1],
    ]) as unknown as Item
    expect(Object.keys(toAttributes(item))).toEqual(['pk', 'sk', '~__proto__'])
  })
})

describe('fromAttributes', () => {
  it('gives the keys first and the rest in order of their names, however DynamoDB has them', () => {
    const attributes = { b: { N: '1' }, sk: { S: 's' }, a: { N: '2' }, pk: { S: 'p' } }
    expect(Object.keys(fromAttributes(attributes))).toEqual(['pk', 'sk', 'a', 'b'])
  })

  it.each<[string, AttributeValue]>([
    ['bytes', { B: new Uint8Array(1) }],
    ['a set of texts', { SS: ['a'] }],
    ['a set of numbers', { NS: ['1'] }],
    ['a map', { M: { a: { S: 'a' } } }],
    ['an empty list', { L: [] }],
    ['a list of two texts', { L: [{ S: '[]' }, { S: '[]' }] }],
    ['a list of a number', { L: [{ N: '1' }] }],
    ['a list of text that is no JSON', { L: [{ S: 'nonsense' }] }],
    ['a list of the JSON of a text', { L: [{ S: '"a"' }] }],
    ['a list of the JSON of null', { L: [{ S: 'null' }] }],
    ['a list of a number that has a type of its own', { L: [{ S: '1' }] }],
    ['a list of a number that is none', { L: [{ S: '1e999' }] }],
    ['a type that the SDK does not know', { $unknown: ['X', 1] }],
  ])('refuses %s', (_, attribute) => {
    const attributes = { pk: { S: 'p' }, sk: { S: 's' }, edited: attribute }
    expect(() => fromAttributes(attributes)).toThrow(
      expect.objectContaining({
        name: 'ItemInvalid',
        message: expect.stringMatching(/"edited" of the item "p", "s"/) as string,
      }),
    )
  })

  it('refuses an item without its keys', () => {
    expect(() => fromAttributes({ pk: { S: 'p' } })).toThrow('"sk"')
    expect(() => fromAttributes({ pk: { N: '1' }, sk: { S: 's' } })).toThrow('"pk"')
  })
})

/** As it comes back from DynamoDB: objects of the SDK's own making. */
function wire(attributes: Record<string, AttributeValue>): Record<string, AttributeValue> {
  return JSON.parse(JSON.stringify(attributes)) as Record<string, AttributeValue>
}

function sorted(item: Item): [string, Json | undefined][] {
  return Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1))
}

/** Bytes by DynamoDB's documented measure: names, text, a digit a byte at most, 3 + 1 for a list. */
function sizeOf(attributes: Record<string, AttributeValue>): number {
  return Object.entries(attributes).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + sizeOfValue(value),
    0,
  )
}

function sizeOfValue({ S, N, L }: AttributeValue): number {
  if (S !== undefined) return Buffer.byteLength(S)
  if (N !== undefined)
    return 2 + Math.ceil((N.replace(/e.*/, '').replace(/\D/g, '').length + 1) / 2)
  if (L !== undefined) return L.reduce((sum, value) => sum + 1 + sizeOfValue(value), 3)
  return 1
}
