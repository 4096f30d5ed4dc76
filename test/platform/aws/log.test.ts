import type { DynamoDBRecord } from 'aws-lambda'
import { describe, expect, it } from 'vitest'
import { transactionsOf } from '../../../platform/aws/log-batches.ts'
import { headOf, positionOf, recordsPartition } from '../../../platform/aws/log-items.ts'
import { DynamoLog } from '../../../platform/aws/log.ts'
import { logPosition } from '../../../platform/ports/log-position.ts'
import { RecordingLogger } from '../../../platform/testing/memory-observability.ts'
import { rejection } from '../../contracts/expect-error.ts'
import { type Reply, scriptedDynamoDB } from './scripted-dynamodb.ts'

function scripted(...replies: Reply[]) {
  const { client, requests } = scriptedDynamoDB(...replies)
  const retry = { attempts: 3, firstPauseMs: 0 }
  const log = new DynamoLog({ client, tableName: 'table', retry, logger: new RecordingLogger() })
  return { log, requests }
}

const done: Reply = { answer: {} }
const head = (count: number) => ({ count: { N: String(count) } })
const headMovedTo = (count: number): Reply => ({
  error: 'TransactionCanceledException',
  reasons: [{ Code: 'ConditionalCheckFailed', Item: head(count) }, { Code: 'None' }],
})
const conflict: Reply = {
  error: 'TransactionCanceledException',
  reasons: [{ Code: 'TransactionConflict' }, { Code: 'None' }],
}
const records = (...counts: number[]): Reply => ({
  answer: {
    Items: counts.map((n) => ({
      pk: { S: recordsPartition('a') },
      sk: { S: logPosition(n) },
      record: { S: `{"n":${n}}` },
    })),
  },
})

describe('append', () => {
  it('writes the records with the head that counts them, and lists the key at first', async () => {
    const { log, requests } = scripted(done)
    const positions = await log.append('a', [{ n: 1 }, { n: 2 }])
    expect(positions).toEqual([logPosition(1), logPosition(2)])
    expect(requests.map(({ operation }) => operation)).toEqual(['GetItem', 'TransactWriteItems'])
    const first = requests[1]!.body['TransactItems'] as object[]
    expect(first).toHaveLength(4)
    expect(first[0]).toMatchObject({
      Update: {
        Key: { pk: { S: headOf('a').pk } },
        ConditionExpression: 'attribute_not_exists(pk)',
        ExpressionAttributeValues: { ':to': { N: '2' } },
      },
    })
    expect(first[3]).toMatchObject({ Put: { Item: { pk: { S: 'log#keys' }, sk: { S: 'a' } } } })

    const next = scripted({ answer: { Item: head(2) } }, done)
    await next.log.append('a', [{ n: 3 }])
    const later = next.requests[1]!.body['TransactItems'] as object[]
    expect(later).toHaveLength(2)
    expect(later[0]).toMatchObject({
      Update: { ExpressionAttributeValues: { ':from': { N: '2' }, ':to': { N: '3' } } },
    })
    expect(later[1]).toMatchObject({
      Put: { Item: { sk: { S: logPosition(3) }, record: { S: '{"n":3}' } } },
    })
  })

  it('sends one whose answer was lost, or that met a conflict, again as the same one', async () => {
    const { log, requests } = scripted(done, 'lost', conflict, done)
    await log.append('a', [{ n: 1 }])
    const tokens = requests.slice(1).map(({ body }) => body['ClientRequestToken'])
    expect(tokens).toHaveLength(3)
    expect(new Set(tokens).size).toBe(1)
  })

  it('appends after what others appended meanwhile, as a new transaction', async () => {
    const { log, requests } = scripted(done, headMovedTo(5), done)
    expect(await log.append('a', [{ n: 1 }])).toEqual([logPosition(6)])
    const [first, second] = requests.slice(1).map(({ body }) => body)
    expect(second!['ClientRequestToken']).not.toBe(first!['ClientRequestToken'])
    expect((second!['TransactItems'] as object[])[1]).toMatchObject({
      Put: { Item: { sk: { S: logPosition(6) } } },
    })
  })

  it('gives up when others are always ahead', async () => {
    const { log, requests } = scripted(done, headMovedTo(5))
    await rejection(log.append('a', [{ n: 1 }]), 'StorageFailed')
    expect(requests).toHaveLength(4)
  })

  it('goes on with the next append of a key after one that failed', async () => {
    const { log } = scripted({ error: 'ValidationException' }, done)
    const appends = [log.append('a', [{ n: 1 }]), log.append('a', [{ n: 2 }])]
    const results = await Promise.allSettled(appends)
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
  })
})

describe('transactionsOf', () => {
  it('keeps the order, and fills each within 98 records and 4 MB with their keys', () => {
    const texts = Array.from({ length: 500 }, (_, i) =>
      String(i).padEnd(i % 7 === 0 ? 398 * 1024 : 9000, '.'),
    )
    const key = 'k'.repeat(1024)
    const transactions = transactionsOf(key, texts)
    expect(transactions.flat()).toEqual(texts)
    for (const transaction of transactions) {
      expect(transaction.length).toBeLessThanOrEqual(98)
      const bytes = transaction.reduce((sum, text) => sum + text.length + key.length + 40, 0)
      expect(bytes).toBeLessThan(4 * 1024 * 1024 - 4096)
    }
    expect(transactionsOf('a', Array<string>(196).fill('{}'))).toHaveLength(2)
    expect(transactionsOf('a', [])).toEqual([])
  })
})

