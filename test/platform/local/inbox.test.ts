import { execFile } from 'node:child_process'
import {
  appendFile,
  chmod,
  copyFile,
  mkdir,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  defaultTimings,
  IncomingFiles,
  type RefusedFile,
} from '../../../platform/local/incoming-files.ts'
import { Inbox } from '../../../platform/local/inbox.ts'
import { maxDatasetBytes } from '../../../tasks/dataset.ts'
import { openStore, type OpenStore, type TestDirectory, testDirectory } from './directory.ts'

let directory: TestDirectory
let store: OpenStore
let refused: RefusedFile[]
beforeEach(async () => {
  directory = await testDirectory()
  store = await openStore(directory)
  refused = []
})
afterEach(() => directory.close())

const pathOf = (key: string) => join(directory.dataDir, 'bucket', key)
const write = async (key: string, body: string | Uint8Array) => {
  await mkdir(dirname(pathOf(key)), { recursive: true })
  await writeFile(pathOf(key), body)
}
const sizesOf = async (key: string) =>
  (await store.objects.versions(key)).map(({ size }) => size).reverse()
const takenKeys = async () => (await store.objects.list('uploads/')).objects.map(({ key }) => key)

/** A `.npy` of `rows` × 2 doubles. */
function npy(rows: number): Buffer {
  const header = `{'descr': '<f8', 'fortran_order': False, 'shape': (${rows}, 2), }`
  const text = `${header.padEnd(128 - 10 - 1)}\n`
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length, 0])
  return Buffer.concat([start, Buffer.from(text), Buffer.alloc(rows <= 1000 ? rows * 16 : 0)])
}

