import {
  closeSync,
  copyFile,
  fdatasync,
  fstatSync,
  fsync,
  lstatSync,
  mkdirSync,
  openSync,
  read,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  write,
  writeSync,
} from 'node:fs'
import { promisify } from 'node:util'

/** Up to this size a write goes to the system's memory sooner than to another thread. */
const smallBytes = 64 * 1024

const writeElsewhere = promisify(write)
const readElsewhere = promisify(read)

/**
 * The file operations of the object store; tests put failing ones in their place.
 *
 * What concerns names is synchronous: it takes microseconds, and what is checked is still so when it
 * is acted upon. What may wait for the disk is not.
 */
export const nodeFileSystem = {
  open: (path: string, flags: string | number): number => openSync(path, flags),
  close: (file: number): void => closeSync(file),
  stat: (file: number) => fstatSync(file, { bigint: true }),
  lstat: (path: string) => lstatSync(path, { bigint: true }),
  makeFolder: (path: string): void => mkdirSync(path),
  makeFolders: (path: string): void => void mkdirSync(path, { recursive: true }),
  list: (path: string) => readdirSync(path, { withFileTypes: true }),
  rename: (from: string, to: string): void => renameSync(from, to),
  removeFolder: (path: string): void => rmdirSync(path),
  remove: (path: string): void => unlinkSync(path),

  copy: promisify(copyFile) as (from: string, to: string, mode: number) => Promise<void>,
  sync: promisify(fsync),
  syncData: promisify(fdatasync),

  /** Writes all of `bytes` where the file's position is. */
  async write(file: number, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const rest = bytes.subarray(at)
      at +=
        rest.length <= smallBytes
          ? writeSync(file, rest)
          : (await writeElsewhere(file, rest)).bytesWritten
    }
  },

  /** Fills `target` from `position` on; answers how many bytes there were. */
  async read(file: number, target: Uint8Array, position: number): Promise<number> {
    let done = 0
    while (done < target.length) {
      const length = Math.min(target.length - done, 2 ** 30)
      const { bytesRead } = await readElsewhere(file, target, done, length, position + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return done
  },
}

export type FileSystem = typeof nodeFileSystem

/** Whether a file operation failed with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    codes.includes(error.code)
  )
}

/** Does without the result of an operation that fails with one of these codes. */
export function tolerating<T>(codes: readonly string[], operation: () => T): T | undefined {
  try {
    return operation()
  } catch (error) {
    if (hasCode(error, ...codes)) return undefined
    throw error
  }
}

/** Tells one state of a file from every other: its size, time of change and inode. */
export function fingerprintOf(stats: { size: bigint; mtimeNs: bigint; ino: bigint }): string {
  return `${stats.size}:${stats.mtimeNs}:${stats.ino}`
}
