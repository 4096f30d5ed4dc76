import { describe, expect, it } from 'vitest'
import { DynamoTable } from '../../../platform/aws/table.ts'
import { rejection } from '../../contracts/expect-error.ts'
import { type Reply, scriptedDynamoDB } from './scripted-dynamodb.ts'

const conditionFailed: Reply = { error: 'ConditionalCheckFailedException' }
const done: Reply = { answer: {} }
const item = { pk: 'p', sk: 's', by: 'us' }
const ours = { pk: { S: 'p' }, sk: { S: 's' }, by: { S: 'us' } }
const theirs = { ...ours, by: { S: 'them' } }

function scripted(...replies: Reply[]) {
  const { client, requests } = scriptedDynamoDB(...replies)
  const retry = { attempts: 3, firstPauseMs: 0 }
  return { table: new DynamoTable({ client, tableName: 'table', retry }), requests }
}

const cancelled = (...codes: string[]): Reply => ({
  error: 'TransactionCanceledException',
  reasons: codes.map((Code) => ({ Code, Message: Code })),
})

describe('contention', () => {
  it.each([
    cancelled('None', 'TransactionConflict'),
    cancelled('ThrottlingError'),
    cancelled('ProvisionedThroughputExceeded', 'ConditionalCheckFailed'),
  ])('sends a transaction again, as the same one: %j', async (reply) => {
    const { table, requests } = scripted(reply, reply, done)
    await table.transact([{ put: item }, { put: { ...item, sk: 't' } }])
    expect(requests).toHaveLength(3)
    expect(new Set(requests.map(({ body }) => body['ClientRequestToken'])).size).toBe(1)
  })

  it('sends a single write again that meets a transaction', async () => {
    const { table, requests } = scripted({ error: 'TransactionConflictException' }, done)
    await table.put(item)
    expect(requests).toHaveLength(2)
  })

  it('gives up with StorageFailed', async () => {
    const { table, requests } = scripted(cancelled('TransactionConflict'))
    const error = await rejection(table.transact([{ put: item }]), 'StorageFailed')
    expect(error.cause).toMatchObject({ name: 'TransactionCanceledException' })
    expect(requests).toHaveLength(3)
  })

  it('says which conditions failed although others met a conflict to the last', async () => {
    const { table } = scripted(cancelled('TransactionConflict', 'ConditionalCheckFailed'))
    const writes = [item, { ...item, sk: 't' }].map((put) => ({ put, if: 'absent' as const }))
    const error = await rejection(table.transact(writes), 'ConditionFailed')
    expect(error.details).toEqual({ failed: [1] })
  })

  it('does not send again what was refused', async () => {
    const { table, requests } = scripted(cancelled('ConditionalCheckFailed'))
    await rejection(table.transact([{ put: item, if: 'absent' }]), 'ConditionFailed')
    expect(requests).toHaveLength(1)
  })
})

describe('a lost answer', () => {
  it('of a transaction: the SDK sends it again under the same token', async () => {
    const { table, requests } = scripted('lost', done)
    await table.transact([{ put: item }])
    const tokens = requests.map(({ body }) => body['ClientRequestToken'])
    expect(tokens).toHaveLength(2)
    expect(tokens[0]).toBe(tokens[1])
    await table.transact([{ put: item }])
    expect(requests[2]!.body['ClientRequestToken']).not.toBe(tokens[0])
  })

  const conditional = {
    put: (table: DynamoTable) => table.put(item, { if: 'absent' }),
    update: (table: DynamoTable) =>
      table.update('p', 's', { set: { by: 'us' }, remove: ['old'] }, { if: { by: null } }),
    delete: (table: DynamoTable) => table.delete('p', 's', { if: { by: 'us' } }),
  }

  it.each([
    ['put', 'the item is there', { Item: ours }],
    ['update', 'the change is there', { Item: { ...ours, more: { N: '1' } } }],
    ['delete', 'the item is gone', {}],
  ] as const)('of a conditional %s: done when %s', async (kind, _, found) => {
    const { table, requests } = scripted('lost', conditionFailed, { answer: found })
    await conditional[kind](table)
    expect(requests).toHaveLength(3)
    expect(requests[2]).toMatchObject({ operation: 'GetItem', body: { ConsistentRead: true } })
  })

  it.each([
    ['put', 'another item is there', { Item: theirs }],
    ['put', 'no item is there', {}],
    ['update', 'another value is there', { Item: theirs }],
    ['update', 'what it removes is there', { Item: { ...ours, old: { N: '1' } } }],
    ['update', 'no item is there', {}],
    ['delete', 'an item is there', { Item: theirs }],
  ] as const)('of a conditional %s: ConditionFailed when %s', async (kind, _, found) => {
    const { table } = scripted('lost', conditionFailed, { answer: found })
    const error = await rejection(conditional[kind](table), 'ConditionFailed')
    expect(error.details).toEqual({ failed: [0] })
  })

  it('of a conditional addition: says that it is unknown, unless the rest of it is not there', async () => {
    const add = (table: DynamoTable) =>
      table.update('p', 's', { add: { n: 1 }, set: { by: 'us' } }, { if: { by: null } })
    const unknown = scripted('lost', conditionFailed, { answer: { Item: ours } })
    const error = await rejection(add(unknown.table), 'StorageFailed')
    expect(error.message).toContain('unknown')
    const other = scripted('lost', conditionFailed, { answer: { Item: theirs } })
    await rejection(add(other.table), 'ConditionFailed')
  })

  it('is not thought of when the first answer came', async () => {
    const { table, requests } = scripted(conditionFailed, { answer: { Item: ours } })
    await rejection(conditional.put(table), 'ConditionFailed')
    expect(requests).toHaveLength(1)
  })

  it('is StorageFailed when no answer comes', async () => {
    const { table } = scripted('lost')
    const error = await rejection(table.put(item), 'StorageFailed')
    expect(error.message).toContain('socket hang up')
  })
})

