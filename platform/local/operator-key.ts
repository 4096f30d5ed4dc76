import { randomUUID } from 'node:crypto'
import { link, open, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { formatApiKey, newApiKey, operatorKeyId, parseApiKey } from '../../tasks/api-key.ts'
import { MillraceError } from '../ports/errors.ts'
import type { Logger } from '../ports/observability.ts'
import { storageError } from './database.ts'
import { hasCode } from './file-system.ts'

/** Where a data directory has the key of its operator. */
export function operatorKeyFile(dataDir: string): string {
  return join(dataDir, 'operator.key')
}

/**
 * The operator's key of a data directory, which is made the first time, whole or not at all, for its
 * owner alone to read. Throws DataDirectoryInvalid for a file that has no key in it, StorageFailed.
 */
export async function operatorKey(dataDir: string, logger: Logger): Promise<string> {
  const file = operatorKeyFile(dataDir)
  try {
    const present = await readOperatorKey(dataDir)
    if (present === undefined) {
      await makeFile(file, formatApiKey(newApiKey(operatorKeyId)))
      const directory = await open(dataDir, 'r')
      await directory.sync().finally(() => directory.close())
      return await operatorKey(dataDir, logger)
    }
    const { mode } = await stat(file)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      logger.warn(`others than its owner can read the operator's key: chmod 600 ${file}`)
    }
    return present
  } catch (error) {
    throw storageError(error)
  }
}

/**
 * The operator's key of a data directory; undefined where there is none. Throws DataDirectoryInvalid,
 * and the system's error where it may not be read.
 */
export async function readOperatorKey(dataDir: string): Promise<string | undefined> {
  const file = operatorKeyFile(dataDir)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
  const key = text.trim()
  if (parseApiKey(key)?.id === operatorKeyId) return key
  throw new MillraceError(
    'DataDirectoryInvalid',
    `${file} has no key in it: put it back from a copy, or remove it to have a new one made`,
  )
}

/** Written and synced under another name, so that no crash leaves half a key; never over one there. */
async function makeFile(file: string, key: string): Promise<void> {
  const temporary = `${file}.${randomUUID()}`
  try {
    const handle = await open(temporary, 'wx', 0o600)
    try {
      await handle.writeFile(`${key}\n`)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await link(temporary, file).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) throw error
    })
  } finally {
    await rm(temporary, { force: true })
  }
}
