import type { Clock } from '../platform/ports/index.ts'

/** How long what is followed may be used without being read again, in milliseconds. */
export const followedMaxAge = 1000

/**
 * Values that change seldom and are asked for often, by key. The first request for a key reads it;
 * later ones get what is in memory at once, and when that is old it is read again behind them. A
 * reading that fails leaves the value as it was, and is told.
 */
export class Followed<Value> {
  readonly #read: (key: string) => Promise<Value>
  readonly #clock: Clock
  readonly #onError: (key: string, error: unknown) => void
  readonly #entries = new Map<string, { value: Value; readAt: number; isRefreshing: boolean }>()

  constructor(options: {
    /** What it throws at the first request for a key reaches who asked, and is not kept. */
    read: (key: string) => Promise<Value>
    clock: Clock
    onError: (key: string, error: unknown) => void
  }) {
    this.#read = options.read
    this.#clock = options.clock
    this.#onError = options.onError
  }

  /** The value, at once where it is in memory. */
  get(key: string): Value | Promise<Value> {
    const entry = this.#entries.get(key)
    if (entry === undefined) return this.#readInto(key)
    if (!entry.isRefreshing && this.#clock.now() - entry.readAt > followedMaxAge) {
      entry.isRefreshing = true
      this.#readInto(key).catch((error: unknown) => {
        entry.isRefreshing = false
        entry.readAt = this.#clock.now()
        this.#onError(key, error)
      })
    }
    return entry.value
  }

  /** Lets the next request read the value again. */
  invalidate(key: string): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined) entry.readAt = -Infinity
  }

  async #readInto(key: string): Promise<Value> {
    const readAt = this.#clock.now()
    const value = await this.#read(key)
    this.#entries.set(key, { value, readAt, isRefreshing: false })
    return value
  }
}
