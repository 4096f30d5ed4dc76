import type { Clock } from '../platform/ports/index.ts'
import { BoundedMap } from '../tasks/bounded-map.ts'

/** Values in memory; the one used longest ago goes first. */
export const maxFollowed = 64

/** How long what is followed may be used without being read again, in milliseconds. */
export const followedMaxAge = 1000

interface Entry<Value> {
  readonly value: Value
  readAt: number
  /** Reading it again, while that is under way. The value never rejects. */
  refreshing?: { readonly since: number; readonly value: Promise<Value> }
}

/**
 * Values that change seldom and are asked for often, by key. The first request for a key reads it;
 * later ones get what is in memory at once, and when that is old it is read again behind them. Only
 * beyond `maxAge` do they wait for it. A reading that fails leaves the value as it was, and is told;
 * one that finds nothing any more lets the value go.
 */
export class Followed<Value> {
  readonly #read: (key: string) => Promise<Value>
  readonly #clock: Clock
  readonly #maxAge: number
  readonly #onError: (key: string, error: unknown) => void
  readonly #isGone: (error: unknown) => boolean
  readonly #entries = new BoundedMap<string, Entry<Value>>(maxFollowed)

  constructor(options: {
    /** What it throws at the first request for a key reaches who asked, and is not kept. */
    read: (key: string) => Promise<Value>
    clock: Clock
    /** Milliseconds. @default Infinity */
    maxAge?: number
    onError: (key: string, error: unknown) => void
    /**
     * Whether an error says that there is no such value any more: it is forgotten, and who asks next
     * gets the error. @default never
     */
    isGone?: (error: unknown) => boolean
  }) {
    this.#read = options.read
    this.#clock = options.clock
    this.#maxAge = options.maxAge ?? Infinity
    this.#onError = options.onError
    this.#isGone = options.isGone ?? (() => false)
  }

  /** The value, at once where it is in memory. */
  get(key: string): Value | Promise<Value> {
    const entry = this.#entries.get(key)
    if (entry === undefined) return this.#readInto(key)
    // What is used is set again: the one used longest ago goes first.
    this.#entries.set(key, entry)
    const now = this.#clock.now()
    const age = now - entry.readAt
    if (age <= followedMaxAge) return entry.value
    // A reading that began too long ago, in a process that was frozen since, tells nothing of now.
    if (entry.refreshing === undefined || now - entry.refreshing.since > this.#maxAge) {
      entry.refreshing = { since: now, value: this.#refresh(key, entry) }
    }
    return age > this.#maxAge ? entry.refreshing.value : entry.value
  }

  /** Lets the next request for a key that begins so read its value again. */
  invalidate(prefix: string): void {
    for (const [key, entry] of this.#entries) {
      if (key.startsWith(prefix)) entry.readAt = -Infinity
    }
  }

  async #refresh(key: string, entry: Entry<Value>): Promise<Value> {
    try {
      return await this.#readInto(key)
    } catch (error) {
      if (this.#isGone(error)) {
        this.#entries.delete(key)
        return entry.value
      }
      delete entry.refreshing
      entry.readAt = this.#clock.now()
      this.#onError(key, error)
      return entry.value
    }
  }

  async #readInto(key: string): Promise<Value> {
    const readAt = this.#clock.now()
    const value = await this.#read(key)
    const present = this.#entries.get(key)
    if (present !== undefined && present.readAt > readAt) return present.value
    this.#entries.set(key, { value, readAt })
    return value
  }
}
