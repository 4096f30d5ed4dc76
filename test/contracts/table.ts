import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Item, Table, Write } from '../../platform/ports/table.ts'
import { rejection } from './expect-error.ts'

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
      ])('refuses %s', async (_, item) => {
        await rejection(table.put(item as unknown as Item), 'ItemInvalid')
        expect((await table.query('p')).items).toEqual([])
      })

      it('takes the longest keys, and items of exactly 400 KB of UTF-8', async () => {
        const largest = itemOfBytes(400 * 1024)
        await table.put({ pk: 'é'.repeat(1024), sk: 'x'.repeat(1024) })
        await table.put(largest)
        expect(await table.get('p', 's')).toEqual(largest)
        await rejection(table.put(itemOfBytes(400 * 1024 + 1)), 'ItemTooLarge')
        await rejection(table.update('p', 's', { set: { more: 'x' } }), 'ItemTooLarge')
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
        ['that counts to infinity', { add: { huge: Number.MAX_VALUE } }],
      ])('refuses a change %s', async (_, change) => {
        const item = { pk: 'p', sk: 's', text: 'x', nothing: null, n: 1, huge: Number.MAX_VALUE }
        await table.put(item)
        await rejection(table.update('p', 's', change), 'ItemInvalid')
        expect(await table.get('p', 's')).toEqual(item)
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
      ] as const)('on an item: %s', async (_, condition, holds) => {
        await table.put({ pk: 'p', sk: 's', a: 1, b: 'x', nothing: null })
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

      it('refuses a condition that is none', async () => {
        const condition = { a: [1] } as unknown as 'absent'
        await rejection(table.put({ pk: 'p', sk: 's' }, { if: condition }), 'ItemInvalid')
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
      })

      it('takes 4 MB of items and no more', async () => {
        const puts = Array.from({ length: 11 }, (_, i) => ({
          put: { ...itemOfBytes(400 * 1024 - 10), sk: `${i}` },
        }))
        await rejection(table.transact(puts), 'TransactionTooLarge')
        await table.transact(puts.slice(0, 10))
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

    describe('queries', () => {
      // In UTF-8 order; in JavaScript's own the last two stand the other way round.
      const keys = ['A', 'Z', 'a', 'a\0', 'a!', 'aa', 'z', 'é', 'ß€', '\uffee', '😀']

      it('answers in UTF-8 order, either way', async () => {
        const order = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        for (const sk of keys.toReversed()) await table.put({ pk: 'p', sk })
        await table.put({ pk: 'q', sk: 'b' })
        const ascending = await table.query('p')
        const descending = await table.query('p', { descending: true })
        expect(ascending.items.map(({ sk }) => sk)).toEqual(order)
        expect(descending.items.map(({ sk }) => sk)).toEqual(order.toReversed())
        expect(order.indexOf('\uffee')).toBeLessThan(order.indexOf('😀'))
      })

      it.each(['a', 'é', '\u{10ffff}', '\ud7ff', '%', '_', '😀'])(
        'finds those that begin with %j, and no others',
        async (prefix) => {
          const beginning = [prefix, `${prefix}\0`, `${prefix}a`, `${prefix}\u{10ffff}b`]
          for (const sk of [...beginning, 'B', 'b', 'zz', '\ue000', '\u{1f601}']) {
            await table.put({ pk: 'p', sk })
          }
          for (const descending of [false, true]) {
            const { items } = await table.query('p', { prefix, descending })
            expect(items.map(({ sk }) => sk).toSorted()).toEqual(beginning.toSorted())
          }
        },
      )

      it('answers only what is after a key, in both directions', async () => {
        for (const sk of ['a', 'b', 'c', 'd']) await table.put({ pk: 'p', sk })
        const sks = async (options: object) =>
          (await table.query('p', options)).items.map(({ sk }) => sk)
        expect(await sks({ after: 'b' })).toEqual(['c', 'd'])
        expect(await sks({ after: 'bb' })).toEqual(['c', 'd'])
        expect(await sks({ after: 'b', descending: true })).toEqual(['d', 'c'])
        expect(await sks({ after: 'd' })).toEqual([])
        expect(await sks({ after: 'a', prefix: 'b' })).toEqual(['b'])
      })

      it.each([false, true])(
        'pages through everything once (descending: %s)',
        async (descending) => {
          const all = Array.from({ length: 25 }, (_, i) => `k${String(i).padStart(2, '0')}`)
          for (const sk of all) await table.put({ pk: 'p', sk })
          const seen: string[] = []
          const sizes: number[] = []
          let cursor: string | undefined
          do {
            const options = { prefix: 'k', limit: 10, descending, ...(cursor && { cursor }) }
            const page = await table.query('p', options)
            seen.push(...page.items.map(({ sk }) => sk))
            sizes.push(page.items.length)
            cursor = page.cursor
          } while (cursor !== undefined)
          expect(seen).toEqual(descending ? all.toReversed() : all)
          expect(sizes).toEqual([10, 10, 5])
        },
      )

      it('gives no cursor when a page ends with the last item', async () => {
        for (const sk of ['a', 'b']) await table.put({ pk: 'p', sk })
        expect(await table.query('p', { limit: 2 })).not.toHaveProperty('cursor')
      })

      it('answers 100 items when no limit is given', async () => {
        for (let i = 0; i < 101; i++) await table.put({ pk: 'p', sk: String(i).padStart(3, '0') })
        const page = await table.query('p')
        expect(page.items).toHaveLength(100)
        expect((await table.query('p', { cursor: page.cursor! })).items).toHaveLength(1)
      })

      it.each(['', 'nonsense', 'W10=', Buffer.from('["x","a"]').toString('base64url')])(
        'refuses the cursor %j',
        async (cursor) => {
          await rejection(table.query('p', { cursor }), 'CursorInvalid')
        },
      )

      it('refuses the cursor of another query', async () => {
        for (const sk of ['a', 'b', 'c']) await table.put({ pk: 'p', sk })
        const { cursor } = await table.query('p', { limit: 1 })
        for (const options of [{ prefix: 'a' }, { descending: true }, { after: 'a' }]) {
          await rejection(table.query('p', { ...options, cursor: cursor! }), 'CursorInvalid')
        }
        await rejection(table.query('q', { cursor: cursor! }), 'CursorInvalid')
      })

      it('refuses limits and bounds that are none', async () => {
        for (const limit of [0, -1, 1001, 1.5, Number.NaN]) {
          await rejection(table.query('p', { limit }), 'RequestInvalid')
        }
        await rejection(table.query('p', { prefix: '\ud800' }), 'ItemInvalid')
        await rejection(table.query('p', { after: '\ud800' }), 'ItemInvalid')
        await rejection(table.query(''), 'ItemInvalid')
      })
    })
  })
}

/** An item of so many bytes of JSON, in characters of two bytes as far as possible. */
function itemOfBytes(bytes: number): Item {
  const empty = Buffer.byteLength(JSON.stringify({ pk: 'p', sk: 's', text: '' }))
  const text = 'é'.repeat(Math.floor((bytes - empty) / 2))
  return { pk: 'p', sk: 's', text: (bytes - empty) % 2 === 0 ? text : `${text}x` }
}

function cycle(): object {
  const value: Record<string, unknown> = {}
  value['self'] = value
  return value
}
