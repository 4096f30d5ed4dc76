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

    it('answers the positions of what it appends, at each of which it has one record', async () => {
      const [first, other, more] = await Promise.all([
        log.append('a', numbered(0, 2)),
        log.append('b', [{ n: 'other' }]),
        log.append('a', numbered(2, 3)),
      ])
      const records = await log.read('a')
      expect(records.map(({ position }) => position)).toEqual([...first, ...more])
      for (const record of records) {
        expect(await log.get('a', record.position)).toEqual(record)
      }
      expect(await log.get('b', other[0]!)).toMatchObject({ key: 'b', record: { n: 'other' } })
      const many = await log.append('a', numbered(3, 103))
      expect(ns([(await log.get('a', many[99]!))!])).toEqual([102])
      expect(await log.append('a', [])).toEqual([])
    })

    it('has no record at a position of another key, or at one that it has not given yet', async () => {
      const [position] = await log.append('a', [{ n: 0 }])
      expect(await log.get('b', position!)).toBeUndefined()
      const after = position!.replace(/^0/, '1')
      expect(await log.get('a', after)).toBeUndefined()
      expect(await log.get('a', position!.replace(/\d/g, '0'))).toBeUndefined()
      for (const none of ['', '1', 'nonsense', `${position!} `]) {
        await rejection(log.get('a', none), 'CursorInvalid')
      }
      await rejection(log.get('', position!), 'ItemInvalid')
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

    it('refuses a name that is none', async () => {
      for (const consumer of ['', 'x'.repeat(256), '\ud800']) {
        expect(() => log.subscribe(consumer, async () => undefined)).toThrow('name')
      }
      for (const key of ['', 'é'.repeat(513), 'a\ud800']) {
        await rejection(log.append(key, [{ n: 1 }]), 'ItemInvalid')
        await rejection(log.read(key), 'ItemInvalid')
      }
    })

    it.each(['é'.repeat(512), 'log#a', '__proto__', 'a\0b', "'; --"])(
      'takes %j as a key like any other',
      async (key) => {
        await log.append(key, numbered(0, 2))
        await log.append(`${key.slice(0, -1)}z`, [{ n: 'other' }])
        expect(ns(await log.read(key))).toEqual([0, 1])
      },
    )

    it('keeps every record of concurrent appends, those of one call together', async () => {
      const calls = Array.from({ length: 20 }, (_, i) => numbered(3 * i, 3 * i + 3))
      await Promise.all(calls.map((records) => log.append('a', records)))
      const found = ns(await log.read('a')) as number[]
      expect(found.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i))
      for (let i = 0; i < 60; i += 3) expect(found[i + 2]! - found[i]!).toBe(2)
    })

    it('takes more records at once than a page has', async () => {
      await log.append('a', numbered(0, 1234))
      const first = await log.read('a')
      const rest = await log.read('a', { after: first.at(-1)!.position })
      expect(ns([...first, ...rest])).toEqual(Array.from({ length: 1234 }, (_, i) => i))
    })

    it('appends no record of a call that it refuses', async () => {
      const large = { text: 'x'.repeat(398 * 1024) }
      await rejection(log.append('a', [{ n: 1 }, large]), 'ItemTooLarge')
      await rejection(log.append('a', [{ n: 1 }, { n: Number.NaN }]), 'ItemInvalid')
      await rejection(log.append('', [{ n: 1 }]), 'ItemInvalid')
      await log.append('a', [])
      expect(await log.read('a')).toEqual([])
    })

    it('takes records of exactly 398 KB of UTF-8, under the longest key', async () => {
      const key = 'k'.repeat(1024)
      const accented: JsonObject = { text: 'é'.repeat(199 * 1024 - 6) + 'x' }
      const plain: JsonObject = { text: 'x'.repeat(398 * 1024 - 11) }
      for (const record of [accented, plain]) {
        expect(Buffer.byteLength(JSON.stringify(record))).toBe(398 * 1024)
      }
      await log.append(key, [accented])
      await log.append(key, Array<JsonObject>(12).fill(plain))
      const records = (await log.read(key)).map(({ record }) => record)
      expect(records).toEqual([accented, ...Array<JsonObject>(12).fill(plain)])
    })
  })
}
