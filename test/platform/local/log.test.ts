import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { LocalDatabase } from '../../../platform/local/database.ts'
import { groupCommit } from '../../../platform/local/group-commit.ts'
import { LocalLog } from '../../../platform/local/log.ts'
import { rejection } from '../../contracts/expect-error.ts'
import { openDatabase, testDirectory } from './directory.ts'

describe('appends of the local log', () => {
  let database: LocalDatabase
  let log: LocalLog
  let commits: number
  let syncs: number

  beforeEach(async () => {
    const directory = await testDirectory()
    onTestFinished(() => directory.close())
    database = openDatabase(directory)
    commits = 0
    syncs = 0
    log = new LocalLog(counted(database), { logger: directory.logger })
    directory.onClose(() => log.close())
  })

  const counted = (one: LocalDatabase): LocalDatabase => ({
    connection: one.connection,
    transaction: (body) => {
      commits++
      return one.transaction(body)
    },
    read: (body) => one.read(body),
    durable: () => {
      syncs++
      return one.durable()
    },
    close: () => one.close(),
  })

  it('share one commit and one sync when they come in one turn of the event loop', async () => {
    const appends = Array.from({ length: 500 }, async (_, n) => {
      for (let i = 0; i < n % 5; i++) await Promise.resolve()
      return log.append(`key ${n % 7}`, [{ n }])
    })
    const positions = (await Promise.all(appends)).flat()
    expect([commits, syncs]).toEqual([1, 1])
    expect(new Set(positions).size).toBe(500)
    const found = await Promise.all(
      positions.map((position, n) => log.get(`key ${n % 7}`, position)),
    )
    expect(found.map((record) => record?.record['n'])).toEqual(found.map((_, n) => n))
  })

  it('share them, too, when they come during a sync', async () => {
    const release = Promise.withResolvers<undefined>()
    const syncing = Promise.withResolvers<undefined>()
    const durable = database.durable.bind(database)
    database.durable = async () => {
      syncing.resolve(undefined)
      await release.promise
      return durable()
    }
    const first = log.append('a', [{ n: 0 }])
    await syncing.promise
    const later = Array.from({ length: 100 }, (_, n) => log.append('a', [{ n: n + 1 }]))
    release.resolve(undefined)
    await Promise.all([first, ...later])
    expect([commits, syncs]).toEqual([2, 2])
    expect((await log.read('a')).map(({ record }) => record['n'])).toEqual(
      Array.from({ length: 101 }, (_, n) => n),
    )
  })

  it('are not answered before the sync', async () => {
    const order: string[] = []
    const durable = database.durable.bind(database)
    database.durable = async () => {
      await durable()
      order.push('synced')
    }
    await Promise.all(
      [1, 2, 3].map(async (n) => void order.push(...(await log.append('a', [{ n }])))),
    )
    expect(order[0]).toBe('synced')
  })

  it('fail together, and those after them succeed', async () => {
    const durable = database.durable.bind(database)
    database.durable = async () => {
      database.durable = durable
      throw new Error('no sync')
    }
    const failed = await Promise.allSettled([1, 2].map((n) => log.append('a', [{ n }])))
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await log.append('b', [{ n: 3 }])).toHaveLength(1)
    await rejection(log.append('b', [{ n: Number.NaN }]), 'ItemInvalid')
  })
})

describe('groupCommit', () => {
  it('commits one group after the other, and loses none', async () => {
    let running = 0
    const groups: (readonly number[])[] = []
    const commit = groupCommit<number>(async (group) => {
      expect(++running).toBe(1)
      groups.push(group)
      await new Promise((resolve) => setImmediate(resolve))
      running--
    })
    const own = async (from: number) => {
      for (let n = from; n < from + 10; n++) await commit(n)
    }
    await Promise.all([own(0), own(10), own(20)])
    expect(groups.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n))
    expect(groups.length).toBeLessThan(15)
  })
})
