import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  type Message as SqsMessage,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import { messageText } from '../ports/json-text.ts'
import type { Json } from '../ports/json.ts'
import { checkSeconds, maxDelaySeconds, maxVisibilitySeconds } from '../ports/message.ts'
import { pageLimit } from '../ports/page.ts'
import type { Message, Queue } from '../ports/queue.ts'
import { asked } from './errors.ts'

export interface SqsQueueOptions {
  readonly client: SQSClient
  /** A standard queue that takes messages of 1 MiB, SQS's default, and moves to the dead letters. */
  readonly queueUrl: string
  /** The queue that the redrive policy of the first names. */
  readonly deadLetterQueueUrl: string
  /**
   * How long a receive waits for a message when none is there, 0 to 20. With 0 SQS asks only some of
   * its servers, and may find nothing although something is there.
   *
   * @default 1
   */
  readonly waitSeconds?: number
}

/**
 * The queue port on SQS. What SQS leaves open stays so:
 *
 * - `receive` may answer fewer messages than are due.
 * - A message moves to the dead letters when someone next receives from the queue, and stays there for
 *   the retention of the dead letter queue (at most 14 days).
 * - SQS cannot look at a message without receiving it. `deadLetters`, `replay` and `drop` receive what
 *   the dead letter queue has and let go of it again, so that the receive count of a dead letter grows
 *   with each look at it, and two looks at the same moment may each see a part: one that another look has
 *   is "not there". The receipt of a listing holds until the next one.
 * - `replay` sends the body again before it removes the dead letter: when it fails in between, the
 *   message is there twice. The copy has a `messageId` of its own.
 * - A body that is not JSON, since someone else sent it, comes as the text it is. Whoever receives it
 *   refuses it as any body that is not for them, and it ends as a dead letter.
 */
export class SqsQueue implements Queue {
  readonly #client: SQSClient
  readonly #queueUrl: string
  readonly #deadLetterQueueUrl: string
  readonly #waitSeconds: number

  constructor(options: SqsQueueOptions) {
    this.#client = options.client
    this.#queueUrl = options.queueUrl
    this.#deadLetterQueueUrl = options.deadLetterQueueUrl
    this.#waitSeconds = options.waitSeconds ?? 1
  }

  async send(body: Json, options: { delaySeconds?: number } = {}): Promise<{ messageId: string }> {
    const text = sqsText(messageText(body, 'the message'))
    const delaySeconds = checkSeconds('delaySeconds', options.delaySeconds, 0, maxDelaySeconds)
    return { messageId: await this.#send(text, delaySeconds) }
  }

  async receive(options: { limit?: number; visibilitySeconds?: number } = {}): Promise<Message[]> {
    const limit = pageLimit(options.limit, 1, 10)
    const { visibilitySeconds } = options
    const seconds = checkSeconds('visibilitySeconds', visibilitySeconds, 30, maxVisibilitySeconds)
    const messages = await this.#receive(this.#queueUrl, limit, seconds)
    return messages.map((message) => messageOf(message, 'live'))
  }

  async acknowledge({ receipt }: Message): Promise<void> {
    const delivery = deliveryOf(receipt)
    if (delivery === undefined) return
    await this.#remove(this.#urlOf(delivery.queue), delivery.handle)
  }

  async release({ receipt }: Message): Promise<void> {
    const delivery = deliveryOf(receipt)
    if (delivery?.queue !== 'live') return
    const command = new ChangeMessageVisibilityCommand({
      QueueUrl: this.#queueUrl,
      ReceiptHandle: delivery.handle,
      VisibilityTimeout: 0,
    })
    await asked('releasing a message', ignoringSpent(this.#client.send(command)))
  }

  async deadLetters(options: { limit?: number } = {}): Promise<Message[]> {
    const limit = pageLimit(options.limit, 100, 1000)
    const found: SqsMessage[] = []
    try {
      for await (const message of this.#lookThroughDead()) {
        if (found.push(message) === limit) break
      }
    } finally {
      await this.#letGo(found)
    }
    return found.map((message) => messageOf(message, 'dead'))
  }

  async replay(messageId: string): Promise<boolean> {
    const replayed = await this.#takeDead(messageId, (message) => this.#send(message.Body!, 0))
    return replayed !== undefined
  }

  async drop(messageId: string): Promise<Message | undefined> {
    const dropped = await this.#takeDead(messageId)
    return dropped && messageOf(dropped, 'dead')
  }

  /**
   * Removes a dead letter by the receipt of this very look, after something was done with it: an older
   * receipt may be taken by SQS, and do nothing.
   */
  async #takeDead(
    messageId: string,
    before?: (message: SqsMessage) => Promise<unknown>,
  ): Promise<SqsMessage | undefined> {
    const passed: SqsMessage[] = []
    try {
      for await (const message of this.#lookThroughDead()) {
        if (message.MessageId === messageId) {
          passed.push(message)
          await before?.(message)
          const isRemoved = await this.#remove(this.#deadLetterQueueUrl, message.ReceiptHandle!)
          passed.pop()
          return isRemoved || before !== undefined ? message : undefined
        }
        passed.push(message)
      }
      return undefined
    } finally {
      await this.#letGo(passed)
    }
  }

  /** The dead letters one by one, each hidden from the next receive while the look lasts. */
  async *#lookThroughDead(): AsyncGenerator<SqsMessage, void> {
    const seen = new Set<string>()
    for (;;) {
      const batch = await this.#receive(this.#deadLetterQueueUrl, 10, lookSeconds)
      const fresh = batch.filter(({ MessageId }) => !seen.has(MessageId!))
      for (const { MessageId } of fresh) seen.add(MessageId!)
      // The batch is out of sight from here on: who stops in its middle lets go of its rest too.
      let taken = 0
      try {
        for (const message of fresh) {
          taken++
          yield message
        }
      } finally {
        await this.#letGo(fresh.slice(taken))
      }
      if (fresh.length === 0) return
    }
  }

  /** Makes dead letters visible again, at best now: those that fail come back by themselves. */
  async #letGo(messages: readonly SqsMessage[]): Promise<void> {
    for (let i = 0; i < messages.length; i += 10) {
      const command = new ChangeMessageVisibilityBatchCommand({
        QueueUrl: this.#deadLetterQueueUrl,
        Entries: messages.slice(i, i + 10).map(({ ReceiptHandle }, j) => ({
          Id: String(j),
          ReceiptHandle: ReceiptHandle!,
          VisibilityTimeout: 0,
        })),
      })
      await this.#client.send(command).catch(() => undefined)
    }
  }

