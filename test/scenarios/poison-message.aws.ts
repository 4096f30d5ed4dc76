import { randomUUID } from 'node:crypto'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import {
  GetQueueAttributesCommand,
  SendMessageBatchCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { SqsQueue } from '../../platform/aws/queue.ts'
import { DynamoTable } from '../../platform/aws/table.ts'
import { executionEndedEvent, memoryPorts, uploadEvent } from '../../platform/testing/index.ts'
import { createLedger } from '../../tasks/ledger.ts'
import { deployed, type Deployed } from '../aws/deployed.ts'
import { clientOptions } from '../platform/aws/endpoint.ts'

const sqs = new SQSClient(clientOptions)
let platform: Deployed
let visibility: string

beforeAll(async () => {
  platform = await deployed()
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl(), AttributeNames: ['VisibilityTimeout'] }),
  )
  visibility = Attributes!['VisibilityTimeout']!
  // The five deliveries of a message that fails would take a quarter of an hour.
  await setVisibility('2')
})
afterAll(() => setVisibility(visibility))

const queueUrl = () => platform.outputs['QueueUrl']!
const setVisibility = (VisibilityTimeout: string) =>
  sqs.send(
    new SetQueueAttributesCommand({ QueueUrl: queueUrl(), Attributes: { VisibilityTimeout } }),
  )

it('a poison message in a batch of five loses none of the others, and ends with the dead letters', async () => {
  const { outputs } = platform
  const bucket = outputs['BucketName']!
  const table = new DynamoTable({
    client: new DynamoDBClient(clientOptions),
    tableName: outputs['TableName']!,
  })
  const ledger = createLedger(table, memoryPorts().executions, 'training')
  const user = `poison-${randomUUID().slice(0, 8)}`
  const deliveries = [0, 1, 2, 3].map((i) => ({
    bucket,
    key: `uploads/${user}/d${i}.npy`,
    versionId: 'v1',
    execution: `${user}-${i}`,
  }))
  for (const { execution, ...delivery } of deliveries) await ledger.refuse(delivery, execution)
  const poison = `{"poison": "${user}"`
  const bodies = deliveries.map(({ key, execution }) =>
    JSON.stringify(
      executionEndedEvent('training', execution, 'FAILED', { input: uploadEvent(key, { bucket }) }),
    ),
  )
  bodies.splice(2, 0, poison)
  await sqs.send(
    new SendMessageBatchCommand({
      QueueUrl: queueUrl(),
      Entries: bodies.map((MessageBody, i) => ({ Id: `message-${i}`, MessageBody })),
    }),
  )

  const statuses = () =>
    Promise.all(deliveries.map(async (delivery) => (await ledger.delivery(delivery))?.status))
  await expect
    .poll(statuses, { timeout: 120_000, interval: 500 })
    .toEqual(deliveries.map(() => 'FAILED'))

  const queue = new SqsQueue({
    client: sqs,
    queueUrl: queueUrl(),
    deadLetterQueueUrl: outputs['DeadLetterQueueUrl']!,
  })
  const dead = async () =>
    (await queue.deadLetters()).filter(({ body }) => JSON.stringify(body).includes(user))
  await expect.poll(dead, { timeout: 240_000, interval: 1000 }).toMatchObject([{ body: poison }])
  await queue.acknowledge((await dead())[0]!)
  expect(await dead()).toEqual([])
})
