import { SQSClient } from '@aws-sdk/client-sqs'
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { SqsQueue } from '../../../platform/aws/queue.ts'
import type { Message } from '../../../platform/ports/queue.ts'
import { rejection } from '../../contracts/expect-error.ts'
import { type Answer, LostAnswer, ServiceFault, stubbed } from './stub-service.ts'

const queueUrl = 'http://service.invalid/1/live'
const deadLetterQueueUrl = 'http://service.invalid/1/dead'

const message: Message = {
  messageId: 'm',
  receipt: 'live:handle',
  body: null,
  receiveCount: 1,
  sentAt: '',
}

function open(answer: Answer) {
  const { options, requests } = stubbed(answer)
  const client = new SQSClient(options)
  const queue = new SqsQueue({ client, queueUrl, deadLetterQueueUrl, waitSeconds: 0 })
  return { queue, requests, operations: () => requests.map(({ operation }) => operation) }
}

const md5 = (text: string) => createHash('md5').update(text).digest('hex')

const received = (id: string, body = '1') => ({
  MessageId: id,
  ReceiptHandle: `handle-${id}`,
  Body: body,
  MD5OfBody: md5(body),
  Attributes: { ApproximateReceiveCount: '4', SentTimestamp: '1700000000123' },
})

/** Dead letters as SQS gives them out: those received are hidden from the next receive. */
function deadLettersOf(...ids: string[]): Answer {
  const hidden = new Set<string>()
  return (operation, input) => {
    if (operation === 'SendMessage') {
      return { MessageId: 'new', MD5OfMessageBody: md5(String(input['MessageBody'])) }
    }
    if (operation !== 'ReceiveMessage') return {}
    const visible = ids.filter((id) => !hidden.has(id)).slice(0, 10)
    for (const id of visible) hidden.add(id)
    return { Messages: visible.map((id) => received(id, `"body of ${id}"`)) }
  }
}

