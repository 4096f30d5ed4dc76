import {
  CreateEventBusCommand,
  DeleteEventBusCommand,
  DeleteRuleCommand,
  EventBridgeClient,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge'
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { randomUUID } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'
import type { EventEnvelope } from '../../../events/envelope.ts'
import { EventBridgeBus } from '../../../platform/aws/bus.ts'
import { busContract, type OpenBus } from '../../contracts/bus.ts'
import { rejection } from '../../contracts/expect-error.ts'
import { clientOptions } from './endpoint.ts'

const client = new EventBridgeClient(clientOptions)
const queues = new SQSClient(clientOptions)
afterAll(() => {
  client.destroy()
  queues.destroy()
})

busContract('eventbridge', async () => {
  const eventBus = await createBus()
  const rules: RuleQueue[] = []
  return {
    bus: new EventBridgeBus({ client, eventBus }),
    async addRule({ name, pattern, deliver }) {
      rules.push({ name, deliver, queueUrl: await addRule(eventBus, name, pattern) })
    },
    async delivered() {
      // Over when every queue has been empty for a while after the last delivery.
      while ((await Promise.all(rules.map(deliverFrom))).some((isAny) => isAny)) continue
    },
    async close() {
      for (const { name, queueUrl } of rules) await removeRule(eventBus, name, queueUrl)
      await client.send(new DeleteEventBusCommand({ Name: eventBus }))
    },
  }
})

describe('eventbridge bus', () => {
  it('tells of a source that only AWS may use', async () => {
    const eventBus = await createBus()
    try {
      const bus = new EventBridgeBus({ client, eventBus })
      const event = (source: string) => ({ source, detailType: 'Test', detail: {} })
      const error = await rejection(
        bus.publish([event('millrace'), event('aws.s3'), event('millrace')]),
        'AccessRefused',
      )
      expect(error.details).toEqual({ published: 2, failed: [1] })
      expect(error.message).toContain('publishing 3 events, of which 1 were not')
    } finally {
      await client.send(new DeleteEventBusCommand({ Name: eventBus }))
    }
  })
})

describe('differences of the emulator', () => {
  it('takes more than 256 KiB in a request; AWS refuses it', async () => {
    const eventBus = await createBus()
    const Entries = Array.from({ length: 2 }, () => ({
      EventBusName: eventBus,
      Source: 'millrace',
      DetailType: 'Test',
      Detail: JSON.stringify({ text: 'x'.repeat(200_000) }),
    }))
    const answer = await client.send(new PutEventsCommand({ Entries }))
    expect(answer.FailedEntryCount).toBe(0)
    await client.send(new DeleteEventBusCommand({ Name: eventBus }))
  })

  it('takes an entry without a detail type; AWS refuses it', async () => {
    const Entries = [{ Source: 'millrace.test', DetailType: '', Detail: '{}' }]
    const answer = await client.send(new PutEventsCommand({ Entries }))
    expect(answer.FailedEntryCount).toBe(0)
  })
})

interface RuleQueue {
  readonly name: string
  readonly queueUrl: string
  readonly deliver: (event: EventEnvelope) => Promise<void>
}

type Pattern = Parameters<OpenBus['addRule']>[0]['pattern']

async function createBus(): Promise<string> {
  const Name = `millrace-test-${randomUUID()}`
  await client.send(new CreateEventBusCommand({ Name }))
  return Name
}

/** A rule whose events go to a queue of its own; answers the URL of the queue. */
async function addRule(eventBus: string, name: string, pattern: Pattern): Promise<string> {
  const { QueueUrl } = await queues.send(
    new CreateQueueCommand({ QueueName: `millrace-test-${randomUUID()}` }),
  )
  const { Attributes } = await queues.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  )
  const queueArn = Attributes!['QueueArn']
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: queueArn,
      },
    ],
  })
  await queues.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }))
  const EventPattern = JSON.stringify(pattern)
  await client.send(new PutRuleCommand({ Name: name, EventBusName: eventBus, EventPattern }))
  await client.send(
    new PutTargetsCommand({
      Rule: name,
      EventBusName: eventBus,
      Targets: [{ Id: 'queue', Arn: queueArn }],
    }),
  )
  return QueueUrl!
}

/** Delivers what a rule's queue has, and answers whether there was anything. */
async function deliverFrom({ queueUrl, deliver }: RuleQueue): Promise<boolean> {
  let isAny = false
  for (;;) {
    const { Messages = [] } = await queues.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 1,
      }),
    )
    if (Messages.length === 0) return isAny
    isAny = true
    for (const { Body, ReceiptHandle } of Messages) {
      const receipt = { QueueUrl: queueUrl, ReceiptHandle }
      try {
        await deliver(JSON.parse(Body!) as EventEnvelope)
        await queues.send(new DeleteMessageCommand(receipt))
      } catch {
        await queues.send(new ChangeMessageVisibilityCommand({ ...receipt, VisibilityTimeout: 0 }))
      }
    }
  }
}

async function removeRule(eventBus: string, name: string, queueUrl: string): Promise<void> {
  await client.send(
    new RemoveTargetsCommand({ Rule: name, EventBusName: eventBus, Ids: ['queue'] }),
  )
  await client.send(new DeleteRuleCommand({ Name: name, EventBusName: eventBus }))
  await queues.send(new DeleteQueueCommand({ QueueUrl: queueUrl }))
}
