import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { MillraceError } from '../ports/errors.ts'
import { coalesced } from './coalesced.ts'
import { hasCode } from './file-system.ts'

const fileName = 'millrace.sqlite'
const schemaVersion = 1

/** Files up to this size are checked whole at open; a damaged page of a larger one shows in use. */
const checkedBytes = 64 * 1024 * 1024

/**
 * The one SQLite database of a data directory, and the one connection to it, which everything of the
 * embedded platform shares, so that a delivery and its effect commit together.
 *
 * Durability has two steps. A commit survives the death of the process at once. Against the loss of
 * power the log is synced without blocking the thread, once for all the commits at hand: `durable`.
 * What is acknowledged to someone waits for it; steps in between need not, since the log is
 * sequential and what is lost is always its end.
 */
export interface LocalDatabase {
  readonly connection: DatabaseSync
  /**
   * Runs `body`, which is synchronous, and commits; takes everything back when it throws. Nests,
   * also within a transaction that was begun on the connection itself.
   */
  transaction<T>(body: () => T): T
  /** Runs statements that only read, with SQLite's errors made ours. */
  read<T>(body: () => T): T
  /** Resolves when everything committed so far is on the disk. Throws StorageFailed. */
  durable(): Promise<void>
  close(): Promise<void>
}

/**
 * Opens (or makes) `<dataDir>/millrace.sqlite` for this process alone.
 *
 * Throws DataDirectoryBusy when another process has it, or this one has it already;
 * DataDirectoryInvalid when it is damaged, from a newer version or no database; StorageFailed.
 */
export function openLocalDatabase(dataDir: string): LocalDatabase {
  const file = join(dataDir, fileName)
  let connection: DatabaseSync | undefined
  try {
    // The database holds the secret that signs uploads.
    makeFolders(resolve(dataDir), 0o700)
    connection = new DatabaseSync(file)
    prepareDatabase(connection, dataDir, file)
  } catch (error) {
    connection?.close()
    throw openError(error, dataDir)
  }
  return new SharedDatabase(connection, dataDir)
}

/**
 * One folder after the other: asked to make them all at once, Node tries for ever in a folder that is
 * there and answers that it is not, as /proc does.
 */
function makeFolders(path: string, mode: number): void {
  if (existsSync(path)) return
  makeFolders(dirname(path), mode)
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  }
}

class SharedDatabase implements LocalDatabase {
  readonly connection: DatabaseSync
  readonly #dataDir: string
  readonly #begin
  readonly #commit
  readonly #rollback
  readonly #sync: () => Promise<void>
  #log: FileHandle | undefined
  #syncFailure: Error | undefined
  #isClosed = false

  constructor(connection: DatabaseSync, dataDir: string) {
    this.connection = connection
    this.#dataDir = dataDir
    // A savepoint nests, and the outermost one is a transaction.
    this.#begin = connection.prepare('SAVEPOINT millrace')
    this.#commit = connection.prepare('RELEASE millrace')
    this.#rollback = connection.prepare('ROLLBACK TO millrace')
    this.#sync = coalesced(() => this.#syncLog())
  }

  transaction<T>(body: () => T): T {
    try {
      this.#begin.run()
      try {
        const result = body()
        this.#commit.run()
        return result
      } catch (error) {
        this.#takeBack()
        throw error
      }
    } catch (error) {
      throw storageError(error)
    }
  }

  read<T>(body: () => T): T {
    try {
      return body()
    } catch (error) {
      throw storageError(error)
    }
  }

  async durable(): Promise<void> {
    try {
      await this.#sync()
    } catch (error) {
      throw storageError(error)
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    await this.#sync().catch(() => undefined)
    // Closing moves the whole log to the database file, and syncs that.
    this.#isClosed = true
    this.connection.close()
    await this.#log?.close()
  }

  /** After some failures (a full disk, an IO error) SQLite itself has taken everything back. */
  #takeBack(): void {
    try {
      this.#rollback.run()
      this.#commit.run()
    } catch {
      return
    }
  }

