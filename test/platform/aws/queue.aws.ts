import {
  CreateQueueCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { SqsQueue } from '../../../platform/aws/queue.ts'
import { rejection } from '../../contracts/expect-error.ts'
import { queueContract } from '../../contracts/queue.ts'
import { clientOptions } from './endpoint.ts'

const client = new SQSClient(clientOptions)
afterAll(() => client.destroy())

queueContract('sqs', async () => {
  const { urls, close } = await createQueues()
  // The emulator has one server: it need not be waited for.
  const queue = new SqsQueue({ client, ...urls, waitSeconds: 0 })
  return {
    queue,
    // A little more than the seconds, by which the emulator counts.
    pass: (seconds) => delay(seconds * 1000 + 200),
    longWait: 1,
    hiddenFor: 15,
    receiverComes: async () => void (await queue.receive({ visibilitySeconds: 0 })),
    close,
  }
})

describe('sqs queue', () => {
  it('answers bodies that others sent, which end as dead letters like any other', async () => {
    const { queue, sendText } = await open()
    await sendText('no {JSON')
    await sendText('{"json": [1.0]}')
    for (let i = 1; i <= 3; i++) {
      const messages = [...(await queue.receive()), ...(await queue.receive())]
      expect(messages.map(({ body }) => body)).toEqual(['no {JSON', { json: [1] }])
      expect(messages.map(({ receiveCount }) => receiveCount)).toEqual([i, i])
      for (const message of messages) await queue.release(message)
    }
    expect(await queue.receive()).toEqual([])
    const dead = await queue.deadLetters()
    expect(dead.map(({ body }) => body)).toEqual(['no {JSON', { json: [1] }])
    expect(await queue.replay(dead[0]!.messageId)).toBe(true)
    const [again] = await queue.receive()
    expect(again).toMatchObject({ body: 'no {JSON', receiveCount: 1 })
    await queue.acknowledge(again!)
    expect(await queue.receive()).toEqual([])
  })

  it('waits for a message that comes while it asks', async () => {
    const { queue, urls } = await open()
    const patient = new SqsQueue({ client, ...urls, waitSeconds: 20 })
    const received = patient.receive()
    await queue.send('x')
    expect(await received).toMatchObject([{ body: 'x' }])
  })

  it('shows each dead letter to at least one of two who look at the same time', async () => {
    const { queue } = await open()
    for (let i = 0; i < 12; i++) await queue.send(i)
    for (let i = 0; i < 3; i++) {
      const received = [
        ...(await queue.receive({ limit: 10 })),
        ...(await queue.receive({ limit: 10 })),
      ]
      for (const message of received) await queue.release(message)
    }
    expect(await queue.receive()).toEqual([])
    const looks = await Promise.all([queue.deadLetters(), queue.deadLetters()])
    const seen = new Set(looks.flat().map(({ messageId }) => messageId))
    const all = await queue.deadLetters()
    expect(all).toHaveLength(12)
    expect(all.filter(({ messageId }) => !seen.has(messageId))).toEqual([])
  })

  it('says what failed when its queue is gone', async () => {
    const { urls, close } = await createQueues()
    await close()
    const queue = new SqsQueue({ client, ...urls, waitSeconds: 0 })
    const error = await rejection(queue.send('x'), 'StorageFailed')
    expect(error.message).toContain('sending a message: QueueDoesNotExist')
    expect(error.cause).toBeInstanceOf(Error)
    await rejection(queue.receive(), 'StorageFailed')
    await rejection(queue.deadLetters(), 'StorageFailed')
    await rejection(queue.replay('x'), 'StorageFailed')
  })
})

describe('differences of the emulator', () => {
  it('refuses to delete by a receipt that was used; AWS takes it', async () => {
    const { queue, urls } = await open()
    await queue.send('x')
    const [message] = await queue.receive()
    const command = new DeleteMessageCommand({
      QueueUrl: urls.queueUrl,
      ReceiptHandle: message!.receipt.replace(/^live:/, ''),
    })
    await client.send(command)
    await expect(client.send(command)).rejects.toMatchObject({ name: 'ReceiptHandleIsInvalid' })
  })

  it('answers every message that is due to a short poll; AWS asks some of its servers', async () => {
    const { queue } = await open()
    for (let i = 0; i < 10; i++) await queue.send(i)
    expect(await queue.receive({ limit: 10 })).toHaveLength(10)
  })
})

async function open() {
  const { urls, close } = await createQueues()
  onTestFinished(close)
  const sendText = (text: string) =>
    client.send(new SendMessageCommand({ QueueUrl: urls.queueUrl, MessageBody: text }))
  return { queue: new SqsQueue({ client, ...urls, waitSeconds: 0 }), urls, sendText }
}

/** A queue whose messages are dead letters after three receives. */
async function createQueues() {
  const name = `millrace-test-${randomUUID()}`
  const create = async (QueueName: string, Attributes: Record<string, string>) =>
    (await client.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl!
  const deadLetterQueueUrl = await create(`${name}-dead`, {})
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: deadLetterQueueUrl, AttributeNames: ['QueueArn'] }),
  )
  const deadLetterTargetArn = Attributes!['QueueArn']
  const queueUrl = await create(name, {
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 3 }),
  })
  const close = async () => {
    for (const QueueUrl of [queueUrl, deadLetterQueueUrl]) {
      await client.send(new DeleteQueueCommand({ QueueUrl }))
    }
  }
  return { urls: { queueUrl, deadLetterQueueUrl }, close }
}
