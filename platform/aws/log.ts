import type { DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda'
import { MillraceError } from '../ports/errors.ts'
import type { JsonObject } from '../ports/json.ts'
import { parseLogPosition } from '../ports/log-position.ts'
import { logRecordTexts, validateConsumer, validateLogKey } from '../ports/log-record.ts'
import type { Log, LogRecord } from '../ports/log.ts'
import type { Logger } from '../ports/observability.ts'
import { pageLimit } from '../ports/page.ts'
import { transactionsOf } from './log-batches.ts'
import { LogConsumer } from './log-consumer.ts'
import { type BatchHandler, type Delivery, drain } from './log-delivery.ts'
import { LogStore, type LogStoreOptions } from './log-store.ts'
import { drainStream } from './log-stream.ts'

export interface DynamoLogOptions extends LogStoreOptions {
  readonly logger: Logger
  /** Records that a handler gets at once. @default 100 */
  readonly batchSize?: number
  /** How long `subscribe` waits before it looks for records again. @default 1000 */
  readonly pollMs?: number
  /** The first pause of `subscribe` after a handler threw; it doubles up to 30 s. @default 100 */
  readonly retryPauseMs?: number
}

/**
 * The log port on DynamoDB, in the table port's table under partition keys of its own. Records are kept
 * for good. The writers of one key follow one another, at some tens of appends a second: what comes
 * faster is appended in larger batches, or under more keys.
 *
 * Records reach a consumer in one of two ways, and may do so in both at once: in a Lambda function by
 * the table's stream (`drainStream`, with `drainAll` on a schedule), or in this process by polling
 * (`subscribe`), which asks for every key of the log in every round.
 */
export class DynamoLog implements Log {
  readonly #store: LogStore
  readonly #options: Required<Omit<DynamoLogOptions, keyof LogStoreOptions>>
  readonly #consumers = new Map<string, LogConsumer>()
  /** The last append of each key that is under way, which the next one waits for. */
  readonly #appends = new Map<string, Promise<void>>()

  constructor(options: DynamoLogOptions) {
    const { logger, batchSize = 100, pollMs = 1000, retryPauseMs = 100 } = options
    this.#store = new LogStore(options)
    this.#options = { logger, batchSize, pollMs, retryPauseMs }
  }

  async append(key: string, records: readonly JsonObject[]): Promise<string[]> {
    const texts = logRecordTexts(key, records)
    if (texts.length === 0) return []
    const positions: string[] = []
    await this.#inTurn(key, async () => {
      for (const transaction of transactionsOf(key, texts)) {
        positions.push(...(await this.#store.append(key, transaction)))
      }
    })
    for (const consumer of this.#consumers.values()) consumer.wake()
    return positions
  }

  async get(key: string, position: string): Promise<LogRecord | undefined> {
    validateLogKey(key)
    parseLogPosition(position)
    return this.#store.get(key, position)
  }

  async read(key: string, options: { after?: string; limit?: number } = {}): Promise<LogRecord[]> {
    validateLogKey(key)
    const limit = pageLimit(options.limit, 1000, 1000)
    const after = options.after === undefined ? 0 : parseLogPosition(options.after)
    return this.#store.read(key, after, limit)
  }

  subscribe(consumer: string, handler: BatchHandler): () => Promise<void> {
    const delivery = this.#delivery(consumer, handler)
    if (this.#consumers.has(consumer)) {
      throw new MillraceError('RequestInvalid', `the consumer ${consumer} is subscribed already`)
    }
    const running = new LogConsumer({ ...delivery, ...this.#options })
    this.#consumers.set(consumer, running)
    return async () => {
      await running.stop()
      this.#consumers.delete(consumer)
    }
  }

  /**
   * Delivers the records of the keys that an event of the table's stream names: what a Lambda function
   * answers to its event source mapping, which reports batch item failures.
   */
  async drainStream(
    consumer: string,
    handler: BatchHandler,
    event: DynamoDBStreamEvent,
  ): Promise<DynamoDBBatchResponse> {
    return drainStream(this.#delivery(consumer, handler), event, this.#options.logger)
  }

  /**
   * Delivers all records that `consumer` has not handled: those before there was a stream, and those
   * that the stream gave up on. Goes through all keys, and throws the first error then.
   */
  async drainAll(consumer: string, handler: BatchHandler): Promise<void> {
    const delivery = this.#delivery(consumer, handler)
    const errors: unknown[] = []
    for (const key of await this.#store.keys()) {
      await drain(delivery, key).catch((error: unknown) => errors.push(error))
    }
    if (errors.length > 0) throw errors[0]
  }

  /** Stops every consumer. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#consumers.values(), (consumer) => consumer.stop()))
    this.#consumers.clear()
  }

  #delivery(consumer: string, handler: BatchHandler): Delivery {
    validateConsumer(consumer)
    return { store: this.#store, consumer, handler, batchSize: this.#options.batchSize }
  }

  /** Runs what appends to one key one after the other, which would only get into each other's way. */
  async #inTurn(key: string, run: () => Promise<void>): Promise<void> {
    const before = this.#appends.get(key) ?? Promise.resolve()
    const running = before.catch(() => undefined).then(run)
    this.#appends.set(key, running)
    try {
      await running
    } finally {
      if (this.#appends.get(key) === running) this.#appends.delete(key)
    }
  }
}
