import type { JsonObject } from './json.ts'

/**
 * Bus: events to whom they concern (EventBridge). `publish` answers when every event is durable;
 * each rule whose pattern matches gets each event at least once, in no promised order. An entry is
 * at most 256 KiB of JSON: MessageTooLarge, and then none of the call's events is published.
 *
 * Errors: MessageTooLarge, ItemInvalid (a detail that is not JSON), StorageFailed.
 */
export interface Bus {
  publish(events: readonly OutgoingEvent[]): Promise<void>
}

/** What a publisher says of an event; the bus adds id, time, account and region. */
export interface OutgoingEvent {
  readonly source: string
  readonly detailType: string
  readonly detail: JsonObject
  readonly resources?: readonly string[]
}
