import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { EngineError } from './errors.ts'

/**
 * What a commit survives: the death of the process, or also the loss of power (each commit then waits
 * for the disk).
 */
export type Durability = 'process' | 'power'

const sqliteBusy = 5

/**
 * Opens `engine.sqlite` of a directory (made when absent) for this process alone.
 *
 * @throws DataDirectoryBusy; StorageFailed
 */
export function openDatabase(dataDir: string, durability: Durability): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    mkdirSync(dataDir, { recursive: true })
    database = new DatabaseSync(join(dataDir, 'engine.sqlite'))
    database.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;
      PRAGMA synchronous = ${durability === 'power' ? 'FULL' : 'NORMAL'};
      BEGIN IMMEDIATE; COMMIT`)
    return database
  } catch (error) {
    database?.close()
    if ((error as { errcode?: unknown }).errcode === sqliteBusy) {
      throw new EngineError(
        'DataDirectoryBusy',
        `the data directory ${dataDir} is open in another engine: close that one first`,
        { cause: error },
      )
    }
    throw new EngineError(
      'StorageFailed',
      `the data directory ${dataDir} could not be opened: ${(error as Error).message}`,
      { cause: error },
    )
  }
}
