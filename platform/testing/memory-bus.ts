import { envelope, type EventEnvelope } from '../../events/envelope.ts'
import type { Bus, OutgoingEvent } from '../ports/bus.ts'
import { messageText } from '../ports/json-text.ts'
import type { Clock } from '../ports/observability.ts'

/** Who gets which events. */
export interface MemoryBusRule {
  readonly name: string
  matches(event: EventEnvelope): boolean
  deliver(event: EventEnvelope): Promise<void>
}

/** Tries of a delivery before it is given up. */
const maxAttempts = 10

/** The bus port in memory, for tests: keeps what was published and delivers it to its rules. */
export class MemoryBus implements Bus {
  /** Every event so far, those of the object store among them. */
  readonly published: EventEnvelope[] = []
  readonly #clock: Clock
  readonly #rules: MemoryBusRule[] = []
  readonly #deliveries = new Set<Promise<void>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  addRule(rule: MemoryBusRule): void {
    this.#rules.push(rule)
  }

  async publish(events: readonly OutgoingEvent[]): Promise<void> {
    for (const event of events) messageText(event, 'the event')
    for (const { source, detailType, detail, resources = [] } of structuredClone(events)) {
      const origin = { time: this.#clock.now() }
      this.deliver(
        envelope(source, detailType, detail as Record<string, unknown>, resources, origin),
      )
    }
  }

  /** Publishes an event whole as it is. */
  deliver(event: EventEnvelope): void {
    this.published.push(event)
    for (const rule of this.#rules) {
      if (!rule.matches(event)) continue
      const delivery = attempt(rule, event).finally(() => this.#deliveries.delete(delivery))
      this.#deliveries.add(delivery)
    }
  }

  /** Resolves when every delivery has ended. */
  async idle(): Promise<void> {
    while (this.#deliveries.size > 0) await Promise.all(this.#deliveries)
  }
}

async function attempt(rule: MemoryBusRule, event: EventEnvelope): Promise<void> {
  for (let i = 0; i < maxAttempts; i++) {
    await new Promise((resolve) => setImmediate(resolve))
    try {
      return await rule.deliver(structuredClone(event))
    } catch {
      continue
    }
  }
}