  async #syncLog(): Promise<void> {
    if (this.#isClosed) return
    // The system reports a failed sync once, and forgets the pages: the next one would say all is well.
    if (this.#syncFailure !== undefined) throw this.#syncFailure
    try {
      const log = await this.#openLog()
      await log.datasync()
    } catch (error) {
      this.#syncFailure = error instanceof Error ? error : new Error(String(error))
      throw this.#syncFailure
    }
  }

  async #openLog(): Promise<FileHandle> {
    if (this.#log === undefined) {
      // Never the database file itself: closing another handle of it would drop SQLite's lock.
      this.#log = await open(join(this.#dataDir, `${fileName}-wal`), 'r+')
      const directory = await open(this.#dataDir, 'r')
      await directory.sync().finally(() => directory.close())
    }
    return this.#log
  }
}

/** An error of SQLite or the file system as one of the table; others pass as they are. */
export function storageError(error: unknown): unknown {
  if (error instanceof MillraceError || !(error instanceof Error)) return error
  const code = 'code' in error ? error.code : undefined
  if (code === 'ERR_SQLITE_ERROR') {
    const result = primaryResultCode(error)
    if (result === sqliteCorrupt || result === sqliteNotADatabase) {
      return new MillraceError(
        'DataDirectoryInvalid',
        `the database is damaged (${error.message}): restore the data directory from a copy`,
        { cause: error },
      )
    }
    return storageFailed(error)
  }
  const isSystemError = 'syscall' in error && typeof code === 'string'
  return isSystemError || code === 'ERR_INVALID_STATE' ? storageFailed(error) : error
}

function storageFailed(error: Error): MillraceError {
  return new MillraceError(
    'StorageFailed',
    `the data directory could not be read or written (${error.message}): ` +
      'what was stored before stays as it is; see to the disk and try again',
    { cause: error },
  )
}

const sqliteBusy = 5
const sqliteCorrupt = 11
const sqliteCannotOpen = 14
const sqliteNotADatabase = 26

function primaryResultCode(error: Error): number | undefined {
  return 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : undefined
}

function prepareDatabase(connection: DatabaseSync, dataDir: string, file: string): void {
  // Locked as long as it is open, from the first read on.
  connection.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL')
  connection.exec('PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON')
  // Moving the log to the database file holds up the thread for two syncs; a page is moved once each time.
  connection.exec('PRAGMA wal_autocheckpoint = 8000')
  if (statSync(file).size <= checkedBytes) {
    const check = connection.prepare('PRAGMA quick_check(1)').get()
    if (check?.['quick_check'] !== 'ok') {
      throw invalidDirectory(dataDir, `its database is damaged: ${String(check?.['quick_check'])}`)
    }
  }
  const version = Number(connection.prepare('PRAGMA user_version').get()?.['user_version'])
  if (version > schemaVersion) {
    throw invalidDirectory(
      dataDir,
      `it was written by a newer version (schema ${version}, this one knows ${schemaVersion}): ` +
        'install that version',
    )
  }
  // A first write, so that the log exists.
  connection.exec(`PRAGMA user_version = ${schemaVersion}`)
}

function openError(error: unknown, dataDir: string): unknown {
  if (error instanceof MillraceError || !(error instanceof Error)) return error
  const result = primaryResultCode(error)
  if (result === sqliteBusy) return busy(error, dataDir)
  if (result === sqliteCorrupt || result === sqliteNotADatabase) {
    return invalidDirectory(dataDir, `its database is damaged (${error.message})`, error)
  }
  const code = 'code' in error ? error.code : undefined
  if (
    result === sqliteCannotOpen ||
    ['EACCES', 'EPERM', 'EROFS', 'ENOENT'].includes(String(code))
  ) {
    const fault = `it cannot be written (${error.message}): see to its permissions or give another`
    return invalidDirectory(dataDir, fault, error)
  }
  if (code === 'EEXIST' || code === 'ENOTDIR') {
    return invalidDirectory(dataDir, 'it is not a directory', error)
  }
  return storageError(error)
}

function busy(cause: unknown, dataDir: string): MillraceError {
  const owner = ownerOf(dataDir)
  const who = owner === undefined ? '' : ` (${owner})`
  return new MillraceError(
    'DataDirectoryBusy',
    `the data directory ${dataDir} is in use by another platform${who}: ` +
      'stop that one or give another directory',
    { cause },
  )
}

/** What the running platform wrote of itself, as far as it can be read. */
function ownerOf(dataDir: string): string | undefined {
  try {
    const owner: unknown = JSON.parse(readFileSync(join(dataDir, 'platform.json'), 'utf8'))
    const { pid, url } = owner as { pid?: unknown; url?: unknown }
    const parts = [
      ...(typeof pid === 'number' ? [`process ${pid}`] : []),
      ...(typeof url === 'string' ? [url] : []),
    ]
    return parts.length > 0 ? parts.join(', ') : undefined
  } catch {
    return undefined
  }
}

function invalidDirectory(dataDir: string, fault: string, cause?: unknown): MillraceError {
  const message = `the data directory ${dataDir} cannot be used: ${fault}`
  return new MillraceError('DataDirectoryInvalid', message, { cause })
}
