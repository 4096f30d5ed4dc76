import {
  type EventBridgeClient,
  PutEventsCommand,
  type PutEventsRequestEntry,
  type PutEventsResultEntry,
} from '@aws-sdk/client-eventbridge'
import { setTimeout as delay } from 'node:timers/promises'
import type { Bus, OutgoingEvent } from '../ports/bus.ts'
import { MillraceError } from '../ports/errors.ts'
import { maxMessageBytes, messageText } from '../ports/json-text.ts'
import { utf8Length } from '../ports/utf8.ts'
import { portError } from './errors.ts'

export interface EventBridgeBusOptions {
  readonly client: EventBridgeClient
  /** Name or ARN. */
  readonly eventBus: string
  /** Times that an entry is sent before it is given up. @default 5 */
  readonly maxAttempts?: number
  /** Uniform in [0, 1). @default Math.random */
  readonly random?: () => number
  /** Waits for some milliseconds. @default a timer */
  readonly pause?: (milliseconds: number) => Promise<unknown>
}

/** Most entries of one PutEvents, and what all of them together must stay below. */
const maxEntries = 10
const maxRequestBytes = maxMessageBytes

/** The bounds of the pause before the second attempt, doubled for each one after it, and of the last. */
const firstPauseMs = 100
const longestPauseMs = 5000

/** Codes of an entry that another attempt would fail with too. */
const permanentCodes: ReadonlySet<string> = new Set([
  'AccessDeniedException',
  'InvalidAccountIdException',
  'InvalidArgument',
  'MalformedDetail',
  'NotAuthorizedForDetailTypeException',
  'NotAuthorizedForSourceException',
  'RedactionFailure',
])

/**
 * The bus port on EventBridge. Events go in requests of at most ten. EventBridge may take some entries
 * of a request and not others: those are sent again, alone, with growing pauses. When some are not
 * taken in the end, `publish` throws and the others are published: who calls it again publishes them
 * twice. AccessRefused or StorageFailed has `details`: `published` (how many were taken) and `failed`
 * (the indexes of those that were not, or whose answer was lost).
 */
export class EventBridgeBus implements Bus {
  readonly #client: EventBridgeClient
  readonly #eventBus: string
  readonly #maxAttempts: number
  readonly #random: () => number
  readonly #pause: (milliseconds: number) => Promise<unknown>

  constructor(options: EventBridgeBusOptions) {
    this.#client = options.client
    this.#eventBus = options.eventBus
    this.#maxAttempts = options.maxAttempts ?? 5
    this.#random = options.random ?? Math.random
    this.#pause = options.pause ?? delay
  }

  async publish(events: readonly OutgoingEvent[]): Promise<void> {
    for (const event of events) messageText(event, 'the event')
    const entries = events.map((event, index) => this.#entryOf(event, index))
    const failed: FailedEntry[] = []
    for (const batch of batchesOf(entries)) {
      failed.push(...(await this.#put(batch)))
      // A service that takes nothing after all attempts is left alone; an entry that is refused for
      // what it is says nothing about the others.
      if (failed.some((one) => !isPermanent(one))) {
        failed.push(...unsent(entries, batch))
        break
      }
    }
    if (failed.length > 0) throw notPublished(events.length, failed)
  }

  #entryOf({ source, detailType, detail, resources = [] }: OutgoingEvent, index: number): Entry {
    const request = {
      EventBusName: this.#eventBus,
      Source: source,
      DetailType: detailType,
      Detail: JSON.stringify(detail),
      Resources: [...resources],
    }
    return { index, request, bytes: entryBytes(request) }
  }

  /** Sends entries until each is taken, fails for good or has had its attempts; answers the latter. */
  async #put(batch: readonly Entry[]): Promise<FailedEntry[]> {
    const failed: FailedEntry[] = []
    let open = batch
    for (let attempt = 1; ; attempt++) {
      let refused: FailedEntry[]
      try {
        refused = await this.#putOnce(open)
      } catch (error) {
        // The client has made its own attempts at the request by now.
        return [...failed, ...open.map((entry) => ({ entry, reason: '', error }))]
      }
      const isLast = attempt >= this.#maxAttempts
      failed.push(...refused.filter((one) => isLast || isPermanent(one)))
      open = refused.filter((one) => !failed.includes(one)).map(({ entry }) => entry)
      if (open.length === 0) return failed
      await this.#pause(pauseBefore(attempt + 1, this.#random()))
    }
  }

  async #putOnce(entries: readonly Entry[]): Promise<FailedEntry[]> {
    const command = new PutEventsCommand({ Entries: entries.map(({ request }) => request) })
    const { Entries = [] } = await this.#client.send(command)
    return entries.flatMap((entry, i) => failureOf(entry, Entries[i]))
  }
}

interface Entry {
  /** Its place among the events of the call. */
  readonly index: number
  readonly request: PutEventsRequestEntry
  readonly bytes: number
}

interface FailedEntry {
  readonly entry: Entry
  readonly reason: string
  /** EventBridge's, when it refused this entry. */
  readonly code?: string
  /** The client's, when the whole request failed. */
  readonly error?: unknown
}

/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html */
function entryBytes({ Source, DetailType, Detail, Resources }: PutEventsRequestEntry): number {
  return [Source!, DetailType!, Detail!, ...Resources!].reduce(
    (sum, text) => sum + utf8Length(text),
    0,
  )
}

/** In order, each of at most ten entries and below 256 KiB. */
function batchesOf(entries: readonly Entry[]): Entry[][] {
  const batches: Entry[][] = []
  let bytes = 0
  for (const entry of entries) {
    const last = batches.at(-1)
    bytes += entry.bytes
    if (last === undefined || last.length === maxEntries || bytes >= maxRequestBytes) {
      batches.push([entry])
      bytes = entry.bytes
    } else {
      last.push(entry)
    }
  }
  return batches
}

/** An entry is taken when it has an event id; no answer for it at all is a failure. */
function failureOf(entry: Entry, result: PutEventsResultEntry | undefined): FailedEntry[] {
  if (result?.EventId !== undefined && result.ErrorCode === undefined) return []
  const { ErrorCode: code = 'NoAnswer', ErrorMessage: message = '' } = result ?? {}
  return [{ entry, code, reason: `${code}: ${message}` }]
}

function isPermanent({ code }: FailedEntry): boolean {
  return code !== undefined && permanentCodes.has(code)
}

/** Milliseconds; half of it jitter, so that callers who failed together do not come back together. */
function pauseBefore(attempt: number, random: number): number {
  const bound = Math.min(longestPauseMs, firstPauseMs * 2 ** (attempt - 2))
  return Math.round(bound / 2 + (bound / 2) * random)
}

/** The entries after a batch. */
function unsent(entries: readonly Entry[], batch: readonly Entry[]): FailedEntry[] {
  return entries
    .slice(batch.at(-1)!.index + 1)
    .map((entry) => ({ entry, reason: 'not sent after this failure' }))
}

function notPublished(count: number, failed: readonly FailedEntry[]): MillraceError {
  const what = `publishing ${count} events, of which ${failed.length} were not`
  const { code, reason, error } = failed[0]!
  const details = {
    published: count - failed.length,
    failed: failed.map(({ entry }) => entry.index).toSorted((a, b) => a - b),
  }
  if (error !== undefined) {
    const { name, message, cause } = portError(what, error)
    return new MillraceError(name, message, { cause, details })
  }
  const isRefused = code === 'AccessDeniedException' || code?.startsWith('NotAuthorized') === true
  return new MillraceError(isRefused ? 'AccessRefused' : 'StorageFailed', `${what}: ${reason}`, {
    details,
  })
}