describe('refusals that depend on the item that is there', () => {
  it.each([
    ['Item size to update has exceeded the maximum allowed size', 'ItemTooLarge'],
    ['An operand in the update expression has an incorrect data type', 'ItemInvalid'],
    ['Number overflow. Attempting to store a number with magnitude larger than …', 'ItemInvalid'],
    ['Number underflow. Attempting to store a number with magnitude smaller than …', 'ItemInvalid'],
    ['The provided key element does not match the schema', 'StorageFailed'],
  ] as const)('%s: %s', async (message, name) => {
    const single = scripted({ error: 'ValidationException', message })
    await rejection(single.table.update('p', 's', { add: { n: 1 } }), name)
    const reasons = [{ Code: 'ValidationError', Message: message }]
    const whole = scripted({ error: 'TransactionCanceledException', reasons })
    await rejection(whole.table.transact([{ update: { pk: 'p', sk: 's', add: { n: 1 } } }]), name)
  })
})

describe('requests', () => {
  it('reads consistently, and asks for as little as a page needs', async () => {
    const { table, requests } = scripted({ answer: { Items: [] } })
    await table.query('p', { prefix: 'a', after: 'ab', limit: 10, descending: true })
    expect(requests[0]!.body).toMatchObject({
      KeyConditionExpression: '#0=:0 AND #1 BETWEEN :1 AND :2',
      ExpressionAttributeNames: { '#0': 'pk', '#1': 'sk' },
      ExpressionAttributeValues: { ':0': { S: 'p' }, ':1': { S: 'ab' }, ':2': { S: 'b' } },
      ConsistentRead: true,
      ScanIndexForward: false,
      Limit: 13,
    })
    await table.query('p', { prefix: 'a', after: 'c' })
    expect(requests).toHaveLength(1)
  })

  it('asks only beyond the page before, within what is sought', async () => {
    const found = ['ad', 'ac', 'ab'].map((sk) => ({ pk: { S: 'p' }, sk: { S: sk } }))
    for (const descending of [false, true]) {
      const Items = descending ? found : found.toReversed()
      const { table, requests } = scripted({ answer: { Items } }, { answer: { Items: [] } })
      const page = { prefix: 'a', limit: 2, descending }
      const { cursor } = await table.query('p', page)
      await table.query('p', { ...page, cursor: cursor! })
      expect(requests[1]!.body['ExpressionAttributeValues']).toMatchObject({
        ':1': { S: descending ? 'a' : 'ac' },
        ':2': { S: descending ? 'ac' : 'b' },
      })
    }
  })

  it('sends no bound that is longer than a key', async () => {
    const { table, requests } = scripted({ answer: { Items: [] } })
    for (const end of ['xyz', 'x😀', '😀', '\x7f\x7f']) {
      await table.query('p', { after: 'é'.repeat(511) + end })
      await table.query('p', { prefix: 'é'.repeat(511) + '\x7f\x7f' })
    }
    expect(requests).toHaveLength(8)
    for (const { body } of requests) {
      const bounds = body['ExpressionAttributeValues'] as Record<string, { S: string }>
      for (const { S } of Object.values(bounds)) {
        expect(Buffer.byteLength(S)).toBeLessThanOrEqual(1024)
        expect(S).not.toContain('\ufffd')
      }
    }
  })

  it('goes on where a page of DynamoDB ended, until it has what a page of the port needs', async () => {
    const found = (sk: string) => ({ pk: { S: 'p' }, sk: { S: sk } })
    const { table, requests } = scripted(
      { answer: { Items: [found('a')], LastEvaluatedKey: found('a') } },
      { answer: { Items: [], LastEvaluatedKey: found('b') } },
      { answer: { Items: [found('c'), found('d')], LastEvaluatedKey: found('d') } },
    )
    const page = await table.query('p', { limit: 2 })
    expect(page.items.map(({ sk }) => sk)).toEqual(['a', 'c'])
    expect(page.cursor).toBeDefined()
    expect(requests.map(({ body }) => body['ExclusiveStartKey'])).toEqual([
      undefined,
      found('a'),
      found('b'),
    ])
  })
})
