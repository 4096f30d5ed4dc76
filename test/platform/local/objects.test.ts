import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { lstat, mkdir, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EventEnvelope } from '../../../events/envelope.ts'
import { type FileSystem, nodeFileSystem } from '../../../platform/local/file-system.ts'
import { entryOf } from '../../../platform/ports/object-options.ts'
import { rejection } from '../../contracts/expect-error.ts'
import { openStore, type OpenStore, type TestDirectory, testDirectory } from './directory.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

let directory: TestDirectory
beforeEach(async () => {
  directory = await testDirectory()
})
afterEach(() => directory.close())

const path = (...segments: string[]) => join(directory.dataDir, ...segments)
const shown = (key: string) => readFile(path('bucket', key), 'utf8')
const versionFiles = () => readdir(path('versions'))

/** The store's events, collected by a rule. */
function collectEvents({ bus }: OpenStore): EventEnvelope[] {
  const events: EventEnvelope[] = []
  bus.addRule({
    name: 'test',
    matches: () => true,
    deliver: async (event) => void events.push(event),
  })
  bus.start()
  return events
}

describe('the visible bucket', () => {
  it('shows the current version of each key as a file', async () => {
    const { objects } = await openStore(directory)
    await objects.put('uploads/ada/iris.npy', bytes('one'))
    await objects.put('top', bytes('x'))
    expect(await shown('uploads/ada/iris.npy')).toBe('one')
    await objects.put('uploads/ada/iris.npy', bytes('two'))
    expect(await shown('uploads/ada/iris.npy')).toBe('two')
    await objects.delete('uploads/ada/iris.npy')
    await expect(shown('uploads/ada/iris.npy')).rejects.toThrow('ENOENT')
    expect(await shown('top')).toBe('x')
  })

  it('shows the version that is current after many concurrent writes', async () => {
    const { objects } = await openStore(directory)
    await Promise.all(Array.from({ length: 30 }, (_, i) => objects.put('key', bytes(`${i}`))))
    expect(bytes(await shown('key'))).toEqual(await objects.read('key'))
    expect(await versionFiles()).toHaveLength(30)
  })

  it('is only a view: what is done to it changes no version', async () => {
    const { objects } = await openStore(directory)
    await objects.put('models/a', bytes('true'))
    await writeFile(path('bucket/models/a'), 'false')
    expect(await objects.read('models/a')).toEqual(bytes('true'))
    await rm(path('bucket/models/a'))
    expect(await objects.read('models/a')).toEqual(bytes('true'))
  })

  it('is never written through a link', async () => {
    const { objects } = await openStore(directory)
    await mkdir(path('outside'))
    await symlink(path('outside'), path('bucket/linked'))
    await objects.put('linked/a', bytes('x'))
    expect(await objects.read('linked/a')).toEqual(bytes('x'))
    expect(await readdir(path('outside'))).toEqual([])
    expect(directory.logger.lines).toMatchObject([{ level: 'warn', fields: { key: 'linked/a' } }])

    await writeFile(path('outside/b'), 'secret')
    await symlink(path('outside/b'), path('bucket/b'))
    await objects.put('b', bytes('mine'))
    expect(await readFile(path('outside/b'), 'utf8')).toBe('secret')
    expect((await lstat(path('bucket/b'))).isSymbolicLink()).toBe(false)
  })

  it('gives way to keys, where only empty folders of deleted ones are left', async () => {
    const { objects } = await openStore(directory)
    await objects.put('a/b/c', bytes('x'))
    await objects.delete('a/b/c')
    await objects.put('a', bytes('file'))
    expect(await shown('a')).toBe('file')
  })

  it('keeps a file that someone put where an upload is written, for it is a version to come', async () => {
    const { objects } = await openStore(directory)
    await writeFile(path('bucket/uploads/a.npy'), 'theirs')
    await objects.put('uploads/a.npy', bytes('ours'))
    expect(await shown('uploads/a.npy')).toBe('theirs')
    const version = await objects.takeFile('uploads/a.npy')
    expect(await objects.read('uploads/a.npy', version)).toEqual(bytes('theirs'))
    expect(await objects.versions('uploads/a.npy')).toHaveLength(2)
    await objects.put('uploads/a.npy', bytes('again ours'))
    expect(await shown('uploads/a.npy')).toBe('again ours')
  })
})

