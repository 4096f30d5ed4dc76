import { MillraceError } from '../ports/errors.ts'
import type { JsonObject } from '../ports/json.ts'
import type { Log, LogRecord } from '../ports/log.ts'
import { logRecordTexts, validateConsumer, validateLogKey } from '../ports/log-record.ts'
import type { Logger } from '../ports/observability.ts'
import { logPosition, parseLogPosition } from '../ports/log-position.ts'
import { pageLimit } from '../ports/page.ts'
import type { LocalDatabase } from './database.ts'
import { groupCommit } from './group-commit.ts'

export interface LocalLogOptions {
  readonly logger: Logger
  /** Records that a consumer gets at once. @default 500 */
  readonly batchSize?: number
  /**
   * How long a consumer that has handled fewer than that waits for more, in milliseconds, so that it
   * does not work for each alone. @default 0
   */
  readonly gatherMs?: number
  /** The first pause after a handler threw; it doubles up to 30 s. @default 100 */
  readonly retryPauseMs?: number
}

const longestPauseMs = 30_000

/** One call of `append`, and where its records came to stand. */
interface Append {
  readonly key: string
  readonly texts: readonly string[]
  readonly positions: string[]
}

/**
 * The log port on SQLite. Records are kept for good. Appends that come together, or during the sync of
 * those before them, are committed and synced as one.
 */
export class LocalLog implements Log {
  readonly #database: LocalDatabase
  readonly #options: Required<LocalLogOptions>
  readonly #statements
  readonly #consumers = new Map<string, Consumer>()
  readonly #append: (append: Append) => Promise<void>

  constructor(database: LocalDatabase, options: LocalLogOptions) {
    this.#database = database
    this.#options = { batchSize: 500, gatherMs: 0, retryPauseMs: 100, ...options }
    this.#statements = prepareStatements(database)
    this.#append = groupCommit((group) => this.#appendAll(group))
  }

  async append(key: string, records: readonly JsonObject[]): Promise<string[]> {
    return this.appendTexts(key, logRecordTexts(key, records))
  }

  /** As `append`, of the texts that `logRecordTexts` made of records: in another process, say. */
  async appendTexts(key: string, texts: readonly string[]): Promise<string[]> {
    if (texts.length === 0) return []
    const positions: string[] = []
    await this.#append({ key, texts, positions })
    return positions
  }

  async get(key: string, position: string): Promise<LogRecord | undefined> {
    validateLogKey(key)
    const count = parseLogPosition(position)
    const row = this.#database.read(() => this.#statements.get.get(count, key))
    return row === undefined ? undefined : recordOf(row)
  }

  async read(key: string, options: { after?: string; limit?: number } = {}): Promise<LogRecord[]> {
    validateLogKey(key)
    const limit = pageLimit(options.limit, 1000, 1000)
    const after = options.after === undefined ? 0 : parseLogPosition(options.after)
    return this.#database.read(() => this.#statements.read.all(key, after, limit).map(recordOf))
  }

  subscribe(
    consumer: string,
    handler: (batch: readonly LogRecord[]) => Promise<void>,
  ): () => Promise<void> {
    validateConsumer(consumer)
    if (this.#consumers.has(consumer)) {
      throw new MillraceError('RequestInvalid', `the consumer ${consumer} is subscribed already`)
    }
    const { batchSize, gatherMs, logger, retryPauseMs } = this.#options
    const running = new Consumer({
      next: () => this.#next(consumer, batchSize),
      handle: handler,
      restAfter: (batch) => (batch.length < batchSize ? gatherMs : 0),
      advance: (to) => {
        this.#database.transaction(() => this.#statements.advance.run(consumer, Number(to)))
      },
      failed: (error, attempts) => {
        logger.error('a batch of the log could not be handled and comes again', {
          consumer,
          attempts,
          error: String(error),
        })
        return Math.min(retryPauseMs * 2 ** (attempts - 1), longestPauseMs)
      },
    })
    this.#consumers.set(consumer, running)
    return async () => {
      await running.stop()
      this.#consumers.delete(consumer)
    }
  }

