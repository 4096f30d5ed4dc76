import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import {
  DeleteRuleCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge'
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { randomUUID } from 'node:crypto'
import type { EventEnvelope } from '../../../events/envelope.ts'
import { compareSequencers, type ObjectCreatedEvent } from '../../../events/object-created.ts'
import { clientOptions } from './endpoint.ts'

export const s3 = new S3Client({ ...clientOptions, forcePathStyle: true })
const sqs = new SQSClient(clientOptions)
const eventBridge = new EventBridgeClient(clientOptions)

const run = randomUUID()
const bucketPrefix = `objects-${run.slice(0, 13)}`
const ruleName = `objects-${run}`
const fence = '.fence/'

let queue: Promise<string> | undefined
let buckets = 0
const received: ObjectCreatedEvent[] = []

/** A bucket as the platform has it: it keeps versions and tells EventBridge of what is written. */
export async function openBucket(): Promise<string> {
  await (queue ??= openQueue())
  const Bucket = `${bucketPrefix}-${++buckets}`
  await s3.send(new CreateBucketCommand({ Bucket }))
  const VersioningConfiguration = { Status: 'Enabled' } as const
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }))
  const NotificationConfiguration = { EventBridgeConfiguration: {} }
  await s3.send(
    new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }),
  )
  return Bucket
}

/**
 * The events of a bucket, ordered by their sequencers: all that were raised before an object which is
 * written now, whose own event is waited for.
 */
export async function eventsOf(bucket: string): Promise<EventEnvelope[]> {
  const Key = `${fence}${randomUUID()}`
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'x' }))
  while (!received.some((event) => event.detail.object.key === Key)) await receive()
  return received
    .filter(({ detail }) => detail.bucket.name === bucket)
    .filter(({ detail }) => !detail.object.key.startsWith(fence))
    .toSorted((a, b) => compareSequencers(a.detail.object.sequencer, b.detail.object.sequencer))
}

/** Removes a bucket with all its versions. */
export async function removeBucket(Bucket: string): Promise<void> {
  for (;;) {
    const { Versions = [], DeleteMarkers = [] } = await s3.send(
      new ListObjectVersionsCommand({ Bucket }),
    )
    const found = [...Versions, ...DeleteMarkers]
    if (found.length === 0) break
    // One by one: the request for many is XML, which cannot hold every key.
    for (const { Key, VersionId } of found) {
      await s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId }))
    }
  }
  await s3.send(new DeleteBucketCommand({ Bucket }))
}

/** Removes what the buckets of this file shared. */
export async function closeBuckets(): Promise<void> {
  if (queue !== undefined) {
    await eventBridge.send(new RemoveTargetsCommand({ Rule: ruleName, Ids: ['queue'] }))
    await eventBridge.send(new DeleteRuleCommand({ Name: ruleName }))
    await sqs.send(new DeleteQueueCommand({ QueueUrl: await queue }))
  }
  for (const client of [s3, sqs, eventBridge]) client.destroy()
}

async function openQueue(): Promise<string> {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: ruleName }))
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  )
  const Arn = Attributes!.QueueArn!
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: Arn,
      },
    ],
  })
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }))
  const EventPattern = JSON.stringify({
    source: ['aws.s3'],
    'detail-type': ['Object Created'],
    detail: { bucket: { name: [{ prefix: bucketPrefix }] } },
  })
  await eventBridge.send(new PutRuleCommand({ Name: ruleName, EventPattern }))
  await eventBridge.send(new PutTargetsCommand({ Rule: ruleName, Targets: [{ Id: 'queue', Arn }] }))
  return QueueUrl!
}

async function receive(): Promise<void> {
  const QueueUrl = await queue!
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 5 }),
  )
  for (const { Body, ReceiptHandle } of Messages) {
    const event = JSON.parse(Body!) as ObjectCreatedEvent
    if (!received.some(({ id }) => id === event.id)) received.push(event)
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
  }
}
