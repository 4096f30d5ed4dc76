import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalBus, type LocalBusOptions } from '../../../platform/local/bus.ts'
import { type LocalDatabase, openLocalDatabase } from '../../../platform/local/database.ts'
import type { FileSystem } from '../../../platform/local/file-system.ts'
import { LocalObjects } from '../../../platform/local/objects.ts'
import { ManualClock, RecordingLogger } from '../../../platform/testing/memory-observability.ts'

/** A data directory of its own for a test, and what is open on it. */
export interface TestDirectory {
  readonly dataDir: string
  readonly clock: ManualClock
  readonly logger: RecordingLogger
  /** Runs at the end of the test, the last one first. */
  onClose(close: () => Promise<unknown>): void
  close(): Promise<void>
}

export async function testDirectory(): Promise<TestDirectory> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-'))
  const closers: (() => Promise<unknown>)[] = []
  return {
    dataDir,
    clock: new ManualClock(Date.UTC(2026, 0, 1)),
    logger: new RecordingLogger(),
    onClose: (close) => closers.push(close),
    async close() {
      for (const close of closers.splice(0).reverse()) await close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

export function openDatabase(directory: TestDirectory): LocalDatabase {
  const database = openLocalDatabase(directory.dataDir)
  directory.onClose(() => database.close())
  return database
}

export interface OpenStore {
  readonly database: LocalDatabase
  readonly bus: LocalBus
  readonly objects: LocalObjects
  /** Closes as a crash would: nothing is tidied up. */
  crash(): Promise<void>
  close(): Promise<void>
}

/** The object store of a directory with its bus, as the platform composes them. */
export async function openStore(
  directory: TestDirectory,
  options: { files?: FileSystem; retry?: LocalBusOptions['retry'] } = {},
): Promise<OpenStore> {
  const { clock, logger, dataDir } = directory
  const database = openLocalDatabase(dataDir)
  const bus = new LocalBus(database, { clock, logger, retry: options.retry ?? {} })
  const { files } = options
  const objects = await LocalObjects.open({
    database,
    bus,
    dataDir,
    clock,
    logger,
    ...(files === undefined ? {} : { files }),
  })
  let isOpen = true
  const crash = async () => {
    isOpen = false
    await bus.close()
    await database.close()
  }
  const close = async () => {
    if (!isOpen) return
    await objects.close()
    await crash()
  }
  directory.onClose(close)
  return { database, bus, objects, crash, close }
}
