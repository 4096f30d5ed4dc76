import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Json } from '../../platform/ports/json.ts'
import type { Item, Table, Write } from '../../platform/ports/table.ts'
import { rejection } from './expect-error.ts'
import { tableQueriesContract } from './table-queries.ts'

export interface OpenTable {
  readonly table: Table
  close(): Promise<void>
}

/** What every table promises. */
export function tableContract(name: string, open: () => Promise<OpenTable>): void {
  describe(`table: ${name}`, () => {
    let table: Table
    let close: () => Promise<void>
    beforeEach(async () => {
      const opened = await open()
      table = opened.table
      close = () => opened.close()
    })
    afterEach(() => close())

    describe('items', () => {
      it('gives back what was put, and undefined for what was not', async () => {
        const item = { pk: 'p', sk: 's', n: 1.5, b: true, z: null, list: [1, 'a'], map: { a: {} } }
        await table.put(item)
        expect(await table.get('p', 's')).toEqual(item)
        expect(await table.get('p', 'other')).toBeUndefined()
        expect(await table.get('other', 's')).toBeUndefined()
      })

      it('replaces the whole item, drops undefined attributes, deletes idempotently', async () => {
        await table.put({ pk: 'p', sk: 's', a: 1, b: 2 })
        await table.put({ pk: 'p', sk: 's', b: undefined, c: 3 })
        expect(await table.get('p', 's')).toEqual({ pk: 'p', sk: 's', c: 3 })
        await table.delete('p', 's')
        await table.delete('p', 's')
        expect(await table.get('p', 's')).toBeUndefined()
      })

      it('keeps its items apart from the objects of the caller', async () => {
        const list = [1]
        await table.put({ pk: 'p', sk: 's', list })
        list.push(2)
        const read = (await table.get('p', 's'))!
        ;(read['list'] as number[]).push(3)
        expect(await table.get('p', 's')).toEqual({ pk: 'p', sk: 's', list: [1] })
      })

      it.each(['__proto__', 'constructor', 'toString', 'a\0b', "'; DROP TABLE items; --", '💥'])(
        'takes %j as a key, an attribute name and a value like any other',
        async (text) => {
          const item = Object.fromEntries([
            ['pk', text],
            ['sk', text],
            [text, text],
          ]) as unknown as Item
          await table.put(item)
          const read = (await table.get(text, text))!
          expect(Object.entries(read)).toEqual(Object.entries(item))
          expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
          const changed = await table.update(text, text, {
            set: Object.fromEntries([[text, 'changed']]),
          })
          expect(Object.entries(changed)).toContainEqual([text, 'changed'])
          expect(({} as Record<string, unknown>)['changed']).toBeUndefined()
          const { items } = await table.query(text)
          expect(items.map(({ sk }) => sk)).toEqual([text])
        },
      )

      it.each([
        ['an empty pk', { pk: '', sk: 's' }],
        ['an empty sk', { pk: 'p', sk: '' }],
        ['a pk of 2049 bytes', { pk: `${'é'.repeat(1024)}x`, sk: 's' }],
        ['an sk of 1025 bytes', { pk: 'p', sk: 'x'.repeat(1025) }],
        ['a lone surrogate in a key', { pk: 'p', sk: 'a\ud800' }],
        ['a key that is a number', { pk: 'p', sk: 1 }],
        ['an empty attribute name', { pk: 'p', sk: 's', '': 1 }],
        ['NaN', { pk: 'p', sk: 's', a: Number.NaN }],
        ['Infinity, nested', { pk: 'p', sk: 's', a: [{ b: Number.POSITIVE_INFINITY }] }],
        ['a bigint', { pk: 'p', sk: 's', a: 1n }],
        ['a Date', { pk: 'p', sk: 's', a: new Date(0) }],
        ['a typed array', { pk: 'p', sk: 's', a: new Float64Array(1) }],
        ['undefined in a list', { pk: 'p', sk: 's', a: [undefined] }],
        ['a lone surrogate in a value', { pk: 'p', sk: 's', a: ['\udc00'] }],
        ['a cycle', { pk: 'p', sk: 's', a: cycle() }],
        ["a pk of the log's", { pk: 'log#a', sk: 's' }],
        ['an attribute name of 65,536 bytes', { pk: 'p', sk: 's', ['é'.repeat(32_768)]: 1 }],
        ['a lone surrogate in an attribute name', { pk: 'p', sk: 's', 'a\ud800': 1 }],
      ])('refuses %s', async (_, item) => {
        await rejection(table.put(item as unknown as Item), 'ItemInvalid')
        expect((await table.query('p')).items).toEqual([])
      })

      it('gives back the numbers and the nesting that it takes, bit for bit', async () => {
        const numbers = [5e-324, 1e-130, 9.99e-131, 0.1, 2 ** 53 + 2, 9.99e125, 1e126, 1.7e308]
        const all = [...numbers, ...numbers.map((n) => -n), 0]
        const deep = Array.from({ length: 31 }).reduce<Json>((value) => [value], 'deepest')
        const attributes = Object.fromEntries(all.map((n, i) => [`n${i}`, n]))
        const item = {
          pk: 'p',
          sk: 's',
          ...attributes,
          all,
          deep,
          map: { '': { a: null } },
          '~': '',
        }
        await table.put(item)
        expect(await table.get('p', 's')).toEqual(item)
        await table.put({ pk: 'p', sk: 's', zero: -0 })
        expect((await table.get('p', 's'))!['zero']).toBe(0)
      })

      it('takes the longest keys, and items of exactly 400 KB of UTF-8', async () => {
        const largest = itemOfBytes(400 * 1024)
        await table.put({ pk: 'é'.repeat(1024), sk: 'x'.repeat(1024) })
        await table.put(largest)
        expect(await table.get('p', 's')).toEqual(largest)
        await rejection(table.put(itemOfBytes(400 * 1024 + 1)), 'ItemTooLarge')
        await rejection(table.update('p', 's', { set: { more: 'x'.repeat(20) } }), 'ItemTooLarge')
        expect(await table.get('p', 's')).toEqual(largest)
      })
    })

    describe('updates', () => {
      it('sets, adds and removes, makes an absent item, and answers the item afterwards', async () => {
        const made = await table.update('p', 's', { set: { a: 'x' }, add: { n: 2 } })
        expect(made).toEqual({ pk: 'p', sk: 's', a: 'x', n: 2 })
        const changed = await table.update('p', 's', { add: { n: -0.5 }, remove: ['a', 'none'] })
        expect(changed).toEqual({ pk: 'p', sk: 's', n: 1.5 })
        expect(await table.get('p', 's')).toEqual(changed)
      })

      it.each([
        ['of a key', { set: { sk: 'other' } }],
        ['of an empty name', { set: { '': 1 } }],
        ['of one attribute twice', { set: { a: 1 }, remove: ['a'] }],
        ['that adds to a text', { add: { text: 1 } }],
        ['that adds to null', { add: { nothing: 1 } }],
        ['that adds NaN', { add: { n: Number.NaN } }],
        ['that sets NaN', { set: { n: Number.NaN } }],
        ['that adds to a number out of the range of counters', { add: { huge: 1 } }],
        ['that adds a number out of the range of counters', { add: { n: 1e126 } }],
        ['that adds a number too small for a counter', { add: { n: 1e-131 } }],
        ['that counts beyond the range of counters', { add: { large: 9e125 } }],
        ['that adds to a list', { add: { list: 1 } }],
        ['of more than 100 attributes', { remove: Array.from({ length: 101 }, (_, i) => `${i}`) }],
        ['of a name with a lone surrogate', { remove: ['\udc00'] }],
      ])('refuses a change %s', async (_, change) => {
        const numbers = { n: 1, huge: Number.MAX_VALUE, large: 9e125 }
        const item = { pk: 'p', sk: 's', text: 'x', nothing: null, list: [1], ...numbers }
        await table.put(item)
        await rejection(table.update('p', 's', change), 'ItemInvalid')
        expect(await table.get('p', 's')).toEqual(item)
      })

      it('takes changes of 100 attributes, of values of every kind, and of nothing', async () => {
        expect(await table.update('p', 's', {})).toEqual({ pk: 'p', sk: 's' })
        const names = Array.from({ length: 100 }, (_, i) => `n${i}`)
        const add = Object.fromEntries(names.map((name, i) => [name, i]))
        expect(await table.update('p', 's', { add })).toEqual({ pk: 'p', sk: 's', ...add })
        await table.update('p', 's', { remove: names })
        const set = { s: '', b: false, z: null, n: 0.1, huge: 1e300, list: [{}], map: { a: [1] } }
        expect(await table.update('p', 's', { set })).toEqual({ pk: 'p', sk: 's', ...set })
        await table.update('p', 's', { set: { s: undefined } as unknown as Record<string, Json> })
        expect((await table.get('p', 's'))!).not.toHaveProperty('s')
        expect(await table.update('p', 's', {})).not.toHaveProperty('s')
      })

      it('refuses a change that no item can hold, whatever is there', async () => {
        const set = { text: 'x'.repeat(400 * 1024) }
        const write = table.update('p', 's', { set }, { if: 'present' })
        await rejection(write, 'ItemTooLarge')
      })

      it('counts every one of many concurrent additions', async () => {
        await Promise.all(
          Array.from({ length: 100 }, () => table.update('p', 's', { add: { n: 1 } })),
        )
        expect(await table.get('p', 's')).toEqual({ pk: 'p', sk: 's', n: 100 })
      })
    })

    describe('conditions', () => {
      it.each([
        ['absent', 'absent', false],
        ['present', 'present', true],
        ['the value', { a: 1 }, true],
        ['another value', { a: 2 }, false],
        ['a value of another type', { a: '1' }, false],
        ['null for an absent attribute', { missing: null }, true],
        ['null for an attribute that is null', { nothing: null }, true],
        ['a value for an absent attribute', { missing: 1 }, false],
        ['an inherited name', { toString: null }, true],
        ['one of two values wrong', { a: 1, b: 'y' }, false],
        ['a number out of the range of counters', { huge: 1e300 }, true],
        ['another number out of that range', { huge: 1e301 }, false],
        ['null for a list', { list: null }, false],
        ['a part of the key', { sk: 's' }, true],
        ['no attributes', {}, true],
        [
          '25 attributes',
          Object.fromEntries(Array.from({ length: 25 }, (_, i) => [i, null])),
          true,
        ],
      ] as const)('on an item: %s', async (_, condition, holds) => {
        const others = { nothing: null, huge: 1e300, list: [1] }
        await table.put({ pk: 'p', sk: 's', a: 1, b: 'x', ...others })
        const write = table.update('p', 's', { set: { done: true } }, { if: condition })
        if (holds) await write
        else await rejection(write, 'ConditionFailed')
        expect((await table.get('p', 's'))?.['done']).toBe(holds ? true : undefined)
      })

      it('on no item: only absent holds', async () => {
        await rejection(table.put({ pk: 'p', sk: 's' }, { if: 'present' }), 'ConditionFailed')
        await rejection(table.delete('p', 's', { if: { a: null } }), 'ConditionFailed')
        await rejection(
          table.update('p', 's', { set: { a: 1 } }, { if: 'present' }),
          'ConditionFailed',
        )
        await table.put({ pk: 'p', sk: 's' }, { if: 'absent' })
        expect(await table.get('p', 's')).toEqual({ pk: 'p', sk: 's' })
      })

      it.each([
        ['a list', { a: [1] }],
        ['an unknown word', 'missing'],
        ['null', null],
        ['an empty name', { '': 1 }],
        ['a lone surrogate', { a: '\ud800' }],
        ['NaN', { a: Number.NaN }],
        ['26 attributes', Object.fromEntries(Array.from({ length: 26 }, (_, i) => [i, null]))],
      ])('refuses a condition that is none: %s', async (_, condition) => {
        const write = table.put({ pk: 'p', sk: 's' }, { if: condition as 'absent' })
        await rejection(write, 'ItemInvalid')
      })

      it('lets exactly one of 50 concurrent conditional puts win', async () => {
        const puts = Array.from({ length: 50 }, (_, i) =>
          table.put({ pk: 'p', sk: 's', by: i }, { if: 'absent' }),
        )
        const results = await Promise.allSettled(puts)
        const winners = results.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []))
        expect(winners).toHaveLength(1)
        expect(await table.get('p', 's')).toEqual({ pk: 'p', sk: 's', by: winners[0] })
      })
    })

    describe('transactions', () => {
      it('writes all, of every kind', async () => {
        await table.put({ pk: 'p', sk: 'gone' })
        await table.put({ pk: 'p', sk: 'checked', a: 1 })
        await table.transact([
          { put: { pk: 'p', sk: 'new' }, if: 'absent' },
          { update: { pk: 'p', sk: 'count', add: { n: 1 } } },
          { delete: { pk: 'p', sk: 'gone' }, if: 'present' },
          { check: { pk: 'p', sk: 'checked' }, if: { a: 1 } },
        ])
        expect((await table.query('p')).items).toEqual([
          { pk: 'p', sk: 'checked', a: 1 },
          { pk: 'p', sk: 'count', n: 1 },
          { pk: 'p', sk: 'new' },
        ])
      })

      it('takes a change of nothing, and no writes', async () => {
        await table.transact([])
        await table.transact([{ update: { pk: 'p', sk: 's' } }])
        expect((await table.query('p')).items).toEqual([{ pk: 'p', sk: 's' }])
      })

      it('writes nothing when a condition fails, and says which', async () => {
        await table.put({ pk: 'p', sk: 'there' })
        const error = await rejection(
          table.transact([
            { put: { pk: 'p', sk: 'a' } },
            { check: { pk: 'p', sk: 'missing' }, if: 'present' },
            { put: { pk: 'p', sk: 'there', a: 1 }, if: 'absent' },
          ]),
          'ConditionFailed',
        )
        expect(error.details).toEqual({ failed: [1, 2] })
        expect((await table.query('p')).items).toEqual([{ pk: 'p', sk: 'there' }])
      })

      it('writes nothing when a write cannot be applied', async () => {
        await table.put({ pk: 'p', sk: 'text', a: 'x' })
        const write = table.transact([
          { put: { pk: 'p', sk: 'a' } },
          { update: { pk: 'p', sk: 'text', add: { a: 1 } } },
        ])
        await rejection(write, 'ItemInvalid')
        expect(await table.get('p', 'a')).toBeUndefined()
      })

      it('takes 100 writes of different items and no more', async () => {
        const puts = (count: number): Write[] =>
          Array.from({ length: count }, (_, i) => ({ put: { pk: 'p', sk: `${i}` } }))
        await rejection(table.transact(puts(101)), 'TransactionTooLarge')
        expect((await table.query('p')).items).toEqual([])
        await table.transact(puts(100))
        expect((await table.query('p')).items).toHaveLength(100)
        const twice: Write[] = [{ put: { pk: 'p', sk: 'a' } }, { delete: { pk: 'p', sk: 'a' } }]
        await rejection(table.transact(twice), 'ItemInvalid')
        await rejection(table.transact([{} as Write]), 'ItemInvalid')
        const unconditional = { check: { pk: 'p', sk: 'a' } } as unknown as Write
        await rejection(table.transact([unconditional]), 'ItemInvalid')
      })

      it('takes 4 MB of items and no more', async () => {
        const puts = Array.from({ length: 11 }, (_, i): { put: Item } => ({
          put: { ...itemOfBytes(400 * 1024 - 10), sk: `${i}` },
        }))
        await rejection(table.transact(puts), 'TransactionTooLarge')
        const sets = puts.map(({ put }) => ({
          update: { ...keyOf(put), set: { text: put['text']! } },
        }))
        await rejection(table.transact(sets), 'TransactionTooLarge')
        const largest = puts.slice(0, 10).map(({ put }) => ({
          put: { ...put, text: 'x'.repeat(Buffer.byteLength(put['text'] as string)) },
        }))
        await table.transact(largest)
        expect((await table.query('p')).items).toHaveLength(10)
      })

      it('keeps a sum while many concurrent transactions move parts of it', async () => {
        await table.put({ pk: 'p', sk: 'a', n: 50 })
        await table.put({ pk: 'p', sk: 'b', n: 0 })
        const moves = Array.from({ length: 50 }, () =>
          table.transact([
            { update: { pk: 'p', sk: 'a', add: { n: -1 } } },
            { update: { pk: 'p', sk: 'b', add: { n: 1 } } },
          ]),
        )
        await Promise.all(moves)
        expect((await table.query('p')).items.map((item) => item['n'])).toEqual([0, 50])
      })
    })
  })
  tableQueriesContract(name, open)
}

/** An item of so many bytes of JSON, in characters of two bytes as far as possible. */
function itemOfBytes(bytes: number): Item {
  const empty = Buffer.byteLength(JSON.stringify({ pk: 'p', sk: 's', text: '' }))
  const text = 'é'.repeat(Math.floor((bytes - empty) / 2))
  return { pk: 'p', sk: 's', text: (bytes - empty) % 2 === 0 ? text : `${text}x` }
}

function keyOf({ pk, sk }: Item): { pk: string; sk: string } {
  return { pk, sk }
}

function cycle(): object {
  const value: Record<string, unknown> = {}
  value['self'] = value
  return value
}
