import { randomUUID } from 'node:crypto'
import { checkSeconds, maxDelaySeconds, maxVisibilitySeconds } from '../ports/message.ts'
import { messageText } from '../ports/json-text.ts'
import type { Json } from '../ports/json.ts'
import type { Clock } from '../ports/observability.ts'
import { pageLimit } from '../ports/page.ts'
import type { Message, Queue } from '../ports/queue.ts'
import type { LocalDatabase } from './database.ts'

export interface LocalQueueOptions {
  readonly clock: Clock
  /** @default 'default' */
  readonly name?: string
  /** Deliveries of a message before it is a dead letter. @default 5 */
  readonly maxReceives?: number
}

/** The queue port on SQLite. Queues of different names share one database. */
export class LocalQueue implements Queue {
  readonly #database: LocalDatabase
  readonly #clock: Clock
  readonly #name: string
  readonly #maxReceives: number
  readonly #statements

  constructor(database: LocalDatabase, options: LocalQueueOptions) {
    this.#database = database
    this.#clock = options.clock
    this.#name = options.name ?? 'default'
    this.#maxReceives = options.maxReceives ?? 5
    this.#statements = prepareStatements(database)
  }

  async send(body: Json, options: { delaySeconds?: number } = {}): Promise<{ messageId: string }> {
    const text = messageText(body, 'the message')
    const delaySeconds = checkSeconds('delaySeconds', options.delaySeconds, 0, maxDelaySeconds)
    const messageId = randomUUID()
    const now = this.#clock.now()
    this.#database.transaction(() =>
      this.#statements.insert.run(messageId, this.#name, text, now, now + delaySeconds * 1000),
    )
    await this.#database.durable()
    return { messageId }
  }

  async receive(options: { limit?: number; visibilitySeconds?: number } = {}): Promise<Message[]> {
    const limit = pageLimit(options.limit, 1, 10)
    const { visibilitySeconds } = options
    const seconds = checkSeconds('visibilitySeconds', visibilitySeconds, 30, maxVisibilitySeconds)
    const now = this.#clock.now()
    const isAnyDue = this.#database.read(
      () => this.#statements.due.get(this.#name, now, 1) !== undefined,
    )
    if (!isAnyDue) return []
    const messages = this.#database.transaction(() => {
      this.#bury(now)
      return this.#statements.due.all(this.#name, now, limit).map((row): Message => {
        const receipt = randomUUID()
        this.#statements.hide.run(receipt, now + seconds * 1000, row['message_id']!)
        const message = messageOf(row)
        return { ...message, receipt, receiveCount: message.receiveCount + 1 }
      })
    })
    // A count that is lost with the power would only let the message come once more.
    return messages
  }

  async acknowledge(message: Message): Promise<void> {
    this.#database.transaction(() =>
      this.#statements.remove.run(message.messageId, this.#name, message.receipt),
    )
    await this.#database.durable()
  }

  async release(message: Message): Promise<void> {
    const now = this.#clock.now()
    this.#database.transaction(() =>
      this.#statements.release.run(now, message.messageId, this.#name, message.receipt),
    )
    await this.#database.durable()
  }

  async deadLetters(options: { limit?: number } = {}): Promise<Message[]> {
    const limit = pageLimit(options.limit, 100, 1000)
    return this.#database.transaction(() => {
      this.#bury(this.#clock.now())
      return this.#statements.dead.all(this.#name, limit).map(messageOf)
    })
  }

  async replay(messageId: string): Promise<boolean> {
    const { changes } = this.#database.transaction(() =>
      this.#statements.replay.run(this.#clock.now(), messageId, this.#name),
    )
    await this.#database.durable()
    return Number(changes) > 0
  }

  async drop(messageId: string): Promise<Message | undefined> {
    const dropped = this.#database.transaction(() =>
      this.#statements.drop.get(messageId, this.#name),
    )
    await this.#database.durable()
    return dropped === undefined ? undefined : messageOf(dropped)
  }

  /** Moves messages that are due, but were received often enough, to the dead letters. */
  #bury(now: number): void {
    this.#statements.bury.run(randomUUID(), this.#name, now, this.#maxReceives)
  }
}

function prepareStatements({ connection }: LocalDatabase) {
  connection.exec(
    `CREATE TABLE IF NOT EXISTS messages
       (sequence INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL UNIQUE,
        queue TEXT NOT NULL, body TEXT NOT NULL, sent_at INTEGER NOT NULL,
        due_at INTEGER NOT NULL, receive_count INTEGER NOT NULL DEFAULT 0,
        receipt TEXT NOT NULL DEFAULT '', dead INTEGER NOT NULL DEFAULT 0);
     CREATE INDEX IF NOT EXISTS messages_due ON messages (queue, dead, due_at)`,
  )
  return {
    insert: connection.prepare(
      'INSERT INTO messages (message_id, queue, body, sent_at, due_at) VALUES (?, ?, ?, ?, ?)',
    ),
    due: connection.prepare(
      `SELECT * FROM messages WHERE queue = ? AND dead = 0 AND due_at <= ?
         ORDER BY due_at, sequence LIMIT ?`,
    ),
    hide: connection.prepare(
      `UPDATE messages SET receipt = ?, due_at = ?, receive_count = receive_count + 1
         WHERE message_id = ?`,
    ),
    bury: connection.prepare(
      `UPDATE messages SET dead = 1, receipt = ? || sequence
         WHERE queue = ? AND dead = 0 AND due_at <= ? AND receive_count >= ?`,
    ),
    remove: connection.prepare(
      'DELETE FROM messages WHERE message_id = ? AND queue = ? AND receipt = ?',
    ),
    release: connection.prepare(
      `UPDATE messages SET due_at = ?
         WHERE message_id = ? AND queue = ? AND receipt = ? AND dead = 0`,
    ),
    dead: connection.prepare(
      'SELECT * FROM messages WHERE queue = ? AND dead = 1 ORDER BY sequence LIMIT ?',
    ),
    drop: connection.prepare(
      'DELETE FROM messages WHERE message_id = ? AND queue = ? AND dead = 1 RETURNING *',
    ),
    replay: connection.prepare(
      `UPDATE messages SET dead = 0, receive_count = 0, due_at = ?, receipt = ''
         WHERE message_id = ? AND queue = ? AND dead = 1`,
    ),
  }
}

function messageOf(row: Record<string, unknown>): Message {
  return {
    messageId: row['message_id'] as string,
    receipt: row['receipt'] as string,
    body: JSON.parse(row['body'] as string) as Json,
    receiveCount: row['receive_count'] as number,
    sentAt: new Date(row['sent_at'] as number).toISOString(),
  }
}
