import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type EventEnvelope, eventEnvelope } from '../../events/envelope.ts'
import type { EventPattern } from '../../events/pattern.ts'
import type { Bus, OutgoingEvent } from '../../platform/ports/bus.ts'
import { rejection } from './expect-error.ts'

export interface OpenBus {
  readonly bus: Bus
  addRule(rule: {
    readonly name: string
    readonly pattern: EventPattern
    readonly deliver: (event: EventEnvelope) => Promise<void>
  }): Promise<void>
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
      detail: { n, parity: n % 2 === 0 ? 'even' : 'odd', nested: { text: 'ä😀' } },
      resources: ['arn:aws:s3:::bucket'],
    })
    const every: EventPattern = { source: ['millrace'] }
    const collect = async (ruleName: string, pattern: EventPattern) => {
      const events: EventEnvelope[] = []
      const deliver = async (delivered: EventEnvelope) => {
        events.push(delivered)
      }
      await opened.addRule({ name: ruleName, pattern, deliver })
      return events
    }
    const numbers = (events: readonly EventEnvelope[]) =>
      events.map(({ detail }) => detail['n'] as number).toSorted((a, b) => a - b)

    it('delivers each event in EventBridge’s envelope', async () => {
      const received = await collect('all', every)
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
      const even = await collect('even', { detail: { parity: ['even'] } })
      const all = await collect('all', every)
      const none = await collect('none', { ...every, 'detail-type': ['Something Else'] })
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
      await opened.addRule({
        name: 'shaky',
        pattern: every,
        deliver: async ({ detail }) => {
          attempts++
          if (attempts < 3) throw new Error('not yet')
          seen.push(detail['n'] as number)
        },
      })
      const steady = await collect('steady', every)
      await bus.publish([event(1)])
      await opened.delivered()
      expect(seen).toEqual([1])
      expect(attempts).toBe(3)
      expect(numbers(steady)).toEqual([1])
    })

    it('delivers many events, each once', async () => {
      const received = await collect('all', every)
      const ns = Array.from({ length: 500 }, (_, i) => i)
      await Promise.all(ns.map((n) => bus.publish([event(n)])))
      await opened.delivered()
      expect(numbers(received)).toEqual(ns)
    })

    it('publishes calls of many events, and of large ones', async () => {
      const received = await collect('all', every)
      await bus.publish(Array.from({ length: 25 }, (_, n) => event(n)))
      const large = (n: number) => ({ ...event(n), detail: { n, text: 'x'.repeat(150_000) } })
      await bus.publish([large(25), large(26), large(27)])
      await opened.delivered()
      expect(numbers(received)).toEqual(Array.from({ length: 28 }, (_, n) => n))
    })

    it('publishes none of a call whose entries are not all taken', async () => {
      const received = await collect('all', every)
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
