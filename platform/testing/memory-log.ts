import { MillraceError } from '../ports/errors.ts'
import type { JsonObject } from '../ports/json.ts'
import { logPosition, parseLogPosition } from '../ports/log-position.ts'
import type { Log, LogRecord } from '../ports/log.ts'
import { logRecordTexts, validateConsumer, validateLogKey } from '../ports/log-record.ts'
import { pageLimit } from '../ports/page.ts'

const batchSize = 100

/** The log port in memory, for tests. */
export class MemoryLog implements Log {
  readonly #records: { readonly key: string; readonly text: string }[] = []
  /** How many records each consumer has behind it. */
  readonly #positions = new Map<string, number>()
  readonly #consumers = new Map<string, { wake(): void }>()

  async append(key: string, records: readonly JsonObject[]): Promise<string[]> {
    const texts = logRecordTexts(key, records)
    const before = this.#records.length
    this.#records.push(...texts.map((text) => ({ key, text })))
    for (const consumer of this.#consumers.values()) consumer.wake()
    return texts.map((_, i) => logPosition(before + i + 1))
  }

  async get(key: string, position: string): Promise<LogRecord | undefined> {
    validateLogKey(key)
    const found = this.#records[parseLogPosition(position) - 1]
    if (found?.key !== key) return undefined
    return { key, position, record: JSON.parse(found.text) as JsonObject }
  }

  async read(key: string, options: { after?: string; limit?: number } = {}): Promise<LogRecord[]> {
    validateLogKey(key)
    const limit = pageLimit(options.limit, 1000, 1000)
    const after = options.after === undefined ? 0 : parseLogPosition(options.after)
    const all = this.#recordsAfter(after)
    return all.filter((record) => record.key === key).slice(0, limit)
  }

  subscribe(
    consumer: string,
    handler: (batch: readonly LogRecord[]) => Promise<void>,
  ): () => Promise<void> {
    validateConsumer(consumer)
    if (this.#consumers.has(consumer)) {
      throw new MillraceError('RequestInvalid', `the consumer ${consumer} is subscribed already`)
    }
    let isStopped = false
    let running: Promise<void> | undefined
    const run = async () => {
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve))
        const position = this.#positions.get(consumer) ?? 0
        const batch = this.#recordsAfter(position).slice(0, batchSize)
        if (isStopped || batch.length === 0) return
        // A batch whose handler throws comes again.
        const isHandled = await handler(batch).then(
          () => true,
          () => false,
        )
        if (isHandled) this.#positions.set(consumer, position + batch.length)
      }
    }
    const wake = () => {
      running ??= run().finally(() => {
        running = undefined
        const position = this.#positions.get(consumer) ?? 0
        if (!isStopped && position < this.#records.length) wake()
      })
    }
    this.#consumers.set(consumer, { wake })
    wake()
    return async () => {
      isStopped = true
      await running
      this.#consumers.delete(consumer)
    }
  }

  #recordsAfter(position: number): LogRecord[] {
    return this.#records.slice(position).map(({ key, text }, i) => ({
      key,
      position: logPosition(position + i + 1),
      record: JSON.parse(text) as JsonObject,
    }))
  }
}
