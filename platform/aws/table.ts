import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import {
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type QueryCommandOutput,
  TransactWriteItemsCommand,
  type TransactWriteItem,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { MillraceError } from '../ports/errors.ts'
import { validateBound, validateItemKey, validatePartitionKey } from '../ports/item.ts'
import type { Json } from '../ports/json.ts'
import { decodeCursor, encodeCursor, pageLimit } from '../ports/page.ts'
import type { Change, Condition, Item, QueryOptions, Table, Write } from '../ports/table.ts'
import {
  type CheckedWrite,
  checkTransaction,
  checkWrite,
  conditionFailed,
} from '../ports/writes.ts'
import { fromAttributes, toAttributes } from './item-attributes.ts'
import { failedConditions, tableError } from './table-errors.ts'
import { conditionField, Placeholders, updateExpression } from './table-expressions.ts'
import { isSought, keyCondition, keysBeside, type Sought } from './table-query.ts'
import { defaultRetry, retried, type Retry } from './table-retry.ts'

export interface DynamoTableOptions {
  readonly client: DynamoDBClient
  /** A table with the partition key `pk` and the sort key `sk`, both text. */
  readonly tableName: string
  /** How often a request is sent that met a conflict of transactions or a throttle. */
  readonly retry?: Partial<Retry>
}

/**
 * The table port on DynamoDB. What meets conflicting transactions or throttles is sent again, with
 * growing pauses, until StorageFailed. Transactions carry a token, so that one whose answer was lost
 * takes effect once; see `#sent` for the other conditional writes.
 */
export class DynamoTable implements Table {
  readonly #client: DynamoDBClient
  readonly #tableName: string
  readonly #retry: Retry

  constructor(options: DynamoTableOptions) {
    this.#client = options.client
    this.#tableName = options.tableName
    this.#retry = { ...defaultRetry, ...options.retry }
  }

  async get(pk: string, sk: string): Promise<Item | undefined> {
    validateItemKey(pk, sk)
    const command = new GetItemCommand({
      TableName: this.#tableName,
      Key: keyOf(pk, sk),
      ConsistentRead: true,
    })
    const send = () => this.#client.send(command)
    const { Item: attributes } = await this.#asked(`reading the item ${named(pk, sk)}`, send)
    return attributes && fromAttributes(attributes)
  }

  async put(item: Item, options: { if?: Condition } = {}): Promise<void> {
    const write = checkWrite({ put: item, ...options })
    const command = new PutItemCommand(this.#putFields(item, options.if))
    await this.#sent(
      write,
      async () => {
        await this.#client.send(command)
        return undefined
      },
      (stored) => isDeepStrictEqual(stored, jsonOf(item)),
    )
  }

  async update(
    pk: string,
    sk: string,
    change: Change,
    options: { if?: Condition } = {},
  ): Promise<Item> {
    const write = checkWrite({ update: { ...change, pk, sk }, ...options })
    const command = new UpdateItemCommand({
      ...this.#updateFields(pk, sk, change, options.if),
      ReturnValues: 'ALL_NEW',
    })
    const updated = await this.#sent(
      write,
      async () => fromAttributes((await this.#client.send(command)).Attributes ?? {}),
      (stored) => wasChanged(stored, change),
    )
    return updated!
  }

  async delete(pk: string, sk: string, options: { if?: Condition } = {}): Promise<void> {
    const write = checkWrite({ delete: { pk, sk }, ...options })
    const command = new DeleteItemCommand(this.#keyFields(pk, sk, options.if))
    await this.#sent(
      write,
      async () => {
        await this.#client.send(command)
        return undefined
      },
      (stored) => stored === undefined,
    )
  }

  async transact(writes: readonly Write[]): Promise<void> {
    const checked = checkTransaction(writes)
    if (checked.length === 0) return
    const command = new TransactWriteItemsCommand({
      TransactItems: writes.map((write) => this.#transactItem(write)),
      ClientRequestToken: randomUUID(),
    })
    try {
      await retried(this.#retry, () => this.#client.send(command))
    } catch (error) {
      const failed = failedConditions(error)
      if (failed.length > 0) throw conditionFailed(checked, failed, error)
      throw tableError(`a transaction of ${checked.length} writes`, error)
    }
  }

  async query(pk: string, options: QueryOptions = {}): Promise<{ items: Item[]; cursor?: string }> {
    validatePartitionKey(pk)
    validateBound('prefix', options.prefix)
    validateBound('after', options.after)
    const { prefix = '', after = '', cursor, descending = false } = options
    const limit = pageLimit(options.limit, 100, 1000)
    const scope = [pk, prefix, after, descending]
    const position = cursor === undefined ? undefined : decodeCursor(scope, cursor)
    const found = await this.#find(pk, { prefix, after, position, descending }, limit + 1)
    const items = found.slice(0, limit)
    const last = found.length > limit ? items.at(-1) : undefined
    return last === undefined ? { items } : { items, cursor: encodeCursor(scope, last.sk) }
  }

  /** The first items that are sought, following DynamoDB's own pages of 1 MB. */
  async #find(pk: string, sought: Sought, count: number): Promise<Item[]> {
    const placeholders = new Placeholders()
    const condition = keyCondition(pk, sought, placeholders)
    const found: Item[] = []
    if (condition === undefined) return found
    let start: QueryCommandOutput['LastEvaluatedKey']
    do {
      const command = new QueryCommand({
        TableName: this.#tableName,
        KeyConditionExpression: condition,
        ...placeholders.fields,
        ConsistentRead: true,
        ScanIndexForward: !sought.descending,
        Limit: count - found.length + keysBeside,
        ExclusiveStartKey: start,
      })
      const page: QueryCommandOutput = await this.#asked(
        `a query of the partition ${JSON.stringify(pk)}`,
        () => this.#client.send(command),
      )
      const items = (page.Items ?? []).filter(({ sk }) => isSought(sk?.S ?? '', sought))
      found.push(...items.map(fromAttributes))
      start = page.LastEvaluatedKey
    } while (start !== undefined && found.length < count)
    return found.slice(0, count)
  }

  /**
   * Sends a write of one item. The SDK sends it again when its answer is lost, and then the first
   * attempt may be what makes the second one's condition fail. So when a condition fails on another
   * than the first attempt, `isDone` says of the item that is there whether the write was done, which
   * is 'unknown' for an addition. Answers the item then, and what `send` answers otherwise.
   */
  async #sent(
    write: CheckedWrite,
    send: () => Promise<Item | undefined>,
    isDone: (stored: Item | undefined) => boolean | 'unknown',
  ): Promise<Item | undefined> {
    const what = `writing the item ${named(write.pk, write.sk)}`
    try {
      return await retried(this.#retry, send)
    } catch (error) {
      if (failedConditions(error).length === 0) throw tableError(what, error)
      const failed = conditionFailed([write], [0], error)
      if (!wasSentAgain(error)) throw failed
      const stored = await this.get(write.pk, write.sk)
      const done = isDone(stored)
      if (done === false) throw failed
      if (done === true) return stored
      throw new MillraceError(
        'StorageFailed',
        `${what}: its answer was lost, and whether it added is unknown: read it again and decide anew`,
        { cause: error },
      )
    }
  }

  async #asked<Answer>(what: string, send: () => Promise<Answer>): Promise<Answer> {
    try {
      return await retried(this.#retry, send)
    } catch (error) {
      throw tableError(what, error)
    }
  }

  #transactItem(write: Write): TransactWriteItem {
    if ('put' in write) return { Put: this.#putFields(write.put, write.if) }
    if ('update' in write) {
      const { pk, sk, ...change } = write.update
      return { Update: this.#updateFields(pk, sk, change, write.if) }
    }
    if ('delete' in write) {
      return { Delete: this.#keyFields(write.delete.pk, write.delete.sk, write.if) }
    }
    const fields = this.#keyFields(write.check.pk, write.check.sk, write.if)
    return { ConditionCheck: { ...fields, ConditionExpression: fields.ConditionExpression } }
  }

  #putFields(item: Item, condition: Condition | undefined) {
    const placeholders = new Placeholders()
    return {
      TableName: this.#tableName,
      Item: toAttributes(item),
      ...conditionField(condition, placeholders),
      ...placeholders.fields,
    }
  }

  #updateFields(pk: string, sk: string, change: Change, condition: Condition | undefined) {
    const placeholders = new Placeholders()
    return {
      TableName: this.#tableName,
      Key: keyOf(pk, sk),
      UpdateExpression: updateExpression(change, placeholders),
      ...conditionField(condition, placeholders),
      ...placeholders.fields,
    }
  }

  #keyFields(pk: string, sk: string, condition: Condition | undefined) {
    const placeholders = new Placeholders()
    return {
      TableName: this.#tableName,
      Key: keyOf(pk, sk),
      ...conditionField(condition, placeholders),
      ...placeholders.fields,
    }
  }
}

/** Whether the item is as a change leaves it; what an addition did cannot be told from it. */
function wasChanged(stored: Item | undefined, change: Change): boolean | 'unknown' {
  if (stored === undefined) return false
  const isSet = Object.entries(change.set ?? {}).every(([name, value]) =>
    isDeepStrictEqual(valueIn(stored, name), value === undefined ? undefined : jsonOf(value)),
  )
  const isRemoved = (change.remove ?? []).every((name) => valueIn(stored, name) === undefined)
  if (!isSet || !isRemoved) return false
  return Object.keys(change.add ?? {}).length === 0 ? true : 'unknown'
}

function valueIn(item: Item, name: string): Json | undefined {
  return Object.hasOwn(item, name) ? item[name] : undefined
}

/** As it is read again: without what is undefined, and -0 as 0. */
function jsonOf(value: Json | Item): unknown {
  return JSON.parse(JSON.stringify(value))
}

function wasSentAgain(error: unknown): boolean {
  const { $metadata } = error as { $metadata?: { attempts?: number } }
  return ($metadata?.attempts ?? 1) > 1
}

function keyOf(pk: string, sk: string) {
  return { pk: { S: pk }, sk: { S: sk } }
}

function named(pk: string, sk: string): string {
  return `${JSON.stringify(pk)}, ${JSON.stringify(sk)}`
}
