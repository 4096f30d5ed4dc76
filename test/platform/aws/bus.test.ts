import { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import { describe, expect, it } from 'vitest'
import { EventBridgeBus, type EventBridgeBusOptions } from '../../../platform/aws/bus.ts'
import type { OutgoingEvent } from '../../../platform/ports/bus.ts'
import { rejection } from '../../contracts/expect-error.ts'
import { LostAnswer, ServiceFault, stubbed } from './stub-service.ts'

type EntryAnswer = { EventId: string } | { ErrorCode: string; ErrorMessage: string }
type Entry = Record<'Source' | 'DetailType' | 'Detail' | 'EventBusName', string> & {
  Resources: string[]
}

const taken: EntryAnswer = { EventId: 'taken' }
const failing = (ErrorCode: string): EntryAnswer => ({ ErrorCode, ErrorMessage: 'stubbed' })
const throttled = failing('ThrottlingException')

const event = (n: number, text = ''): OutgoingEvent => ({
  source: 'millrace',
  detailType: 'Tested',
  detail: { n, text },
  resources: ['arn:ä'],
})
const events = (count: number, text = '') => Array.from({ length: count }, (_, n) => event(n, text))

/** A bus whose requests are answered entry by entry; `pauses` are those between its attempts. */
function openBus(
  answer: (n: number, request: number) => EntryAnswer,
  options: Partial<EventBridgeBusOptions> = {},
) {
  const { options: clientOptions, requests } = stubbed((_, input) => {
    const answers = numbersOf(input).map((n) => answer(n, requests.length))
    const failed = answers.filter((one) => 'ErrorCode' in one)
    return { FailedEntryCount: failed.length, Entries: answers }
  })
  const pauses: number[] = []
  const bus = new EventBridgeBus({
    client: new EventBridgeClient(clientOptions),
    eventBus: 'a-bus',
    random: () => 0.5,
    pause: async (milliseconds) => void pauses.push(milliseconds),
    ...options,
  })
  const sent = () => requests.map(({ input }) => numbersOf(input))
  return { bus, requests, pauses, sent }
}

const entriesOf = (input: Record<string, unknown>) => input['Entries'] as Entry[]
const numbersOf = (input: Record<string, unknown>) =>
  entriesOf(input).map(({ Detail }) => (JSON.parse(Detail) as { n: number }).n)

describe('EventBridgeBus', () => {
  it('publishes in requests of at most ten entries, in order', async () => {
    const { bus, sent, requests } = openBus(() => taken)
    await bus.publish(events(25))
    expect(sent().map(({ length }) => length)).toEqual([10, 10, 5])
    expect(sent().flat()).toEqual(Array.from({ length: 25 }, (_, n) => n))
    expect(entriesOf(requests[0]!.input)[0]).toEqual({
      EventBusName: 'a-bus',
      Source: 'millrace',
      DetailType: 'Tested',
      Detail: '{"n":0,"text":""}',
      Resources: ['arn:ä'],
    })
  })

  it('keeps each request below 256 KiB as EventBridge counts', async () => {
    const { bus, sent, requests } = openBus(() => taken)
    const texts = [1, 200_000, 62_000, 100, 87_000, 87_000, 87_000, 260_000, 1, 100_000]
    await bus.publish(texts.map((length, n) => event(n, 'ä'.repeat(length / 2))))
    const sizes = requests.map(({ input }) =>
      entriesOf(input)
        .flatMap(({ Source, DetailType, Detail, Resources }) => [
          Source,
          DetailType,
          Detail,
          ...Resources,
        ])
        .reduce((sum, text) => sum + Buffer.byteLength(text), 0),
    )
    expect(sizes.filter((size) => size >= 256 * 1024)).toEqual([])
    expect(sent()).toEqual([[0, 1, 2], [3, 4, 5, 6], [7, 8], [9]])
  })

  it('fills a request to its last byte', async () => {
    // Two entries with texts of no length have 37 bytes each.
    for (const [total, requests] of [
      [262_143, [[0, 1]]],
      [262_144, [[0], [1]]],
    ] as const) {
      const { bus, sent } = openBus(() => taken)
      await bus.publish([event(0, 'x'.repeat(150_000)), event(1, 'x'.repeat(total - 74 - 150_000))])
      expect(sent()).toEqual(requests)
    }
  })

  it('sends no request for no events', async () => {
    const { bus, requests } = openBus(() => taken)
    await bus.publish([])
    expect(requests).toEqual([])
  })

  it('checks every event before it sends the first', async () => {
    const { bus, requests } = openBus(() => taken)
    await rejection(bus.publish([...events(20), event(20, 'x'.repeat(262_144))]), 'MessageTooLarge')
    const broken = { ...event(20), detail: { n: Number.NaN } }
    await rejection(bus.publish([...events(20), broken]), 'ItemInvalid')
    expect(requests).toEqual([])
  })

  it('sends failed entries again, alone, with growing pauses', async () => {
    const { bus, sent, pauses } = openBus((n, request) => (n >= request ? throttled : taken))
    await bus.publish(events(4))
    expect(sent()).toEqual([[0, 1, 2, 3], [1, 2, 3], [2, 3], [3]])
    expect(pauses).toEqual([75, 150, 300])
  })

  it('spreads its pauses over half of their length', async () => {
    for (const [random, first] of [
      [0, 50],
      [0.999, 100],
    ] as const) {
      const { bus, pauses } = openBus((_, request) => (request < 2 ? throttled : taken), {
        random: () => random,
      })
      await bus.publish(events(1))
      expect(pauses).toEqual([first])
    }
  })

  it('gives up after its attempts, and says how many were not published', async () => {
    const isThrottled = (n: number) => n === 3 || n === 17
    const { bus, sent, pauses } = openBus((n) => (isThrottled(n) ? throttled : taken))
    const error = await rejection(bus.publish(events(25)), 'StorageFailed')
    expect(sent()).toHaveLength(5)
    expect(sent().slice(1)).toEqual([[3], [3], [3], [3]])
    expect(pauses).toHaveLength(4)
    expect(error.message).toContain('25 events, of which 16 were not: ThrottlingException: stubbed')
    const failed = [3, ...Array.from({ length: 15 }, (_, i) => 10 + i)]
    expect(error.details).toEqual({ published: 9, failed })
  })

  it('never pauses longer than five seconds', async () => {
    const { bus, pauses } = openBus(() => throttled, { maxAttempts: 12, random: () => 1 })
    await rejection(bus.publish(events(1)), 'StorageFailed')
    expect(pauses).toHaveLength(11)
    expect(pauses.at(-1)).toBe(5000)
    expect(pauses).toEqual(pauses.toSorted((a, b) => a - b))
  })

  it.each([
    ['NotAuthorizedForSourceException', 'AccessRefused'],
    ['AccessDeniedException', 'AccessRefused'],
    ['InvalidArgument', 'StorageFailed'],
  ] as const)('does not try %s again, and publishes all else', async (code, name) => {
    const { bus, sent, pauses } = openBus((n) => (n === 2 ? failing(code) : taken))
    const error = await rejection(bus.publish(events(15)), name)
    expect(sent().map(({ length }) => length)).toEqual([10, 5])
    expect(pauses).toEqual([])
    expect(error.details).toEqual({ published: 14, failed: [2] })
  })

  it('takes an entry without an answer for one that failed', async () => {
    const { options, requests } = stubbed(() => ({ FailedEntryCount: 0, Entries: [] }))
    const client = new EventBridgeClient(options)
    const pause = async () => undefined
    const bus = new EventBridgeBus({ client, eventBus: 'a-bus', maxAttempts: 2, pause })
    await rejection(bus.publish(events(1)), 'StorageFailed')
    expect(requests).toHaveLength(2)
  })

  it('sends a request again whose answer was lost', async () => {
    let requestCount = 0
    const { options, requests } = stubbed((_, input) => {
      requestCount++
      if (requestCount === 1) throw new LostAnswer('the connection broke')
      return { FailedEntryCount: 0, Entries: numbersOf(input).map(() => taken) }
    })
    const bus = new EventBridgeBus({ client: new EventBridgeClient(options), eventBus: 'a-bus' })
    await bus.publish(events(3))
    expect(requests.map(({ input }) => numbersOf(input))).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ])
  })

  it('stops at a request that fails as a whole, and counts what it did not send', async () => {
    const { options } = stubbed((_, input) => {
      if (numbersOf(input).includes(10)) throw new ServiceFault('AccessDeniedException', 400)
      return { FailedEntryCount: 0, Entries: numbersOf(input).map(() => taken) }
    })
    const bus = new EventBridgeBus({ client: new EventBridgeClient(options), eventBus: 'a-bus' })
    const error = await rejection(bus.publish(events(25)), 'AccessRefused')
    const failed = Array.from({ length: 15 }, (_, i) => 10 + i)
    expect(error.details).toEqual({ published: 10, failed })
    expect(error.cause).toMatchObject({ name: 'AccessDeniedException' })
    expect(error.message).toContain('25 events, of which 15 were not')
  })
})