describe('get', () => {
  it('asks for one item, and knows a record that was changed by other means', async () => {
    const sk = { S: logPosition(5) }
    const item = { pk: { S: recordsPartition('a') }, sk, record: { S: '{"n":5}' } }
    const { log, requests } = scripted({ answer: { Item: item } }, done, {
      answer: { Item: { ...item, record: { S: '{' } } },
    })
    expect(await log.get('a', logPosition(5))).toEqual({
      key: 'a',
      position: logPosition(5),
      record: { n: 5 },
    })
    expect(await log.get('a', logPosition(6))).toBeUndefined()
    await rejection(log.get('a', logPosition(7)), 'ItemInvalid')
    await rejection(log.get('a', '7'), 'CursorInvalid')
    expect(requests.map(({ operation }) => operation)).toEqual(Array(3).fill('GetItem'))
    expect(requests[0]!.body).toMatchObject({
      Key: { pk: { S: recordsPartition('a') }, sk: { S: logPosition(5) } },
    })
  })
})

describe('read', () => {
  it('hands on nothing beyond a gap, which a transaction that is being committed shows', async () => {
    const { log, requests } = scripted(records(6, 7), records(7), records(5, 6, 8))
    const read = await log.read('a', { after: logPosition(4) })
    expect(read.map(({ record }) => record['n'])).toEqual([5, 6])
    expect(requests).toHaveLength(3)
    expect(requests[0]!.body).toMatchObject({ ConsistentRead: true, Limit: 1000 })
  })

  it.each([
    ['a position of another form', { sk: { S: 'x' }, record: { S: '{}' } }],
    ['text that is no JSON', { sk: { S: logPosition(1) }, record: { S: '{' } }],
    ['no text', { sk: { S: logPosition(1) } }],
  ])('says that a record was changed by other means: %s', async (_, item) => {
    const { log } = scripted({ answer: { Items: [item] } })
    const error = await rejection(log.read('a'), 'ItemInvalid')
    expect(error.message).toContain('other means')
  })
})

describe('drainStream', () => {
  const inserted = (pk: string, SequenceNumber?: string): DynamoDBRecord => ({
    eventName: 'INSERT',
    dynamodb: {
      Keys: { pk: { S: pk }, sk: { S: logPosition(1) } },
      ...(SequenceNumber !== undefined && { SequenceNumber }),
    },
  })
  const handler = async () => undefined

  it.each<[string, DynamoDBRecord]>([
    ['an item of the table', inserted('training#a', '1')],
    ['a head', inserted(headOf('a').pk, '1')],
    ['a position', inserted(positionOf('consumer', 'a').pk, '1')],
    ['a changed record', { ...inserted(recordsPartition('a'), '1'), eventName: 'MODIFY' }],
    ['a removed record', { ...inserted(recordsPartition('a'), '1'), eventName: 'REMOVE' }],
    ['an event without keys', { eventName: 'INSERT', dynamodb: {} }],
    ['an event without anything', {}],
  ])('asks for nothing on %s', async (_, record) => {
    const { log, requests } = scripted(done)
    const answer = await log.drainStream('consumer', handler, { Records: [record] })
    expect(answer).toEqual({ batchItemFailures: [] })
    expect(requests).toEqual([])
  })

  it('drains a key once, and reports its first record when its storage fails', async () => {
    const { log, requests } = scripted({ error: 'ValidationException' })
    const Records = ['1', '2', '3'].map((number) => inserted(recordsPartition('a'), number))
    expect(await log.drainStream('consumer', handler, { Records })).toEqual({
      batchItemFailures: [{ itemIdentifier: '1' }],
    })
    expect(requests).toHaveLength(1)
  })

  it('fails as a whole when it could not say which record failed', async () => {
    const { log } = scripted(done)
    const event = { Records: [inserted(recordsPartition('a'))] }
    await expect(log.drainStream('consumer', handler, event)).rejects.toThrow('sequence number')
  })

  it('refuses a name that is none', async () => {
    const { log } = scripted(done)
    await rejection(log.drainStream('', handler, { Records: [] }), 'RequestInvalid')
    await rejection(log.drainAll('', handler), 'RequestInvalid')
  })

  it('moves the position on by a condition, and takes it as done when another was ahead', async () => {
    const { log, requests } = scripted(
      { answer: { Item: { position: { S: logPosition(4) } } } },
      records(5),
      { error: 'ConditionalCheckFailedException' },
    )
    const event = { Records: [inserted(recordsPartition('a'), '1')] }
    expect(await log.drainStream('consumer', handler, event)).toEqual({ batchItemFailures: [] })
    expect(requests[2]!.body).toMatchObject({
      ConditionExpression: 'attribute_not_exists(#position) OR #position < :position',
      ExpressionAttributeValues: { ':position': { S: logPosition(5) } },
    })
  })
})
