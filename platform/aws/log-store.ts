import { randomUUID } from 'node:crypto'
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  type QueryCommandInput,
  type QueryCommandOutput,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  type TransactWriteItem,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { MillraceError } from '../ports/errors.ts'
import type { JsonObject } from '../ports/json.ts'
import { logPosition, parseLogPosition } from '../ports/log-position.ts'
import type { LogRecord } from '../ports/log.ts'
import { headOf, type ItemKey, keysPartition, positionOf, recordsPartition } from './log-items.ts'
import { tableError } from './table-errors.ts'
import { defaultRetry, pause, retried, type Retry } from './table-retry.ts'

export interface LogStoreOptions {
  readonly client: DynamoDBClient
  readonly tableName: string
  /** How often a request is sent that met a conflict, a throttle or another writer of its key. */
  readonly retry?: Partial<Retry>
}

/**
 * The records of the log and the positions of its consumers, as items of the table. The records of a
 * key are numbered from 1 without a gap: a transaction writes them together with the head that counts
 * them, and no other can write the same numbers.
 */
export class LogStore {
  readonly #client: DynamoDBClient
  readonly #tableName: string
  readonly #retry: Retry

  constructor(options: LogStoreOptions) {
    this.#client = options.client
    this.#tableName = options.tableName
    this.#retry = { ...defaultRetry, ...options.retry }
  }

  /**
   * Appends as many records as one transaction takes, after all that are there. Answers their
   * positions.
   */
  async append(key: string, texts: readonly string[]): Promise<string[]> {
    let count = countIn(await this.#get(headOf(key), `the head of the log ${JSON.stringify(key)}`))
    for (let attempt = 1; ; attempt++) {
      const other = await this.#appendAfter(count, key, texts)
      if (other === undefined) return texts.map((_, i) => logPosition(count + i + 1))
      if (attempt >= this.#retry.attempts) {
        throw new MillraceError(
          'StorageFailed',
          `appending to the log ${JSON.stringify(key)}: others appended ${attempt} times ahead of ` +
            'it: append more records at once, or spread them over more keys',
        )
      }
      count = other
      await pause(this.#retry, attempt)
    }
  }

  /** The record at a position of a key. */
  async get(key: string, position: string): Promise<LogRecord | undefined> {
    const what = `the record ${position} of the log ${JSON.stringify(key)}`
    const item = await this.#get({ pk: recordsPartition(key), sk: position }, what)
    return item === undefined ? undefined : recordOf(key, item)
  }

  /**
   * Records of a key after a position, without a gap. A query may find a part only of a transaction
   * that is being committed: then these are the records before the gap, unless none are, which it
   * waits for.
   */
  async read(key: string, after: number, limit: number): Promise<LogRecord[]> {
    for (let attempt = 1; ; attempt++) {
      const found = await this.#recordsAfter(key, after, limit)
      const gap = found.findIndex(({ position }, i) => parseLogPosition(position) !== after + i + 1)
      if (gap === -1) return found
      if (gap > 0) return found.slice(0, gap)
      if (attempt >= this.#retry.attempts) {
        throw new MillraceError(
          'StorageFailed',
          `the log ${JSON.stringify(key)} has no record ${after + 1}, but ${found.length} after it: ` +
            'it was removed by other means; restore the table from a backup',
        )
      }
      await pause(this.#retry, attempt)
    }
  }

  /** All keys that have records. */
  async keys(): Promise<string[]> {
    const query = {
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': { S: keysPartition } },
    }
    const items = await this.#query('the keys of the log', query)
    return items.map(({ sk }) => sk?.S ?? '')
  }

  async position(consumer: string, key: string): Promise<number> {
    const what = `the position of ${JSON.stringify(consumer)} in the log ${JSON.stringify(key)}`
    const item = await this.#get(positionOf(consumer, key), what)
    return item === undefined ? 0 : parseLogPosition(item['position']?.S ?? '')
  }

  /** Moves a position on, and never back. */
  async advance(consumer: string, key: string, position: string): Promise<void> {
    const command = new UpdateItemCommand({
      TableName: this.#tableName,
      Key: attributesOf(positionOf(consumer, key)),
      UpdateExpression: 'SET #position = :position',
      ConditionExpression: 'attribute_not_exists(#position) OR #position < :position',
      ExpressionAttributeNames: { '#position': 'position' },
      ExpressionAttributeValues: { ':position': { S: position } },
    })
    const what = `moving ${JSON.stringify(consumer)} on in the log ${JSON.stringify(key)}`
    await this.#sent(what, async () => {
      try {
        await this.#client.send(command)
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error
      }
    })
  }

  /** Answers how many records there are instead when they are not `count`. */
  async #appendAfter(
    count: number,
    key: string,
    texts: readonly string[],
  ): Promise<number | undefined> {
    const command = new TransactWriteItemsCommand({
      TransactItems: [
        this.#moveHead(key, count, count + texts.length),
        ...texts.map((text, i) => this.#putRecord(key, count + i + 1, text)),
        ...(count === 0 ? [this.#listKey(key)] : []),
      ],
      // Sent again after its answer was lost, the transaction takes effect once.
      ClientRequestToken: randomUUID(),
    })
    return this.#sent(`appending to the log ${JSON.stringify(key)}`, async () => {
      try {
        await this.#client.send(command)
        return undefined
      } catch (error) {
        const head = error instanceof TransactionCanceledException && error.CancellationReasons?.[0]
        if (!head || head.Code !== 'ConditionalCheckFailed') throw error
        return countIn(head.Item)
      }
    })
  }

  #moveHead(key: string, from: number, to: number): TransactWriteItem {
    return {
      Update: {
        TableName: this.#tableName,
        Key: attributesOf(headOf(key)),
        UpdateExpression: 'SET #count = :to',
        ConditionExpression: from === 0 ? 'attribute_not_exists(pk)' : '#count = :from',
        ExpressionAttributeNames: { '#count': 'count' },
        ExpressionAttributeValues: {
          ':to': { N: String(to) },
          ...(from > 0 && { ':from': { N: String(from) } }),
        },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    }
  }

  #putRecord(key: string, count: number, text: string): TransactWriteItem {
    const item = { pk: recordsPartition(key), sk: logPosition(count) }
    return {
      Put: {
        TableName: this.#tableName,
        Item: { ...attributesOf(item), record: { S: text } },
        // The head says so already, unless it was removed by other means: no record is lost then.
        ConditionExpression: 'attribute_not_exists(pk)',
      },
    }
  }

