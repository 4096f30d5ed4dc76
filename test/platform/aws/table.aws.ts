import { randomUUID } from 'node:crypto'
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DynamoTable } from '../../../platform/aws/table.ts'
import { rejection } from '../../contracts/expect-error.ts'
import { tableContract } from '../../contracts/table.ts'
import { createTestTable, type TestTable } from './dynamodb-table.ts'

let own: TestTable
let table: DynamoTable
beforeAll(async () => {
  own = await createTestTable()
  table = new DynamoTable(own)
})
afterAll(() => own.drop())

tableContract('DynamoDB', async () => ({ table, close: () => own.clear() }))

describe('DynamoTable', () => {
  it('follows the pages of 1 MB in which DynamoDB answers', async () => {
    const pk = randomUUID()
    const text = 'x'.repeat(300 * 1024)
    for (let i = 0; i < 10; i++) await table.put({ pk, sk: `${i}`, text })
    for (const descending of [false, true]) {
      const whole = await table.query(pk, { descending })
      expect(whole.items).toHaveLength(10)
      expect(whole).not.toHaveProperty('cursor')
      const first = await table.query(pk, { descending, limit: 7 })
      const rest = await table.query(pk, { descending, limit: 7, cursor: first.cursor! })
      expect([...first.items, ...rest.items]).toEqual(whole.items)
    }
  })

  it('takes an item of 400 KB of JSON whatever its attributes are', async () => {
    const pk = randomUUID()
    const attributes = Object.fromEntries(
      Array.from({ length: 15_000 }, (_, i) => [
        `attribute${i}`,
        [[], {}, 1e300, -1.5, null][i % 5],
      ]),
    )
    const item = { pk, sk: 's', ...attributes, rest: '' }
    const rest = 'x'.repeat(400 * 1024 - JSON.stringify(item).length)
    await table.put({ ...item, rest })
    expect(await table.get(pk, 's')).toEqual({ ...item, rest })
  })

  it('says which attribute was written by other means, in a form that is not its own', async () => {
    const pk = randomUUID()
    const foreign = { pk: { S: pk }, sk: { S: 's' }, tags: { SS: ['a'] } }
    await own.client.send(new PutItemCommand({ TableName: own.tableName, Item: foreign }))
    const error = await rejection(table.get(pk, 's'), 'ItemInvalid')
    expect(error.message).toContain('"tags"')
    await rejection(table.query(pk), 'ItemInvalid')
  })

  it('lets concurrent claims by transaction and by single write win once', async () => {
    const pk = randomUUID()
    const claims = Array.from({ length: 40 }, (_, i) =>
      i % 2 === 0
        ? table.put({ pk, sk: 's', by: i }, { if: 'absent' })
        : table.transact([{ put: { pk, sk: 's', by: i }, if: 'absent' }]),
    )
    const results = await Promise.allSettled(claims)
    const winners = results.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []))
    expect(winners).toHaveLength(1)
    expect((await table.get(pk, 's'))!['by']).toBe(winners[0])
  })

  it('says that a table is missing', async () => {
    const missing = new DynamoTable({ ...own, tableName: `missing-${randomUUID()}` })
    const error = await rejection(missing.get('p', 's'), 'StorageFailed')
    expect(error.message).toContain('ResourceNotFoundException')
  })
})

describe('differences of the emulator', () => {
  it('measures a transaction as escaped JSON, where AWS adds up the bytes of its items', async () => {
    const pk = randomUUID()
    const puts = Array.from({ length: 10 }, (_, i) => ({
      put: { pk, sk: `${i}`, text: 'é'.repeat(100 * 1024) },
    }))
    // 2 MB of items; AWS takes up to 4 MB.
    await rejection(table.transact(puts), 'TransactionTooLarge')
  })

  it('counts with 28 digits, where AWS counts with 38', async () => {
    const pk = randomUUID()
    await table.update(pk, 's', { set: { n: 1e20 } })
    await table.update(pk, 's', { add: { n: 1e-10 } })
    const Key = { pk: { S: pk }, sk: { S: 's' } }
    const command = new GetItemCommand({ TableName: own.tableName, Key, ConsistentRead: true })
    const { Item } = await own.client.send(command)
    // On AWS: 100000000000000000000.0000000001
    expect(Item!['n']).toEqual({ N: '100000000000000000000' })
  })

  it('names another cause for a sum out of the range of numbers than AWS: an overflow', async () => {
    const pk = randomUUID()
    await table.update(pk, 's', { set: { n: 9e125 } })
    const error = await rejection(table.update(pk, 's', { add: { n: 9e125 } }), 'ItemInvalid')
    expect(error.message).toContain('cannot be converted to a numeric value')
  })
})
