import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EventEnvelope } from '../../../events/envelope.ts'
import { LocalBus, type LocalBusOptions } from '../../../platform/local/bus.ts'
import { openLocalDatabase } from '../../../platform/local/database.ts'
import { LocalLog } from '../../../platform/local/log.ts'
import { openDatabase, type TestDirectory, testDirectory } from './directory.ts'

let directory: TestDirectory
beforeEach(async () => {
  directory = await testDirectory()
})
afterEach(() => directory.close())

function openBus(options: Partial<LocalBusOptions> = {}) {
  const { clock, logger, dataDir } = directory
  const database = openLocalDatabase(dataDir)
  const bus = new LocalBus(database, { clock, logger, ...options })
  const close = async () => {
    await bus.close()
    await database.close()
  }
  directory.onClose(close)
  return { bus, database, close }
}

const outgoing = (n: number) => ({ source: 'test', detailType: 'Numbered', detail: { n } })
const numbersOf = (events: readonly EventEnvelope[]) => events.map(({ detail }) => detail['n'])

function collecting(name: string, deliver: () => Promise<void> = async () => undefined) {
  const events: EventEnvelope[] = []
  const rule = {
    name,
    matches: () => true,
    deliver: async (event: EventEnvelope) => {
      events.push(event)
      await deliver()
    },
  }
  return { events, rule }
}

const rows = (database: ReturnType<typeof openLocalDatabase>, table: string) =>
  Number(database.connection.prepare(`SELECT count(*) AS n FROM ${table}`).get()!['n'])

describe('the local bus', () => {
  it('delivers what was published before its start, and forgets what was delivered', async () => {
    const { bus, database } = openBus()
    const { events, rule } = collecting('all')
    await bus.publish([outgoing(1), outgoing(2)])
    bus.addRule(rule)
    expect(events).toEqual([])
    bus.start()
    await bus.publish([outgoing(3)])
    await bus.drained()
    await bus.close()
    expect(numbersOf(events)).toEqual([1, 2, 3])
    expect([rows(database, 'bus_events'), rows(database, 'bus_progress')]).toEqual([0, 0])
  })

  it('delivers an event of a transaction when it commits, and none when it is taken back', async () => {
    const { bus, database } = openBus()
    const { events, rule } = collecting('all')
    bus.addRule(rule)
    bus.start()
    expect(() =>
      database.transaction(() => {
        bus.publishInTransaction(bus.envelopeOf(outgoing(1)))
        throw new Error('taken back')
      }),
    ).toThrow('taken back')
    database.connection.exec('BEGIN IMMEDIATE')
    bus.publishInTransaction(bus.envelopeOf(outgoing(2)))
    database.connection.exec('COMMIT')
    await bus.drained()
    expect(numbersOf(events)).toEqual([2])
  })

  it('goes on after a restart with those rules that had not taken an event', async () => {
    const first = openBus({ retry: { firstPauseMs: 100_000 } })
    const quick = collecting('quick')
    const broken = collecting('broken', () => Promise.reject(new Error('down')))
    first.bus.addRule(quick.rule)
    first.bus.addRule(broken.rule)
    first.bus.start()
    await first.bus.publish([outgoing(1)])
    await expect.poll(() => broken.events).toHaveLength(1)
    await first.close()

    const second = openBus()
    const quickAgain = collecting('quick')
    const repaired = collecting('broken')
    second.bus.addRule(quickAgain.rule)
    second.bus.addRule(repaired.rule)
    second.bus.start()
    await second.bus.drained()
    expect(numbersOf(quick.events)).toEqual([1])
    expect(numbersOf(quickAgain.events)).toEqual([])
    expect(numbersOf(repaired.events)).toEqual([1])
    expect(repaired.events[0]).toEqual(broken.events[0])
  })

  it('keeps an event that is never taken as a dead letter, also across restarts', async () => {
    const retry = { firstPauseMs: 1, maxAttempts: 3 }
    const { bus, close } = openBus({ retry })
    const broken = collecting('broken', () => Promise.reject(new Error('no such target')))
    bus.addRule(broken.rule)
    bus.start()
    await bus.publish([outgoing(1)])
    await bus.drained()
    expect(broken.events).toHaveLength(3)
    await close()
    const letters = openBus({ retry }).bus.deadLetters()
    expect(letters).toMatchObject([
      { rule: 'broken', attempts: 3, error: 'Error: no such target', event: { detail: { n: 1 } } },
    ])
    expect(directory.logger.lines.filter(({ level }) => level === 'error')).toHaveLength(1)
  })

  it('gives up after a day, whatever the number of attempts', async () => {
    const { bus } = openBus({ retry: { firstPauseMs: 1 } })
    bus.addRule(
      collecting('broken', async () => {
        directory.clock.advance(13 * 3600 * 1000)
        throw new Error('down')
      }).rule,
    )
    bus.start()
    await bus.publish([outgoing(1)])
    await bus.drained()
    expect(bus.deadLetters()).toMatchObject([{ attempts: 2 }])
  })

  it('runs at most so many deliveries of a rule at a time', async () => {
    const { bus } = openBus({ concurrency: 3 })
    let running = 0
    let most = 0
    const { events, rule } = collecting('all', async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setImmediate(resolve))
      running--
    })
    bus.addRule(rule)
    bus.start()
    await bus.publish(Array.from({ length: 20 }, (_, i) => outgoing(i)))
    await bus.drained()
    expect(events).toHaveLength(20)
    expect(most).toBe(3)
  })

  it('delivers more than it holds in memory at once', async () => {
    const { bus, database } = openBus()
    const { events, rule } = collecting('all')
    bus.addRule(rule)
    bus.start()
    for (let i = 0; i < 3; i++) {
      await bus.publish(Array.from({ length: 1000 }, (_, n) => outgoing(1000 * i + n)))
    }
    await bus.drained()
    expect(new Set(numbersOf(events)).size).toBe(3000)
    await bus.close()
    expect(rows(database, 'bus_events')).toBe(0)
  })

  it('survives a rule that cannot match', async () => {
    const { bus } = openBus()
    const { events, rule } = collecting('all')
    const matches = () => {
      throw new Error('a fault of the pattern')
    }
    bus.addRule({ ...rule, name: 'faulty', matches })
    bus.addRule(rule)
    expect(() => bus.addRule(rule)).toThrow('all')
    bus.start()
    await bus.publish([outgoing(1)])
    await bus.drained()
    expect(numbersOf(events)).toEqual([1])
  })
})

describe('the local log', () => {
  it('goes on after a restart where its consumer was', async () => {
    const { logger } = directory
    const seen: unknown[] = []
    const consumeAll = async (log: LocalLog, count: number) => {
      const stop = log.subscribe('consumer', async (batch) => {
        seen.push(...batch.map(({ record }) => record['n']))
      })
      await expect.poll(() => seen).toHaveLength(count)
      await stop()
    }
    const before = openDatabase(directory)
    const log = new LocalLog(before, { logger, batchSize: 2 })
    await log.append('a', [{ n: 1 }, { n: 2 }, { n: 3 }])
    await consumeAll(log, 3)
    await log.close()
    await before.close()

    const again = new LocalLog(openDatabase(directory), { logger })
    await again.append('a', [{ n: 4 }])
    await consumeAll(again, 4)
    expect(seen).toEqual([1, 2, 3, 4])
    expect((await again.read('a')).map(({ record }) => record['n'])).toEqual([1, 2, 3, 4])
  })
})