describe('deciding which files are complete', () => {
  let files: IncomingFiles
  const uploads = () => pathOf('uploads')
  /** Looks at everything, lets time pass, and takes what is ready. */
  const after = async (milliseconds: number) => {
    directory.clock.advance(milliseconds)
    await files.tick()
  }
  const openFiles = (options: { maxBytes?: number } = {}) =>
    new IncomingFiles({
      objects: store.objects,
      clock: directory.clock,
      logger: directory.logger,
      timings: defaultTimings,
      maxBytes: maxDatasetBytes,
      onRefused: (file) => refused.push(file),
      ...options,
    })
  const announced = () =>
    directory.logger.lines
      .map(({ message }) => message)
      .filter((message) => message.startsWith('waiting'))
  beforeEach(() => {
    files = openFiles()
  })

  it('takes a whole file once it stands still', async () => {
    await write('uploads/ada/iris.npy', npy(5))
    await files.scan(uploads())
    await after(149)
    expect(await takenKeys()).toEqual([])
    await after(1)
    expect(await takenKeys()).toEqual(['uploads/ada/iris.npy'])
    expect(files.waiting).toBe(0)
  })

  it('takes a state of a file once, also over restarts, and a rewritten file anew', async () => {
    const key = 'uploads/a.npy'
    await write(key, npy(5))
    const lookAgain = async () => {
      await files.scan(uploads())
      await after(1000)
    }
    await lookAgain()
    await lookAgain()
    expect(await sizesOf(key)).toEqual([208])

    await store.close()
    store = await openStore(directory)
    files = openFiles()
    await lookAgain()
    expect(await sizesOf(key)).toEqual([208])

    await rm(pathOf(key))
    await lookAgain()
    expect(await sizesOf(key)).toEqual([208])
    await write(key, npy(5))
    await lookAgain()
    expect(await sizesOf(key)).toEqual([208, 208])
    await utimes(pathOf(key), new Date(0), new Date(0))
    await lookAgain()
    expect(await sizesOf(key)).toEqual([208, 208, 208])
  })

  it('does not take what the store itself shows', async () => {
    for (let i = 1; i < 5; i++) await store.objects.put('uploads/a.npy', npy(i))
    await files.scan(uploads())
    await after(1000)
    expect(await sizesOf('uploads/a.npy')).toHaveLength(4)

    await store.crash()
    store = await openStore(directory)
    files = openFiles()
    await files.scan(uploads())
    await after(1000)
    expect(await sizesOf('uploads/a.npy')).toHaveLength(4)
  })

  it('waits for the length that a header declares, and says so once', async () => {
    const body = npy(100)
    await write('uploads/slow.npy', body.subarray(0, 5))
    await files.scan(uploads())
    for (const end of [60, 127, 128, 700, 1600]) {
      await after(5000)
      await writeFile(pathOf('uploads/slow.npy'), body.subarray(0, end))
      await files.tick()
    }
    await after(5000)
    expect(await takenKeys()).toEqual([])
    await writeFile(pathOf('uploads/slow.npy'), body)
    await files.tick()
    await after(150)
    expect(await sizesOf('uploads/slow.npy')).toEqual([1728])
    expect(announced()).toEqual(['waiting: its header says 10 bytes, 5 are there'])
  })

  it('takes it as it is when it does not grow any more', async () => {
    await write('uploads/cut.npy', npy(100).subarray(0, 1000))
    await files.scan(uploads())
    await after(9_999)
    expect(await takenKeys()).toEqual([])
    await after(1)
    expect(await sizesOf('uploads/cut.npy')).toEqual([1000])
  })

  it('does not wait for what validation will refuse', async () => {
    await write('uploads/huge.npy', npy(64 * 1024 * 1024))
    await write('uploads/garbage.npy', 'no array')
    await write('uploads/pickle.npy', Buffer.from('\x80\x04\x95payload', 'latin1'))
    await write('uploads/table.csv', 'a,b\n1,2\n')
    await write('uploads/table.csv.json', '{}')
    await write('uploads/empty.npy', '')
    await files.scan(uploads())
    await after(150)
    await files.tick()
    expect(await takenKeys()).toEqual([
      'uploads/garbage.npy',
      'uploads/huge.npy',
      'uploads/pickle.npy',
      'uploads/table.csv',
      'uploads/table.csv.json',
    ])
    await after(350)
    expect(await sizesOf('uploads/empty.npy')).toEqual([0])
  })

  it('begins to count anew whenever a file changes', async () => {
    await write('uploads/a.csv', 'a,b\n')
    await files.scan(uploads())
    for (let i = 0; i < 5; i++) {
      await after(100)
      await appendFile(pathOf('uploads/a.csv'), '1,2\n')
      await files.tick()
    }
    expect(await takenKeys()).toEqual([])
    await after(150)
    expect(await sizesOf('uploads/a.csv')).toEqual([24])
  })

  it('ignores hidden files and those that programs write while they copy', async () => {
    const names = ['.hidden.npy', '.git/a.npy', 'a.npy.tmp', 'a.npy.part', 'a.npy~', 'a.PART']
    for (const name of names) await write(`uploads/${name}`, npy(1))
    await files.scan(uploads())
    await after(1000)
    expect(await takenKeys()).toEqual([])
    expect(refused).toEqual([])
    await rename(pathOf('uploads/a.npy.part'), pathOf('uploads/a.npy'))
    await files.scan(uploads())
    await after(150)
    expect(await takenKeys()).toEqual(['uploads/a.npy'])
  })

  it('refuses what is no file, once and at once, and takes nothing through it', async () => {
    await mkdir(pathOf('uploads/x.npy/y'), { recursive: true })
    await write('uploads/x.npy/y/inner.csv', 'a\n')
    await write('outside.npy', npy(1))
    await mkdir(pathOf('other'))
    await write('other/deep.npy', npy(1))
    await symlink(pathOf('outside.npy'), pathOf('uploads/link.npy'))
    await symlink(pathOf('other'), pathOf('uploads/linked'))
    await symlink('/nowhere', pathOf('uploads/broken.npy'))
    await promisify(execFile)('mkfifo', [pathOf('uploads/pipe.npy')])
    await files.scan(uploads())
    await files.scan(uploads())
    await after(20_000)
    expect(await takenKeys()).toEqual([])
    const told = refused.map(({ key, reason }) => [key, reason])
    expect(told.toSorted()).toEqual([
      ['uploads/broken.npy', 'link'],
      ['uploads/link.npy', 'link'],
      ['uploads/linked', 'link'],
      ['uploads/pipe.npy', 'special'],
      ['uploads/x.npy', 'directory'],
    ])
    expect(refused[0]!.path.startsWith(directory.dataDir)).toBe(true)

    await rm(pathOf('uploads/x.npy'), { recursive: true })
    await write('uploads/x.npy', npy(1))
    await files.scan(uploads())
    await after(150)
    expect(await takenKeys()).toEqual(['uploads/x.npy'])
  })

  it('refuses names that cannot be keys', async () => {
    const notUtf8 = Buffer.concat([Buffer.from(pathOf('uploads/')), Buffer.from([0xff, 0x2e])])
    await writeFile(notUtf8, 'x')
    for (const name of ['back\\slash.npy', 'new\nline.npy']) await write(`uploads/${name}`, npy(1))
    await write('uploads/good.npy', npy(1))
    await files.scan(uploads())
    await after(150)
    expect(await takenKeys()).toEqual(['uploads/good.npy'])
    expect(refused.map(({ reason }) => reason)).toEqual(['name', 'name', 'name'])
  })

  it('goes on after a file that cannot be stored, and tries it again', async () => {
    await store.objects.put('uploads/a', npy(1))
    await store.objects.delete('uploads/a')
    await write('uploads/a/b.npy', npy(1))
    await write('uploads/z.npy', npy(1))
    const takeFile = vi
      .spyOn(store.objects, 'takeFile')
      .mockRejectedValueOnce(Object.assign(new Error('EIO'), { code: 'EIO' }))
    await files.scan(uploads())
    await after(150)
    expect(await takenKeys()).toHaveLength(1)
    await after(500)
    expect(await takenKeys()).toHaveLength(1)
    await after(500)
    expect(await takenKeys()).toEqual(['uploads/a/b.npy', 'uploads/z.npy'])
    expect(takeFile).toHaveBeenCalledTimes(3)
  })

  /** Whether each table was stored after what is said beside it. */
  const isInOrder = async (tables: readonly string[]) => {
    const storedAt = async (key: string) => (await store.objects.head(key)).sequencer!
    for (const key of tables) {
      if ((await storedAt(`${key}.json`)) > (await storedAt(key))) return false
    }
    return true
  }

  it('takes what is said beside a table before it, in whichever order they came', async () => {
    const tables = Array.from(
      { length: 12 },
      (_, i) => `uploads/ada/t${i}.${i % 2 ? 'csv' : 'npy'}`,
    )
    for (const [i, key] of tables.entries()) {
      if (i % 3 === 0) await write(`${key}.json`, '{}')
      await write(key, 'a,b\n')
    }
    for (const key of tables) await files.look(pathOf(key))
    for (const key of tables) await write(`${key}.json`, '{}')
    await after(150)
    // Nobody told of the others: they are looked for.
    expect(await takenKeys()).toEqual([])
    for (let i = 0; i < 10; i++) await after(150)
    expect(files.waiting).toBe(0)
    expect(await isInOrder(tables)).toBe(true)
  })

  it('keeps a table waiting while what is said beside it cannot be stored, and says so once', async () => {
    await write('uploads/a.csv', 'a,b\n')
    await write('uploads/a.csv.json', '{}')
    const takeFile = store.objects.takeFile.bind(store.objects)
    const failing = vi.spyOn(store.objects, 'takeFile').mockImplementation((key) => {
      if (!key.endsWith('.json')) return takeFile(key)
      return Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }))
    })
    await files.scan(uploads())
    for (let i = 0; i < 5; i++) await after(1000)
    expect(await takenKeys()).toEqual([])
    expect(announced()).toEqual(['waiting: uploads/a.csv.json could not be stored yet'])
    failing.mockRestore()
    for (let i = 0; i < 2; i++) await after(1000)
    expect(files.waiting).toBe(0)
    expect(await isInOrder(['uploads/a.csv'])).toBe(true)
  })

  it('takes what is ready while many others are not', async () => {
    for (let i = 0; i < 20; i++) await write(`uploads/slow${i}.npy`, npy(100).subarray(0, 1000))
    await files.scan(uploads())
    await write('uploads/whole.npy', npy(1))
    await files.look(pathOf('uploads/whole.npy'))
    await after(150)
    for (let i = 0; i < 3; i++) await files.tick()
    expect(await takenKeys()).toEqual(['uploads/whole.npy'])
  })

  it('takes many files, a few at a time', async () => {
    for (let i = 0; i < 30; i++) await write(`uploads/u${i % 3}/d${i}.npy`, npy(2))
    await files.scan(uploads())
    await after(150)
    while (files.waiting > 0) await files.tick()
    expect(await takenKeys()).toHaveLength(30)
  })
})

