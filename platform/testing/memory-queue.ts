import { randomUUID } from 'node:crypto'
import { messageText } from '../ports/json-text.ts'
import type { Json } from '../ports/json.ts'
import { checkSeconds, maxDelaySeconds, maxVisibilitySeconds } from '../ports/message.ts'
import type { Clock } from '../ports/observability.ts'
import { pageLimit } from '../ports/page.ts'
import type { Message, Queue } from '../ports/queue.ts'

interface StoredMessage {
  readonly messageId: string
  readonly text: string
  readonly sentAt: number
  dueAt: number
  receiveCount: number
  receipt: string
  isDead: boolean
}

/** The queue port in memory, for tests. */
export class MemoryQueue implements Queue {
  readonly #clock: Clock
  readonly #maxReceives: number
  readonly #messages = new Map<string, StoredMessage>()

  constructor(options: { clock: Clock; maxReceives?: number }) {
    this.#clock = options.clock
    this.#maxReceives = options.maxReceives ?? 5
  }

  async send(body: Json, options: { delaySeconds?: number } = {}): Promise<{ messageId: string }> {
    const text = messageText(body, 'the message')
    const delaySeconds = checkSeconds('delaySeconds', options.delaySeconds, 0, maxDelaySeconds)
    const messageId = randomUUID()
    const sentAt = this.#clock.now()
    this.#messages.set(messageId, {
      messageId,
      text,
      sentAt,
      dueAt: sentAt + delaySeconds * 1000,
      receiveCount: 0,
      receipt: '',
      isDead: false,
    })
    return { messageId }
  }

  async receive(options: { limit?: number; visibilitySeconds?: number } = {}): Promise<Message[]> {
    const limit = pageLimit(options.limit, 1, 10)
    const { visibilitySeconds } = options
    const seconds = checkSeconds('visibilitySeconds', visibilitySeconds, 30, maxVisibilitySeconds)
    this.#bury()
    const due = [...this.#messages.values()].filter((message) => this.#isDue(message))
    return due.slice(0, limit).map((message) => {
      message.receiveCount++
      message.receipt = randomUUID()
      message.dueAt = this.#clock.now() + seconds * 1000
      return messageOf(message)
    })
  }

  async acknowledge(message: Message): Promise<void> {
    if (this.#delivered(message) !== undefined) this.#messages.delete(message.messageId)
  }

  async release(message: Message): Promise<void> {
    const stored = this.#delivered(message)
    if (stored !== undefined && !stored.isDead) stored.dueAt = this.#clock.now()
  }

  async deadLetters(options: { limit?: number } = {}): Promise<Message[]> {
    const limit = pageLimit(options.limit, 100, 1000)
    this.#bury()
    const dead = [...this.#messages.values()].filter(({ isDead }) => isDead)
    return dead.slice(0, limit).map(messageOf)
  }

  async replay(messageId: string): Promise<boolean> {
    const stored = this.#messages.get(messageId)
    if (stored?.isDead !== true) return false
    Object.assign(stored, { isDead: false, receiveCount: 0, dueAt: this.#clock.now(), receipt: '' })
    return true
  }

  async drop(messageId: string): Promise<Message | undefined> {
    const stored = this.#messages.get(messageId)
    if (stored?.isDead !== true) return undefined
    this.#messages.delete(messageId)
    return messageOf(stored)
  }

  #isDue({ isDead, dueAt }: StoredMessage): boolean {
    return !isDead && dueAt <= this.#clock.now()
  }

  #delivered({ messageId, receipt }: Message): StoredMessage | undefined {
    const stored = this.#messages.get(messageId)
    return stored?.receipt === receipt ? stored : undefined
  }

  /** Moves messages that are due, but were received often enough, to the dead letters. */
  #bury(): void {
    for (const message of this.#messages.values()) {
      if (!this.#isDue(message) || message.receiveCount < this.#maxReceives) continue
      message.isDead = true
      message.receipt = randomUUID()
    }
  }
}

function messageOf({ messageId, receipt, text, receiveCount, sentAt }: StoredMessage): Message {
  return {
    messageId,
    receipt,
    body: JSON.parse(text) as Json,
    receiveCount,
    sentAt: new Date(sentAt).toISOString(),
  }
}