  /** Stops every consumer. */
  async close(): Promise<void> {
    await Promise.all([...this.#consumers.values()].map((consumer) => consumer.stop()))
    this.#consumers.clear()
  }

  async #appendAll(group: readonly Append[]): Promise<void> {
    this.#database.transaction(() => {
      for (const { key, texts, positions } of group) {
        for (const text of texts) {
          const { lastInsertRowid } = this.#statements.append.run(key, text)
          positions.push(logPosition(Number(lastInsertRowid)))
        }
      }
    })
    for (const consumer of this.#consumers.values()) consumer.wake()
    await this.#database.durable()
  }

  #next(consumer: string, limit: number): LogRecord[] {
    return this.#database.read(() => {
      const position = this.#statements.position.get(consumer)?.['position'] ?? 0
      return this.#statements.next.all(position, limit).map(recordOf)
    })
  }
}

interface ConsumerSteps {
  next(): LogRecord[]
  handle(batch: readonly LogRecord[]): Promise<void>
  advance(to: string): void
  /** The pause after a batch, in milliseconds. */
  restAfter(batch: readonly LogRecord[]): number
  /** Answers the pause before the next attempt, in milliseconds. */
  failed(error: unknown, attempts: number): number
}

/** Takes one batch after the other, in order, as long as there are any. */
class Consumer {
  readonly #steps: ConsumerSteps
  readonly #ended: Promise<void>
  #isStopped = false
  #wasWoken = false
  #wake: () => void = () => undefined

  constructor(steps: ConsumerSteps) {
    this.#steps = steps
    this.#ended = this.#run()
  }

  wake(): void {
    this.#wasWoken = true
    this.#wake()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#wake()
    await this.#ended
  }

  async #run(): Promise<void> {
    // Not within the call of subscribe.
    await Promise.resolve()
    let attempts = 0
    while (!this.#isStopped) {
      this.#wasWoken = false
      try {
        const batch = this.#steps.next()
        if (batch.length === 0) {
          await this.#woken()
          continue
        }
        await this.#steps.handle(batch)
        this.#steps.advance(batch.at(-1)!.position)
        attempts = 0
        await this.#pause(this.#steps.restAfter(batch))
      } catch (error) {
        attempts++
        await this.#pause(this.#steps.failed(error, attempts))
      }
    }
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
      if (this.#wasWoken || this.#isStopped) resolve()
    })
  }

  /** Only a stop ends it early. */
  async #pause(milliseconds: number): Promise<void> {
    if (milliseconds === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      timer.unref()
      this.#wake = () => {
        if (!this.#isStopped) return
        clearTimeout(timer)
        resolve()
      }
      this.#wake()
    })
  }
}

function prepareStatements({ connection }: LocalDatabase) {
  connection.exec(
    `CREATE TABLE IF NOT EXISTS log_records
       (position INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, record TEXT NOT NULL);
     CREATE INDEX IF NOT EXISTS log_records_of_key ON log_records (key, position);
     CREATE TABLE IF NOT EXISTS log_consumers
       (consumer TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID`,
  )
  return {
    append: connection.prepare('INSERT INTO log_records (key, record) VALUES (?, ?)'),
    get: connection.prepare('SELECT * FROM log_records WHERE position = ? AND key = ?'),
    read: connection.prepare(
      'SELECT * FROM log_records WHERE key = ? AND position > ? ORDER BY position LIMIT ?',
    ),
    next: connection.prepare(
      'SELECT * FROM log_records WHERE position > ? ORDER BY position LIMIT ?',
    ),
    position: connection.prepare('SELECT position FROM log_consumers WHERE consumer = ?'),
    advance: connection.prepare('INSERT OR REPLACE INTO log_consumers VALUES (?, ?)'),
  }
}

function recordOf(row: Record<string, unknown>): LogRecord {
  return {
    key: row['key'] as string,
    position: logPosition(row['position'] as number),
    record: JSON.parse(row['record'] as string) as JsonObject,
  }
}