describe('watching the folder', () => {
  // A file that is being rewritten is empty for as long as its writer is held up.
  const timings = { stableMs: 20, emptyMs: 60_000, patienceMs: 60_000, retryMs: 50 }
  const startInbox = async () => {
    const { logger } = directory
    const onRefused = (file: RefusedFile) => void refused.push(file)
    const inbox = new Inbox({ objects: store.objects, logger, onRefused, timings })
    await inbox.start()
    directory.onClose(() => inbox.close())
    return inbox
  }
  const eventually = (check: () => Promise<void> | void) => vi.waitFor(check, { timeout: 120_000 })

  it('takes what is there at the start, and what comes', async () => {
    await write('uploads/early.npy', npy(1))
    await startInbox()
    await write('uploads/late.npy', npy(1))
    await write('uploads/new/folder/deep.npy', npy(1))
    await mkdir(pathOf('elsewhere'))
    await copyFile(pathOf('uploads/early.npy'), pathOf('elsewhere/moved.npy'))
    await rename(pathOf('elsewhere/moved.npy'), pathOf('uploads/moved.npy'))
    await eventually(async () =>
      expect(await takenKeys()).toEqual([
        'uploads/early.npy',
        'uploads/late.npy',
        'uploads/moved.npy',
        'uploads/new/folder/deep.npy',
      ]),
    )
  })

  it('takes each state of a file that is written again and again', async () => {
    await startInbox()
    for (let i = 1; i <= 3; i++) {
      await write('uploads/a.npy', npy(i))
      await eventually(async () => expect(await sizesOf('uploads/a.npy')).toHaveLength(i))
    }
    expect(await sizesOf('uploads/a.npy')).toEqual([144, 160, 176])
  })

  it('takes a slow copy once, whole', async () => {
    const body = npy(1000)
    await startInbox()
    await write('uploads/slow.npy', body.subarray(0, 64))
    await eventually(() =>
      expect(directory.logger.lines.map(({ message }) => message)).toContain(
        'waiting: its header says 128 bytes, 64 are there',
      ),
    )
    for (let at = 64; at < body.length; at += 4000) {
      await appendFile(pathOf('uploads/slow.npy'), body.subarray(at, at + 4000))
    }
    await eventually(async () => expect(await sizesOf('uploads/slow.npy')).toEqual([body.length]))
  })

  it('tells of a folder, a link and a pipe with the name of a dataset, and goes on', async () => {
    await startInbox()
    await mkdir(pathOf('uploads/x.npy'))
    await symlink('/etc/passwd', pathOf('uploads/y.npy'))
    await promisify(execFile)('mkfifo', [pathOf('uploads/z.npy')])
    await eventually(() =>
      expect(refused.map(({ reason }) => reason).toSorted()).toEqual([
        'directory',
        'link',
        'special',
      ]),
    )
    await write('uploads/good.npy', npy(1))
    await eventually(async () => expect(await takenKeys()).toEqual(['uploads/good.npy']))
  })

  it('takes nothing after it was closed, and the rest after it is opened again', async () => {
    const inbox = await startInbox()
    await write('uploads/a.npy', npy(1))
    await inbox.close()
    const before = await takenKeys()
    await write('uploads/b.npy', npy(1))
    expect(await takenKeys()).toEqual(before)
    await startInbox()
    await eventually(async () =>
      expect(await takenKeys()).toEqual(['uploads/a.npy', 'uploads/b.npy']),
    )
    await chmod(pathOf('uploads/a.npy'), 0o600)
    expect(await sizesOf('uploads/a.npy')).toEqual([144])
  })
})
