import {
  envelope,
  type EventEnvelope,
  defaultAccount,
  defaultRegion,
} from '../../events/envelope.ts'
import type { Bus, OutgoingEvent } from '../ports/bus.ts'
import { messageText } from '../ports/json-text.ts'
import type { Clock, Logger } from '../ports/observability.ts'
import { pageLimit } from '../ports/page.ts'
import type { LocalDatabase } from './database.ts'
import { type Delivery, Outbox, type DeadEvent } from './outbox.ts'

/** Who gets which events. */
export interface BusRule {
  /** Durable: what is delivered is remembered under it. */
  readonly name: string
  matches(event: EventEnvelope): boolean
  /** Resolves when the event has been dealt with; what it throws is tried again. */
  deliver(event: EventEnvelope): Promise<void>
}

export interface LocalBusOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly account?: string
  readonly region?: string
  /** Deliveries of one rule at a time. @default 16 */
  readonly concurrency?: number
  readonly retry?: Partial<RetryPolicy>
}

/** EventBridge's own: up to 24 hours or 185 attempts, with growing pauses. */
export interface RetryPolicy {
  readonly firstPauseMs: number
  readonly longestPauseMs: number
  readonly maxAttempts: number
  readonly maxAgeMs: number
}

const eventBridgeRetry: RetryPolicy = {
  firstPauseMs: 200,
  longestPauseMs: 10 * 60 * 1000,
  maxAttempts: 185,
  maxAgeMs: 24 * 60 * 60 * 1000,
}

/** Events in memory at once; more wait in the outbox. */
const maxLoaded = 1024

/** How long `close` waits for deliveries under way. */
const closePatienceMs = 5000

/**
 * The bus port over an outbox in the database. Every rule that matches gets each event at least
 * once; a delivery that fails is tried again with growing pauses, and in the end kept as a dead
 * letter. What was not delivered when the process ended goes on at the next `start`; a rule that is
 * not added again by then gets nothing more.
 */
export class LocalBus implements Bus {
  /** What the events of this bus come from. */
  readonly origin: { readonly account: string; readonly region: string }
  readonly #database: LocalDatabase
  readonly #outbox: Outbox
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #retry: RetryPolicy
  readonly #concurrency: number
  readonly #rules = new Map<string, RuleQueue>()
  readonly #loaded = new Set<Delivery>()
  readonly #pauses = new Set<NodeJS.Timeout>()
  #isStarted = false
  #isClosed = false
  #isRouting = false
  #onDrained: (() => void)[] = []
  #onEnded: () => void = () => undefined

  constructor(database: LocalDatabase, options: LocalBusOptions) {
    this.#database = database
    this.#outbox = new Outbox(database, options.logger)
    this.#clock = options.clock
    this.#logger = options.logger
    this.origin = {
      account: options.account ?? defaultAccount,
      region: options.region ?? defaultRegion,
    }
    this.#retry = { ...eventBridgeRetry, ...options.retry }
    this.#concurrency = options.concurrency ?? 16
  }