describe('taking a file from the visible bucket', () => {
  it('snapshots it as a version, with its event', async () => {
    const store = await openStore(directory)
    const events = collectEvents(store)
    await writeFile(path('bucket/uploads/a.npy'), 'abc')
    const version = await store.objects.takeFile('uploads/a.npy')
    expect(version).toMatchObject({ key: 'uploads/a.npy', size: 3 })
    await writeFile(path('bucket/uploads/a.npy'), 'changed in place')
    expect(await store.objects.read('uploads/a.npy')).toEqual(bytes('abc'))
    await store.bus.drained()
    expect(events).toMatchObject([{ detail: { object: { key: 'uploads/a.npy', size: 3 } } }])
  })

  it('answers undefined for what is gone or is no file, and leaves nothing', async () => {
    const { objects } = await openStore(directory)
    await symlink('/etc/hostname', path('bucket/uploads/link'))
    expect(await objects.takeFile('uploads/none')).toBeUndefined()
    expect(await objects.takeFile('uploads/link')).toBeUndefined()
    await rejection(objects.takeFile('uploads/../../x'), 'ObjectKeyInvalid')
    expect(await versionFiles()).toEqual([])
  })

  it('answers undefined for what changes meanwhile', async () => {
    let grow = () => {}
    const files: FileSystem = {
      ...nodeFileSystem,
      rename: (from, to) => {
        grow()
        nodeFileSystem.rename(from, to)
      },
    }
    const { objects } = await openStore(directory, { files })
    await writeFile(path('bucket/uploads/a'), 'abc')
    grow = () => writeFileSync(path('bucket/uploads/a'), 'abcd')
    expect(await objects.takeFile('uploads/a')).toBeUndefined()
    expect(await versionFiles()).toEqual([])
    expect(await objects.versions('uploads/a')).toEqual([])
  })
})

describe('a disk that fails', () => {
  const full = () =>
    Object.assign(new Error('ENOSPC: no space left on device'), {
      code: 'ENOSPC',
      syscall: 'write',
    })

  /** Fails at one operation, from when it is told to. */
  const failing = (operation: keyof FileSystem) => {
    const state = { fails: false }
    const files: FileSystem = {
      ...nodeFileSystem,
      [operation]: (...args: unknown[]) => {
        if (state.fails) throw full()
        return (nodeFileSystem as Record<string, (...args: unknown[]) => unknown>)[operation]!(
          ...args,
        )
      },
    }
    return { state, files }
  }

  it.each(['open', 'write', 'syncData', 'rename', 'sync', 'copy'] as const)(
    'at %s: the old state stays readable and the error is told',
    async (operation) => {
      const { state, files } = failing(operation)
      const store = await openStore(directory, { files })
      const events = collectEvents(store)
      await store.objects.put('key', bytes('old'))
      state.fails = true
      const error = await rejection(store.objects.put('key', bytes('new')), 'StorageFailed')
      expect(error.cause).toMatchObject({ code: 'ENOSPC' })
      state.fails = false
      expect(await store.objects.read('key')).toEqual(bytes('old'))
      expect(await store.objects.versions('key')).toHaveLength(1)
      expect(await shown('key')).toBe('old')
      expect(await versionFiles()).toHaveLength(1)
      await store.bus.drained()
      expect(events).toHaveLength(1)
      await store.objects.put('key', bytes('newer'))
      expect(await store.objects.read('key')).toEqual(bytes('newer'))
    },
  )

  it('in the database: nothing is left of the write', async () => {
    const { objects, database } = await openStore(directory)
    await objects.put('key', bytes('old'))
    const { page_count: pages } = database.connection.prepare('PRAGMA page_count').get()!
    database.connection.exec(`PRAGMA max_page_count = ${String(pages)}`)
    let failures = 0
    for (let i = 0; i < 200 && failures === 0; i++) {
      const metadata = { filler: 'x'.repeat(2000) }
      await objects.put('key', bytes('new'), { metadata }).catch((error: unknown) => {
        expect(error).toMatchObject({ name: 'StorageFailed' })
        failures++
      })
    }
    expect(failures).toBe(1)
    expect(await versionFiles()).toHaveLength((await objects.versions('key')).length)
  })

  it('tells of a version whose file was cut short', async () => {
    const { objects } = await openStore(directory)
    const { versionId } = await objects.put('key', bytes('0123456789'))
    await truncate(path('versions', versionId), 4)
    await rejection(objects.read('key'), 'StorageFailed')
    await rm(path('versions', versionId))
    await rejection(objects.read('key'), 'StorageFailed')
  })
})