describe('SqsQueue', () => {
  it('reads what SQS says of a message', async () => {
    const { queue, requests } = open(() => ({ Messages: [received('a', '{"n":1}')] }))
    expect(await queue.receive({ limit: 3, visibilitySeconds: 7 })).toEqual([
      {
        messageId: 'a',
        receipt: 'live:handle-a',
        body: { n: 1 },
        receiveCount: 4,
        sentAt: '2023-11-14T22:13:20.123Z',
      },
    ])
    expect(requests[0]!.input).toMatchObject({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: 3,
      VisibilityTimeout: 7,
      WaitTimeSeconds: 0,
    })
  })

  it('escapes the characters of JSON that SQS refuses', async () => {
    const { queue, requests } = open(deadLettersOf())
    await queue.send({ '\uffff': '\ufffe\ufffd\u0001' })
    expect(requests[0]!.input['MessageBody']).toBe('{"\\uffff":"\\ufffe\ufffd\\u0001"}')
  })

  it('sends again when the answer was lost', async () => {
    let sends = 0
    const { queue, operations } = open((operation, input) => {
      sends++
      if (sends === 1) throw new LostAnswer('the connection broke')
      return deadLettersOf()(operation, input)
    })
    expect(await queue.send('x')).toEqual({ messageId: 'new' })
    expect(operations()).toEqual(['SendMessage', 'SendMessage'])
  })

  it.each(['ReceiptHandleIsInvalid', 'InvalidParameterValue', 'MessageNotInflight'])(
    'takes %s for a message that is dealt with',
    async (code) => {
      const { queue, operations } = open(() => {
        throw new ServiceFault(code)
      })
      await queue.acknowledge(message)
      await queue.release(message)
      expect(operations()).toEqual(['DeleteMessage', 'ChangeMessageVisibility'])
    },
  )

  it('tells of an acknowledgement that failed', async () => {
    const { queue } = open(() => {
      throw new ServiceFault('AccessDenied', 403)
    })
    const error = await rejection(queue.acknowledge(message), 'AccessRefused')
    expect(error.message).toContain('acknowledging a message: AccessDenied')
    await rejection(queue.release(message), 'AccessRefused')
  })

  it('acknowledges in the queue that a message came from', async () => {
    const { queue, requests } = open(deadLettersOf('a'))
    const [dead] = await queue.deadLetters()
    await queue.acknowledge(dead!)
    await queue.acknowledge(message)
    const deletes = requests.filter(({ operation }) => operation === 'DeleteMessage')
    expect(deletes.map(({ input }) => input)).toEqual([
      { QueueUrl: deadLetterQueueUrl, ReceiptHandle: 'handle-a' },
      { QueueUrl: queueUrl, ReceiptHandle: 'handle' },
    ])
  })

  it('lets go of every dead letter that it looked at', async () => {
    const ids = Array.from({ length: 23 }, (_, i) => `m${i}`)
    const { queue, requests } = open(deadLettersOf(...ids))
    expect(await queue.deadLetters({ limit: 15 })).toHaveLength(15)
    const released = requests
      .filter(({ operation }) => operation === 'ChangeMessageVisibilityBatch')
      .flatMap(({ input }) => input['Entries'] as { ReceiptHandle: string }[])
      .map(({ ReceiptHandle }) => ReceiptHandle)
    expect(released.toSorted()).toEqual(
      ids
        .slice(0, 20)
        .map((id) => `handle-${id}`)
        .toSorted(),
    )
  })

  it('ends a look at dead letters that come again at once', async () => {
    const { queue, operations } = open((operation) =>
      operation === 'ReceiveMessage' ? { Messages: [received('a'), received('b')] } : {},
    )
    expect((await queue.deadLetters()).map(({ messageId }) => messageId)).toEqual(['a', 'b'])
    expect(operations().filter((one) => one === 'ReceiveMessage')).toHaveLength(2)
  })

  it('sends a dead letter again before it removes it', async () => {
    const { queue, requests, operations } = open(deadLettersOf('a', 'b', 'c'))
    expect(await queue.replay('b')).toBe(true)
    expect(operations().slice(0, 3)).toEqual(['ReceiveMessage', 'SendMessage', 'DeleteMessage'])
    expect(requests[1]!.input).toMatchObject({ QueueUrl: queueUrl, MessageBody: '"body of b"' })
    expect(requests[2]!.input).toEqual({
      QueueUrl: deadLetterQueueUrl,
      ReceiptHandle: 'handle-b',
    })
  })

  it('drops a dead letter by the receipt of the same look, and lets go of the others', async () => {
    const { queue, requests, operations } = open(deadLettersOf('a', 'b', 'c'))
    expect(await queue.drop('b')).toMatchObject({ messageId: 'b', body: 'body of b' })
    expect(operations().slice(0, 2)).toEqual(['ReceiveMessage', 'DeleteMessage'])
    expect(requests[1]!.input).toEqual({
      QueueUrl: deadLetterQueueUrl,
      ReceiptHandle: 'handle-b',
    })
    const released = requests
      .filter(({ operation }) => operation === 'ChangeMessageVisibilityBatch')
      .flatMap(({ input }) => input['Entries'] as { ReceiptHandle: string }[])
    expect(released.map(({ ReceiptHandle }) => ReceiptHandle).toSorted()).toEqual([
      'handle-a',
      'handle-c',
    ])
  })

  it('does not say that it dropped what someone else received meanwhile', async () => {
    const dead = deadLettersOf('a')
    const { queue } = open((operation, input) => {
      if (operation === 'DeleteMessage') throw new ServiceFault('ReceiptHandleIsInvalid', 400)
      return dead(operation, input)
    })
    expect(await queue.drop('a')).toBeUndefined()
  })

  it('removes no dead letter that it could not send', async () => {
    const dead = deadLettersOf('a')
    const { queue, operations } = open((operation, input) => {
      if (operation === 'SendMessage') throw new ServiceFault('AccessDenied', 403)
      return dead(operation, input)
    })
    await rejection(queue.replay('a'), 'AccessRefused')
    expect(operations()).toEqual(['ReceiveMessage', 'SendMessage', 'ChangeMessageVisibilityBatch'])
  })

  it('keeps a dead letter twice rather than never when its removal fails', async () => {
    const dead = deadLettersOf('a')
    const { queue, operations } = open((operation, input) => {
      if (operation === 'DeleteMessage') throw new ServiceFault('AccessDenied', 403)
      return dead(operation, input)
    })
    await rejection(queue.replay('a'), 'AccessRefused')
    expect(operations()).toContain('SendMessage')
    expect(operations().at(-1)).toBe('ChangeMessageVisibilityBatch')
  })
})
