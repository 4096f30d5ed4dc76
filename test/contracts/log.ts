import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../platform/ports/json.ts'
import type { Log, LogRecord } from '../../platform/ports/log.ts'
import { rejection } from './expect-error.ts'

export interface OpenLog {
  readonly log: Log
  close(): Promise<void>
}

/** What every log promises. */
export function logContract(name: string, open: () => Promise<OpenLog>): void {
  describe(`log: ${name}`, () => {
    let log: Log
    let opened: OpenLog
    const stops: (() => Promise<void>)[] = []
    beforeEach(async () => {
      opened = await open()
      log = opened.log
    })
    afterEach(async () => {
      await Promise.all(stops.splice(0).map((stop) => stop()))
      await opened.close()
    })

    /** Collects what a consumer gets, until so many records came. */
    const consume = (
      consumer: string,
      count: number,
      handler: (batch: readonly LogRecord[]) => void = () => undefined,
    ) => {
      const records: LogRecord[] = []
      const done = Promise.withResolvers<LogRecord[]>()
      const stop = log.subscribe(consumer, async (batch) => {
        handler(batch)
        records.push(...batch)
        if (records.length >= count) done.resolve(records)
      })
      stops.push(stop)
      return { done: done.promise, records, stop }
    }
    const ns = (records: readonly LogRecord[]) => records.map(({ record }) => record['n'])
    const numbered = (from: number, to: number): JsonObject[] =>
      Array.from({ length: to - from }, (_, i) => ({ n: from + i }))

    it('reads what was appended under a key, in order, with positions that grow as text', async () => {
      await log.append('a', numbered(0, 12))
      await log.append('b', [{ n: 'other' }])
      await log.append('a', numbered(12, 15))
      const records = await log.read('a')
      expect(ns(records)).toEqual(Array.from({ length: 15 }, (_, i) => i))
      const positions = records.map(({ position }) => position)
      expect(positions.toSorted()).toEqual(positions)
      expect(new Set(positions).size).toBe(15)
      expect(records.every(({ key }) => key === 'a')).toBe(true)
      expect(await log.read('never')).toEqual([])
    })

    it('pages by position', async () => {
      await log.append('a', numbered(0, 5))
      const first = await log.read('a', { limit: 2 })
      const rest = await log.read('a', { after: first.at(-1)!.position })
      expect([ns(first), ns(rest)]).toEqual([
        [0, 1],
        [2, 3, 4],
      ])
      await rejection(log.read('a', { after: 'nonsense' }), 'CursorInvalid')
      await rejection(log.read('a', { limit: 0 }), 'RequestInvalid')
    })

    it('delivers what is there and what comes, in order for each key', async () => {
      await log.append('a', numbered(0, 3))
      const { done } = consume('consumer', 250)
      for (let n = 3; n < 125; n++) {
        await Promise.all([log.append('a', [{ n }]), log.append('b', [{ n: n - 3 }])])
      }
      await log.append('b', numbered(122, 125))
      const records = await done
      for (const key of ['a', 'b']) {
        const own = records.filter((record) => record.key === key)
        expect(ns(own)).toEqual(Array.from({ length: 125 }, (_, i) => i))
      }
    })

    it('gives every consumer all records', async () => {
      const consumers = [consume('one', 3), consume('two', 3)]
      await log.append('a', numbered(0, 3))
      for (const { done } of consumers) expect(ns(await done)).toEqual([0, 1, 2])
    })

    it('gives a batch whose handler threw again, at the same positions', async () => {
      await log.append('a', numbered(0, 3))
      const seen: (readonly string[])[] = []
      const { done } = consume('consumer', 3, (batch) => {
        seen.push(batch.map(({ position }) => position))
        if (seen.length < 3) throw new Error('not yet')
      })
      expect(ns(await done)).toEqual([0, 1, 2])
      expect(seen).toHaveLength(3)
      expect(new Set(seen.map((positions) => positions[0])).size).toBe(1)
    })

    it('goes on after the last batch that was handled, when subscribed again', async () => {
      await log.append('a', numbered(0, 3))
      const first = consume('consumer', 3)
      await first.done
      await first.stop()
      await log.append('a', numbered(3, 6))
      const second = consume('consumer', 3)
      expect(ns(await second.done)).toEqual([3, 4, 5])
      expect(ns(first.records)).toEqual([0, 1, 2])
    })

    it('stops when the batch under way has ended', async () => {
      await log.append('a', numbered(0, 1))
      const handling = Promise.withResolvers<undefined>()
      const started = Promise.withResolvers<undefined>()
      let isHandled = false
      const stop = log.subscribe('consumer', async () => {
        started.resolve(undefined)
        await handling.promise
        isHandled = true
      })
      await started.promise
      const stopped = stop().then(() => isHandled)
      handling.resolve(undefined)
      expect(await stopped).toBe(true)
    })

    it('refuses a second subscription under one name', () => {
      consume('consumer', 1)
      expect(() => log.subscribe('consumer', async () => undefined)).toThrow('consumer')
    })

    it('appends all records of a call or none', async () => {
      const large = { text: 'x'.repeat(400 * 1024) }
      await rejection(log.append('a', [{ n: 1 }, large]), 'ItemTooLarge')
      await rejection(log.append('a', [{ n: 1 }, { n: Number.NaN }]), 'ItemInvalid')
      await rejection(log.append('', [{ n: 1 }]), 'ItemInvalid')
      await log.append('a', [])
      expect(await log.read('a')).toEqual([])
      const largest = { text: 'x'.repeat(400 * 1024 - '{"text":""}'.length) }
      await log.append('a', [largest])
      expect((await log.read('a'))[0]!.record).toEqual(largest)
    })
  })
}
