import type { Logger } from '../ports/observability.ts'
import { type Delivery, deliverBatch } from './log-delivery.ts'

export interface LogConsumerOptions extends Delivery {
  readonly logger: Logger
  /** The pause between two rounds through the keys when none had records. */
  readonly pollMs: number
  /** The first pause of a key whose handler threw; it doubles up to 30 s. */
  readonly retryPauseMs: number
}

const longestPauseMs = 30_000

/**
 * Goes through the keys of the log, a batch of each in turn, as long as there are any, and looks again
 * after a pause. A key whose batch fails waits by itself.
 */
export class LogConsumer {
  readonly #options: LogConsumerOptions
  readonly #failures = new Map<string, { readonly attempts: number; readonly until: number }>()
  readonly #ended: Promise<void>
  #isStopped = false
  #wasWoken = false
  #wake: () => void = () => undefined

  constructor(options: LogConsumerOptions) {
    this.#options = options
    this.#ended = this.#run()
  }

  /** Looks for records now. */
  wake(): void {
    this.#wasWoken = true
    this.#wake()
  }

  /** Resolves when the batch under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#wake()
    await this.#ended
  }

  async #run(): Promise<void> {
    // Not within the call of subscribe.
    await Promise.resolve()
    let failures = 0
    while (!this.#isStopped) {
      this.#wasWoken = false
      try {
        const hasMore = await this.#round()
        failures = 0
        if (!hasMore) await this.#pause(this.#untilNext())
      } catch (error) {
        failures++
        await this.#pause(
          this.#failed('the keys of the log could not be read', failures, error, {}),
        )
      }
    }
  }

  /** Answers whether a key may have more records. */
  async #round(): Promise<boolean> {
    let hasMore = false
    for (const key of await this.#options.store.keys()) {
      if (this.#isStopped) return false
      const failure = this.#failures.get(key)
      if (failure !== undefined && performance.now() < failure.until) continue
      try {
        if (await deliverBatch(this.#options, key)) hasMore = true
        this.#failures.delete(key)
      } catch (error) {
        const attempts = (failure?.attempts ?? 0) + 1
        const message = 'a batch of the log could not be handled and comes again'
        const pause = this.#failed(message, attempts, error, { key })
        this.#failures.set(key, { attempts, until: performance.now() + pause })
      }
    }
    return hasMore
  }

  /** Answers the pause before the next attempt, in milliseconds. */
  #failed(message: string, attempts: number, error: unknown, fields: { key?: string }): number {
    const { consumer, logger, retryPauseMs } = this.#options
    logger.error(message, { consumer, ...fields, attempts, error: String(error) })
    return Math.min(retryPauseMs * 2 ** (attempts - 1), longestPauseMs)
  }

  #untilNext(): number {
    const pauses = Array.from(this.#failures.values(), ({ until }) => until - performance.now())
    return Math.max(0, Math.min(this.#options.pollMs, ...pauses))
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      timer.unref()
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
      if (this.#wasWoken || this.#isStopped) this.#wake()
    })
  }
}
