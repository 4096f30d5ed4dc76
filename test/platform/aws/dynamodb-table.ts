import { randomUUID } from 'node:crypto'
import {
  type AttributeValue,
  BatchWriteItemCommand,
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  paginateScan,
  waitUntilTableExists,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb'
import { clientOptions } from './endpoint.ts'

export interface TestTable {
  readonly client: DynamoDBClient
  readonly tableName: string
  /** Deletes all items. */
  clear(): Promise<void>
  drop(): Promise<void>
}

/** A table under a random name, as the platform makes it. */
export async function createTestTable(): Promise<TestTable> {
  const client = new DynamoDBClient(clientOptions)
  const tableName = `millrace-test-${randomUUID()}`
  await client.send(
    new CreateTableCommand({
      TableName: tableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'sk', AttributeType: 'S' },
      ],
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
    }),
  )
  await waitUntilTableExists({ client, maxWaitTime: 60, minDelay: 1 }, { TableName: tableName })
  return {
    client,
    tableName,
    clear: () => clear(client, tableName),
    drop: async () => {
      await client.send(new DeleteTableCommand({ TableName: tableName }))
      client.destroy()
    },
  }
}

async function clear(client: DynamoDBClient, tableName: string): Promise<void> {
  const keys: Record<string, AttributeValue>[] = []
  const scan = { TableName: tableName, ProjectionExpression: 'pk, sk', ConsistentRead: true }
  for await (const { Items = [] } of paginateScan({ client }, scan)) keys.push(...Items)
  let left: WriteRequest[] = keys.map((Key) => ({ DeleteRequest: { Key } }))
  while (left.length > 0) {
    const batch = left.slice(0, 25)
    const command = new BatchWriteItemCommand({ RequestItems: { [tableName]: batch } })
    const { UnprocessedItems } = await client.send(command)
    left = [...left.slice(25), ...(UnprocessedItems?.[tableName] ?? [])]
  }
}
