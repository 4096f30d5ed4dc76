import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { coalesced } from '../../../platform/local/coalesced.ts'
import { openLocalDatabase } from '../../../platform/local/database.ts'
import { LocalQueue } from '../../../platform/local/queue.ts'
import { LocalTable } from '../../../platform/local/table.ts'
import { type ErrorName, MillraceError } from '../../../platform/ports/errors.ts'
import { rejection } from '../../contracts/expect-error.ts'
import { openDatabase, type TestDirectory, testDirectory } from './directory.ts'

let directory: TestDirectory
beforeEach(async () => {
  directory = await testDirectory()
})
afterEach(() => directory.close())

const file = () => join(directory.dataDir, 'millrace.sqlite')

function openError(dataDir = directory.dataDir): MillraceError {
  try {
    const database = openLocalDatabase(dataDir)
    directory.onClose(() => database.close())
  } catch (error) {
    expect(error).toBeInstanceOf(MillraceError)
    return error as MillraceError
  }
  throw new Error('it was opened')
}

describe('opening a data directory', () => {
  it('makes it, with the folders above it', async () => {
    const database = openLocalDatabase(join(directory.dataDir, 'a', 'b'))
    await database.close()
    expect(
      (await readFile(join(directory.dataDir, 'a', 'b', 'millrace.sqlite'))).length,
    ).toBeGreaterThan(0)
  })

  it('is refused while another has it, and says who', async () => {
    openDatabase(directory)
    const address = JSON.stringify({ pid: 4711, url: 'http://127.0.0.1:4600' })
    const nameless = openError()
    await writeFile(join(directory.dataDir, 'platform.json'), address)
    const named = openError()
    expect([nameless.name, named.name]).toEqual(['DataDirectoryBusy', 'DataDirectoryBusy'])
    expect(nameless.message).toContain(directory.dataDir)
    expect(named.message).toContain('process 4711, http://127.0.0.1:4600')
  })

  it.each(['{', '[]', 'null', '{"pid":"x","url":1}'])(
    'is refused clearly also when the address file is %s',
    async (text) => {
      openDatabase(directory)
      await writeFile(join(directory.dataDir, 'platform.json'), text)
      expect(openError().name).toBe('DataDirectoryBusy')
    },
  )

  it('is free again once it is closed, which can be done twice', async () => {
    const first = openDatabase(directory)
    await first.close()
    await first.close()
    expect(openDatabase(directory).connection.isOpen).toBe(true)
  })

  it.each<[string, ErrorName, () => Promise<unknown>]>([
    ['garbage', 'DataDirectoryInvalid', () => writeFile(file(), 'garbage '.repeat(1000))],
    [
      'a database cut short',
      'DataDirectoryInvalid',
      () => damage((bytes) => bytes.subarray(0, 6000)),
    ],
    [
      'a database with pages overwritten',
      'DataDirectoryInvalid',
      () => damage((bytes) => bytes.fill(0xaa, 4096)),
    ],
    [
      'one of a newer version',
      'DataDirectoryInvalid',
      async () => new DatabaseSync(file()).exec('PRAGMA user_version = 1000'),
    ],
    ['a directory in its place', 'DataDirectoryInvalid', () => mkdir(file())],
  ])('is refused over %s', async (_, name, prepare) => {
    await prepare()
    const error = openError()
    expect(error.name).toBe(name)
  })

  it('is refused where a file is in its place', async () => {
    await writeFile(join(directory.dataDir, 'file'), 'x')
    expect(openError(join(directory.dataDir, 'file')).name).toBe('DataDirectoryInvalid')
    expect(openError(join(directory.dataDir, 'file', 'below')).name).toBe('DataDirectoryInvalid')
  })

  it.runIf(existsSync('/proc'))('is refused, soon, where no folder can be made', () => {
    for (const folder of ['/proc/millrace', '/proc/millrace/data']) {
      expect(openError(folder)).toMatchObject({ name: 'DataDirectoryInvalid' })
    }
  })

  it('keeps what was stored before', async () => {
    const { clock } = directory
    const before = openDatabase(directory)
    await new LocalTable(before).put({ pk: 'p', sk: 's', n: 1 })
    await new LocalQueue(before, { clock }).send('x')
    await before.close()
    const after = openDatabase(directory)
    expect(await new LocalTable(after).get('p', 's')).toEqual({ pk: 'p', sk: 's', n: 1 })
    expect(await new LocalQueue(after, { clock }).receive()).toMatchObject([{ body: 'x' }])
  })
})