  /** Adds a rule, for the events that are delivered from now on. */
  addRule(rule: BusRule): void {
    if (this.#rules.has(rule.name)) throw new TypeError(`the rule ${rule.name} is there already`)
    this.#rules.set(rule.name, { rule, waiting: [], running: 0 })
  }

  /** Begins to deliver: first what the outbox holds, then what comes. */
  start(): void {
    this.#isStarted = true
    this.#route()
  }

  async publish(events: readonly OutgoingEvent[]): Promise<void> {
    for (const event of events) messageText(event, 'the event')
    this.#database.transaction(() => {
      for (const event of events) this.publishInTransaction(this.envelopeOf(event))
    })
    await this.#database.durable()
  }

  /** What this bus makes of an event: its id, time, account and region are added. */
  envelopeOf(event: OutgoingEvent): EventEnvelope {
    const { source, detailType, detail, resources = [] } = event
    return envelope(source, detailType, detail as Record<string, unknown>, resources, {
      ...this.origin,
      time: this.#clock.now(),
    })
  }

  /**
   * Publishes an event, whole as it is, with the transaction of the caller: it is delivered when
   * that commits, and forgotten when it does not. Its size is the caller's to keep.
   */
  publishInTransaction(event: EventEnvelope): void {
    this.#outbox.insert(event, this.#clock.now())
    if (this.#isStarted) this.#routeSoon()
  }

  /** Events that a rule never took, the newest first. */
  deadLetters(options: { limit?: number } = {}): DeadEvent[] {
    return this.#outbox.deadLetters(pageLimit(options.limit, 100, 1000))
  }

  /** Resolves when every event has been delivered, or is a dead letter; and when closed. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrained.push(resolve)
      this.#routeSoon()
    })
  }

  /** Stops delivering; what is left goes on at the next start. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const pause of this.#pauses) clearTimeout(pause)
    for (const queue of this.#rules.values()) queue.waiting.length = 0
    if (this.#running() > 0) await this.#deliveriesEnded()
    this.#outbox.close()
    this.#tell()
  }

  #deliveriesEnded(): Promise<void> {
    return new Promise((resolve) => {
      const patience = setTimeout(resolve, closePatienceMs)
      this.#onEnded = () => {
        clearTimeout(patience)
        resolve()
      }
    })
  }

  /** Once the transaction under way has ended: it is synchronous, a microtask comes after it. */
  #routeSoon(): void {
    if (this.#isRouting) return
    this.#isRouting = true
    queueMicrotask(() => {
      this.#isRouting = false
      this.#route()
    })
  }

  #route(): void {
    if (!this.#isStarted || this.#isClosed) return this.#tell()
    try {
      const room = maxLoaded - this.#loaded.size
      for (const delivery of room > 0 ? this.#outbox.load(room) : []) this.#enqueue(delivery)
    } catch (error) {
      // The events stay in the outbox; the next one published, or the next start, comes back here.
      this.#logger.error('the outbox of the bus could not be read', { error: String(error) })
    }
    this.#tell()
  }

  #enqueue(delivery: Delivery): void {
    for (const [name, { rule }] of this.#rules) {
      if (!delivery.done.has(name) && this.#matches(rule, delivery)) delivery.open.add(name)
    }
    if (delivery.open.size === 0) return this.#outbox.remove(delivery)
    this.#loaded.add(delivery)
    for (const name of delivery.open) {
      const queue = this.#rules.get(name)!
      queue.waiting.push(delivery)
      this.#drain(queue)
    }
  }

  #matches(rule: BusRule, delivery: Delivery): boolean {
    try {
      return rule.matches(delivery.event)
    } catch (error) {
      this.#logger.error('a rule could not be matched', { rule: rule.name, error: String(error) })
      return false
    }
  }

  #drain(queue: RuleQueue): void {
    while (!this.#isClosed && queue.running < this.#concurrency && queue.waiting.length > 0) {
      queue.running++
      void this.#attempt(queue.rule, queue.waiting.shift()!).finally(() => {
        queue.running--
        this.#drain(queue)
        this.#tell()
      })
    }
  }

  async #attempt(rule: BusRule, delivery: Delivery): Promise<void> {
    try {
      await rule.deliver(delivery.event)
      this.#finish(rule, delivery)
    } catch (error) {
      this.#failed(rule, delivery, error)
    }
  }

  #finish(rule: BusRule, delivery: Delivery): void {
    delivery.open.delete(rule.name)
    if (delivery.open.size > 0) return this.#outbox.recordDone(delivery, rule.name)
    this.#outbox.remove(delivery)
    this.#loaded.delete(delivery)
    if (this.#outbox.hasMore) this.#routeSoon()
  }

  #failed(rule: BusRule, delivery: Delivery, error: unknown): void {
    const attempts = (delivery.attempts.get(rule.name) ?? 0) + 1
    delivery.attempts.set(rule.name, attempts)
    const age = this.#clock.now() - delivery.publishedAt
    const fields = {
      rule: rule.name,
      event: String(delivery.event.id),
      attempts,
      error: String(error),
    }
    if (attempts >= this.#retry.maxAttempts || age >= this.#retry.maxAgeMs) {
      this.#logger.error('an event could not be delivered and is a dead letter', fields)
      this.#outbox.recordDead(delivery, rule.name, attempts, String(error), this.#clock.now())
      return this.#finish(rule, delivery)
    }
    this.#logger.warn('an event could not be delivered and is tried again', fields)
    this.#outbox.recordAttempts(delivery, rule.name, attempts)
    if (!this.#isClosed) this.#attemptLater(rule.name, delivery, attempts)
  }

  #attemptLater(ruleName: string, delivery: Delivery, attempts: number): void {
    const { firstPauseMs, longestPauseMs } = this.#retry
    const pause = setTimeout(
      () => {
        this.#pauses.delete(pause)
        const queue = this.#rules.get(ruleName)!
        queue.waiting.push(delivery)
        this.#drain(queue)
      },
      Math.min(firstPauseMs * 2 ** (attempts - 1), longestPauseMs),
    )
    this.#pauses.add(pause.unref())
  }

  #running(): number {
    return [...this.#rules.values()].reduce((sum, { running }) => sum + running, 0)
  }

  /** Tells who waits for it that the bus has come to rest. */
  #tell(): void {
    if (this.#running() === 0) this.#onEnded()
    const isDrained = this.#loaded.size === 0 && !this.#outbox.hasMore
    if (!isDrained && !this.#isClosed) return
    for (const resolve of this.#onDrained.splice(0)) resolve()
  }
}

interface RuleQueue {
  readonly rule: BusRule
  readonly waiting: Delivery[]
  running: number
}