  async #send(text: string, delaySeconds: number): Promise<string> {
    const command = new SendMessageCommand({
      QueueUrl: this.#queueUrl,
      MessageBody: text,
      DelaySeconds: delaySeconds,
    })
    return (await asked('sending a message', this.#client.send(command))).MessageId!
  }

  async #receive(queueUrl: string, limit: number, seconds: number): Promise<SqsMessage[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: limit,
      VisibilityTimeout: seconds,
      WaitTimeSeconds: this.#waitSeconds,
      MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp'],
    })
    return (await asked('receiving messages', this.#client.send(command))).Messages ?? []
  }

  /** Answers whether the receipt was still good. */
  async #remove(queueUrl: string, handle: string): Promise<boolean> {
    const command = new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: handle })
    return asked('acknowledging a message', ignoringSpent(this.#client.send(command)))
  }

  #urlOf(queue: QueueName): string {
    return queue === 'dead' ? this.#deadLetterQueueUrl : this.#queueUrl
  }
}

/** How long a dead letter is out of sight at most when a look at it ends half-way. */
const lookSeconds = 60

type QueueName = 'live' | 'dead'

/** SQS refuses two characters that JSON allows as they are: they go as escapes. */
function sqsText(json: string): string {
  return json.replace(/[\ufffe\uffff]/g, (found) => `\\u${found.charCodeAt(0).toString(16)}`)
}

/** A receipt names the queue of the delivery before SQS's own handle. */
function messageOf(message: SqsMessage, queue: QueueName): Message {
  return {
    messageId: message.MessageId!,
    receipt: `${queue}:${message.ReceiptHandle!}`,
    body: bodyOf(message.Body!),
    receiveCount: Number(message.Attributes?.ApproximateReceiveCount),
    sentAt: new Date(Number(message.Attributes?.SentTimestamp)).toISOString(),
  }
}

function bodyOf(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}

/** Undefined when the receipt is not one of this queue's. */
function deliveryOf(receipt: string): { queue: QueueName; handle: string } | undefined {
  const [, queue, handle] = /^(live|dead):(.+)$/s.exec(receipt) ?? []
  return handle === undefined ? undefined : { queue: queue as QueueName, handle }
}

/** What SQS says of a receipt whose message is gone, was received again, or is visible. */
const spent: ReadonlySet<string> = new Set([
  'InvalidIdFormat',
  'InvalidParameterValue',
  'InvalidParameterValueException',
  'MessageNotInflight',
  'ReceiptHandleIsInvalid',
])

/** Answers whether the receipt was still good. */
async function ignoringSpent(call: Promise<unknown>): Promise<boolean> {
  try {
    await call
    return true
  } catch (error) {
    if (error instanceof Error && spent.has(error.name)) return false
    throw error
  }
}