async function damage(change: (bytes: Buffer) => Uint8Array): Promise<void> {
  const database = openLocalDatabase(directory.dataDir)
  const table = new LocalTable(database)
  for (let i = 0; i < 50; i++) await table.put({ pk: 'p', sk: `${i}`, text: 'x'.repeat(1000) })
  await database.close()
  await writeFile(file(), change(await readFile(file())))
}

describe('transactions', () => {
  it('commit together, take everything back together, and nest', async () => {
    const { connection, transaction } = bound(openDatabase(directory))
    connection.exec('CREATE TABLE t (n INTEGER)')
    const insert = connection.prepare('INSERT INTO t VALUES (?)')
    const values = () =>
      connection
        .prepare('SELECT n FROM t')
        .all()
        .map((row) => row['n'])

    transaction(() => {
      insert.run(1)
      expect(() =>
        transaction(() => {
          insert.run(2)
          throw new Error('only the inner one')
        }),
      ).toThrow('only the inner one')
      transaction(() => insert.run(3))
    })
    expect(values()).toEqual([1, 3])

    expect(() =>
      transaction(() => {
        transaction(() => insert.run(4))
        throw new Error('all of it')
      }),
    ).toThrow('all of it')
    expect(values()).toEqual([1, 3])

    connection.exec('BEGIN IMMEDIATE')
    transaction(() => insert.run(5))
    connection.exec('ROLLBACK')
    expect(values()).toEqual([1, 3])
  })

  it('fail as StorageFailed when the disk is full, and leave the old state readable', async () => {
    const database = openDatabase(directory)
    const table = new LocalTable(database)
    await table.put({ pk: 'p', sk: 's', n: 1 })
    const { page_count: pages } = database.connection.prepare('PRAGMA page_count').get()!
    database.connection.exec(`PRAGMA max_page_count = ${String(pages)}`)

    const error = await rejection(
      table.put({ pk: 'p', sk: 't', x: 'x'.repeat(300_000) }),
      'StorageFailed',
    )
    expect(error.cause).toMatchObject({ message: 'database or disk is full' })
    expect((await table.query('p')).items).toEqual([{ pk: 'p', sk: 's', n: 1 }])
    expect(database.connection.isTransaction).toBe(false)

    database.connection.exec('PRAGMA max_page_count = 100000')
    await table.put({ pk: 'p', sk: 't', n: 2 })
    expect((await table.query('p')).items).toHaveLength(2)
  })

  it('fail as StorageFailed once the platform is closed', async () => {
    const database = openDatabase(directory)
    const table = new LocalTable(database)
    await database.close()
    await rejection(table.put({ pk: 'p', sk: 's' }), 'StorageFailed')
    await rejection(table.get('p', 's'), 'StorageFailed')
  })
})

function bound(database: ReturnType<typeof openLocalDatabase>) {
  const transaction = <T>(body: () => T) => database.transaction(body)
  return { connection: database.connection, transaction }
}

describe('coalesced', () => {
  it('answers each call by a run that began after it, shares runs, never runs two', async () => {
    const runs: PromiseWithResolvers<undefined>[] = []
    let running = 0
    const shared = coalesced(async () => {
      const run = Promise.withResolvers<undefined>()
      runs.push(run)
      expect(++running).toBe(1)
      await run.promise.finally(() => running--)
    })
    const first = shared()
    const [second, third] = [shared(), shared()]
    expect(runs).toHaveLength(1)
    runs[0]!.resolve(undefined)
    // Callers at every moment between the end of one run and the beginning of the next.
    const late: Promise<void>[] = []
    for (let i = 0; i < 10; i++) {
      late.push(shared())
      await Promise.resolve()
    }
    await first
    expect(runs).toHaveLength(2)
    runs[1]!.reject(new Error('EIO'))
    await expect(second).rejects.toThrow('EIO')
    await expect(third).rejects.toThrow('EIO')
    await expect.poll(() => runs).toHaveLength(3)
    runs[2]!.resolve(undefined)
    await Promise.allSettled(late)
    expect(runs).toHaveLength(3)
  })
})
