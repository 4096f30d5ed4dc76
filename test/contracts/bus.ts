import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type EventEnvelope, eventEnvelope } from '../../events/envelope.ts'
import type { Bus, OutgoingEvent } from '../../platform/ports/bus.ts'
import { rejection } from './expect-error.ts'

export interface OpenBus {
  readonly bus: Bus
  addRule(rule: {
    readonly name: string
    matches(event: EventEnvelope): boolean
    deliver(event: EventEnvelope): Promise<void>
  }): void
  /** Resolves when every event was delivered, also those that need several attempts. */
  delivered(): Promise<void>
  close(): Promise<void>
}

/** What every bus promises. */
export function busContract(name: string, open: () => Promise<OpenBus>): void {
  describe(`bus: ${name}`, () => {
    let opened: OpenBus
    let bus: Bus
    beforeEach(async () => {
      opened = await open()
      bus = opened.bus
    })
    afterEach(() => opened.close())

    const event = (n: number): OutgoingEvent => ({
      source: 'millrace',
      detailType: 'Model Registered',
      detail: { n, nested: { text: 'ä😀' } },
      resources: ['arn:aws:s3:::bucket'],
    })
    const collect = (ruleName: string, matches: (event: EventEnvelope) => boolean) => {
      const events: EventEnvelope[] = []
      const deliver = async (delivered: EventEnvelope) => {
        events.push(delivered)
      }
      opened.addRule({ name: ruleName, matches, deliver })
      return events
    }
    const numbers = (events: readonly EventEnvelope[]) =>
      events.map(({ detail }) => detail['n'] as number).toSorted((a, b) => a - b)

    it('delivers each event in EventBridge’s envelope', async () => {
      const received = collect('all', () => true)
      await bus.publish([event(1)])
      await opened.delivered()
      expect(received).toHaveLength(1)
      expect(eventEnvelope.parse(received[0])).toMatchObject({
        version: '0',
        source: 'millrace',
        'detail-type': 'Model Registered',
        resources: ['arn:aws:s3:::bucket'],
        detail: event(1).detail,
      })
      expect(received[0]!.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    })

    it('gives each rule the events that match it', async () => {
      const even = collect('even', ({ detail }) => (detail['n'] as number) % 2 === 0)
      const all = collect('all', () => true)
      const none = collect('none', () => false)
      await bus.publish([event(1), event(2)])
      await bus.publish([event(3), event(4)])
      await opened.delivered()
      expect(numbers(even)).toEqual([2, 4])
      expect(numbers(all)).toEqual([1, 2, 3, 4])
      expect(none).toEqual([])
      expect(new Set(all.map(({ id }) => id)).size).toBe(4)
    })

    it('tries a failed delivery again, without troubling other rules', async () => {
      let attempts = 0
      const seen: number[] = []
      opened.addRule({
        name: 'shaky',
        matches: () => true,
        deliver: async ({ detail }) => {
          attempts++
          if (attempts < 3) throw new Error('not yet')
          seen.push(detail['n'] as number)
        },
      })
      const steady = collect('steady', () => true)
      await bus.publish([event(1)])
      await opened.delivered()
      expect(seen).toEqual([1])
      expect(attempts).toBe(3)
      expect(numbers(steady)).toEqual([1])
    })

    it('delivers many events, each once', async () => {
      const received = collect('all', () => true)
      const ns = Array.from({ length: 500 }, (_, i) => i)
      await Promise.all(ns.map((n) => bus.publish([event(n)])))
      await opened.delivered()
      expect(numbers(received)).toEqual(ns)
    })

    it('publishes none of a call whose entries are not all taken', async () => {
      const received = collect('all', () => true)
      const large = { ...event(2), detail: { text: 'x'.repeat(256 * 1024) } }
      await rejection(bus.publish([event(1), large]), 'MessageTooLarge')
      const invalid = { ...event(3), detail: { n: Number.NaN } }
      await rejection(bus.publish([event(1), invalid]), 'ItemInvalid')
      await bus.publish([])
      await opened.delivered()
      expect(received).toEqual([])
    })
  })
}