describe('opening again', () => {
  it('keeps versions, deletions, secrets and the order of events', async () => {
    const before = await openStore(directory)
    const eventsBefore = collectEvents(before)
    const first = await before.objects.put('key', bytes('one'))
    await before.objects.put('gone', bytes('x'))
    await before.objects.delete('gone')
    const upload = await before.objects.presignUpload('up', { expiresInSeconds: 60, size: 1 })
    await before.bus.drained()
    await before.close()

    const after = await openStore(directory)
    const eventsAfter = collectEvents(after)
    expect(await after.objects.versions('key')).toEqual([entryOf(first)])
    await rejection(after.objects.head('gone'), 'ObjectNotFound')
    const headers = new Headers({ ...upload.headers })
    const request = { url: upload.url, headers, body: [bytes('y')] }
    const { versionId } = await after.objects.acceptUpload(request)
    expect(await after.objects.head('up')).toMatchObject({ versionId })
    await after.bus.drained()
    const sequencers = [...eventsBefore, ...eventsAfter].map(
      ({ detail }) => (detail['object'] as { sequencer: string }).sequencer,
    )
    expect(sequencers).toHaveLength(3)
    expect(sequencers.toSorted()).toEqual(sequencers)
    expect(new Set(sequencers).size).toBe(3)
    expect(sequencers.every((sequencer) => /^[0-9A-F]{18}$/.test(sequencer))).toBe(true)
  })

  it('sweeps what a crash left, and repairs the visible files', async () => {
    const before = await openStore(directory)
    await before.objects.put('key', bytes('old'))
    await before.objects.put('doomed', bytes('x'))
    const visible = await readFile(path('bucket/key'))
    // As if the process had died after the commits, before the visible files were seen to.
    const { versionId } = await before.objects.put('key', bytes('new'))
    await before.objects.delete('doomed')
    await before.crash()
    await rm(path('bucket/key'))
    await writeFile(path('versions/unfinished.part'), 'half')
    await writeFile(path('versions', 'x'.repeat(32)), 'without a row')
    await writeFile(path('versions', `${versionId}.copy`), 'half')

    const { objects } = await openStore(directory)
    expect(visible.toString()).toBe('old')
    expect(await shown('key')).toBe('new')
    expect((await versionFiles()).toSorted()).toEqual(
      [...(await objects.versions('key')), ...(await objects.versions('doomed'))]
        .map((version) => version.versionId)
        .toSorted(),
    )
  })

  it('leaves a file that someone put there while the platform was down', async () => {
    const before = await openStore(directory)
    await before.objects.put('uploads/a', bytes('ours'))
    await before.crash()
    await writeFile(path('bucket/uploads/a'), 'theirs')
    const { objects } = await openStore(directory)
    expect(await shown('uploads/a')).toBe('theirs')
    expect(await objects.takeFile('uploads/a')).toMatchObject({ size: 6 })
  })

  it('delivers the events that were not delivered yet', async () => {
    const before = await openStore(directory)
    const version = await before.objects.put('key', bytes('x'))
    await before.close()
    const after = await openStore(directory)
    const events = collectEvents(after)
    await after.bus.drained()
    expect(events).toMatchObject([{ detail: { object: { 'version-id': version.versionId } } }])
  })
})

describe('kill -9', () => {
  it('loses no acknowledged version, keeps no half one, and delivers every event', async () => {
    const acknowledged = new Map<string, string>()
    for (let round = 0; round < 3; round++) {
      const writer = fork(new URL('./killed-writer.ts', import.meta.url), [
        directory.dataDir,
        String(round),
      ])
      await killAfter(writer, 15 + 10 * round, acknowledged)
    }
    const store = await openStore(directory)
    const events = collectEvents(store)
    const versions = new Map<string, string>()
    const { objects } = await store.objects.list('')
    for (const { key, versionId, size } of objects) {
      versions.set(versionId, (await store.objects.head(key)).sha256!)
      const body = await store.objects.read(key)
      expect(body).toHaveLength(size)
      expect(new Set(body).size).toBe(1)
      expect(await readFile(path('bucket', key))).toEqual(Buffer.from(body))
    }
    expect(acknowledged.size).toBeGreaterThan(60)
    for (const [versionId, sha256] of acknowledged) expect(versions.get(versionId)).toBe(sha256)
    expect((await versionFiles()).toSorted()).toEqual([...versions.keys()].toSorted())
    await store.bus.drained()
    const announced = events.map(
      ({ detail }) => (detail['object'] as Record<string, unknown>)['version-id'],
    )
    expect(announced.toSorted()).toEqual([...versions.keys()].toSorted())
  })
})

/** Kills a writer once it has acknowledged so many writes, while it is at the next ones. */
async function killAfter(
  writer: ChildProcess,
  count: number,
  acknowledged: Map<string, string>,
): Promise<void> {
  let seen = 0
  writer.on('message', ({ versionId, sha256 }: { versionId: string; sha256: string }) => {
    acknowledged.set(versionId, sha256)
    if (++seen === count) writer.kill('SIGKILL')
  })
  const [, signal] = (await once(writer, 'exit')) as [number | null, string | null]
  expect(signal).toBe('SIGKILL')
}
