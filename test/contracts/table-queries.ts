import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Table } from '../../platform/ports/table.ts'
import { rejection } from './expect-error.ts'
import type { OpenTable } from './table.ts'

/** What every table promises of its queries. */
export function tableQueriesContract(name: string, open: () => Promise<OpenTable>): void {
  describe(`table: ${name}: queries`, () => {
    let table: Table
    let close: () => Promise<void>
    beforeEach(async () => {
      const opened = await open()
      table = opened.table
      close = () => opened.close()
    })
    afterEach(() => close())

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
      expect(await sks({ after: 'c', prefix: 'b' })).toEqual([])
      expect(await sks({ after: 'c', prefix: 'b', descending: true })).toEqual([])
    })

    it('takes bounds as long as a key and longer', async () => {
      const longest = `${'é'.repeat(511)}xy`
      for (const sk of ['é'.repeat(511), `${'é'.repeat(511)}x`, longest, 'ê']) {
        await table.put({ pk: 'p', sk })
      }
      for (const descending of [false, true]) {
        const sks = async (options: object) => {
          const { items } = await table.query('p', { ...options, descending })
          return items.map(({ sk }) => sk).toSorted()
        }
        expect(await sks({ prefix: longest })).toEqual([longest])
        expect(await sks({ prefix: `${longest}z` })).toEqual([])
        expect(await sks({ prefix: `${'é'.repeat(511)}x` })).toHaveLength(2)
        expect(await sks({ after: longest })).toEqual(['ê'])
        expect(await sks({ after: `${longest}z` })).toEqual(['ê'])
        expect(await sks({ after: `${'é'.repeat(511)}x\x01\x01\x01` })).toEqual([longest, 'ê'])
        // Cut to the length of a key, it stands before keys that the whole of it stands after.
        expect(await sks({ after: `${'é'.repeat(511)}x😀` })).toEqual(['ê'])
      }
    })

    it.each([false, true])(
      'pages on from a place that is none of its keys (descending: %s)',
      async (descending) => {
        for (const sk of ['a', 'b', 'c', 'd']) await table.put({ pk: 'p', sk })
        const first = await table.query('p', { limit: 2, descending })
        await table.delete('p', first.items[1]!.sk)
        const { items } = await table.query('p', { cursor: first.cursor!, descending })
        expect(items.map(({ sk }) => sk)).toEqual(descending ? ['b', 'a'] : ['c', 'd'])
      },
    )

    it.each([false, true])('pages through everything once (descending: %s)', async (descending) => {
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
    })

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
}