  #listKey(key: string): TransactWriteItem {
    const item = attributesOf({ pk: keysPartition, sk: key })
    return { Put: { TableName: this.#tableName, Item: item } }
  }

  async #recordsAfter(key: string, after: number, limit: number): Promise<LogRecord[]> {
    const query = {
      KeyConditionExpression: 'pk = :pk AND sk > :after',
      ExpressionAttributeValues: {
        ':pk': { S: recordsPartition(key) },
        ':after': { S: logPosition(after) },
      },
    }
    const items = await this.#query(`reading the log ${JSON.stringify(key)}`, query, limit)
    return items.map((item) => recordOf(key, item))
  }

  async #get(key: ItemKey, what: string): Promise<Record<string, AttributeValue> | undefined> {
    const command = new GetItemCommand({
      TableName: this.#tableName,
      Key: attributesOf(key),
      ConsistentRead: true,
    })
    return this.#sent(`reading ${what}`, async () => (await this.#client.send(command)).Item)
  }

  /** The first items of a query, or all, following DynamoDB's own pages of 1 MB. */
  async #query(
    what: string,
    query: Pick<QueryCommandInput, 'KeyConditionExpression' | 'ExpressionAttributeValues'>,
    limit = Number.POSITIVE_INFINITY,
  ): Promise<Record<string, AttributeValue>[]> {
    const items: Record<string, AttributeValue>[] = []
    let start: QueryCommandOutput['LastEvaluatedKey']
    do {
      const command = new QueryCommand({
        TableName: this.#tableName,
        ...query,
        ConsistentRead: true,
        ExclusiveStartKey: start,
        ...(Number.isFinite(limit) && { Limit: limit - items.length }),
      })
      const page: QueryCommandOutput = await this.#sent(what, () => this.#client.send(command))
      items.push(...(page.Items ?? []))
      start = page.LastEvaluatedKey
    } while (start !== undefined && items.length < limit)
    return items
  }

  async #sent<Answer>(what: string, send: () => Promise<Answer>): Promise<Answer> {
    try {
      return await retried(this.#retry, send)
    } catch (error) {
      throw tableError(what, error)
    }
  }
}

function recordOf(key: string, { sk, record }: Record<string, AttributeValue>): LogRecord {
  const position = sk?.S ?? ''
  try {
    parseLogPosition(position)
    return { key, position, record: JSON.parse(record?.S ?? '') as JsonObject }
  } catch (cause) {
    throw new MillraceError(
      'ItemInvalid',
      `the record ${JSON.stringify(position)} of the log ${JSON.stringify(key)} is none that the ` +
        'log wrote: it was changed by other means; restore the table from a backup',
      { cause },
    )
  }
}

function countIn(head: Record<string, AttributeValue> | undefined): number {
  return Number(head?.['count']?.N ?? 0)
}

function attributesOf({ pk, sk }: ItemKey) {
  return { pk: { S: pk }, sk: { S: sk } }
}
