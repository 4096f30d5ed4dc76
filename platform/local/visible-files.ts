import { constants } from 'node:fs'
import { join } from 'node:path'
import { parentsOf } from '../ports/object-key.ts'
import { fingerprintOf, type FileSystem, hasCode, tolerating } from './file-system.ts'

/** So much of a file is read at a time. */
const chunkBytes = 1024 * 1024

/** A copy of a version that is ready to be shown. */
export interface PreparedCopy {
  readonly path: string
  readonly fingerprint: string
}

/**
 * The bucket as a person sees it: a folder with the current version of each key. It is only a view,
 * written from the versions; a copy and not a link, so that an edit in place changes no version.
 */
export class VisibleFiles {
  readonly #root: string
  readonly #files: FileSystem

  constructor(root: string, files: FileSystem) {
    this.#root = root
    this.#files = files
  }

  pathOf(key: string): string {
    return join(this.#root, ...key.split('/'))
  }

  /** Copies a version beside itself, without sharing later changes. */
  async prepare(versionPath: string): Promise<PreparedCopy> {
    const path = `${versionPath}.copy`
    await this.#files.copy(versionPath, path, constants.COPYFILE_FICLONE)
    return { path, fingerprint: fingerprintOf(this.#files.lstat(path)) }
  }

  /** The fingerprint of what is shown under a key; 'other' for what is no file. */
  fingerprint(key: string): string | undefined {
    const path = this.pathOf(key)
    const stats = tolerating(['ENOENT', 'ENOTDIR'], () => this.#files.lstat(path))
    if (stats === undefined) return undefined
    return stats.isFile() ? fingerprintOf(stats) : 'other'
  }

  /** Puts a prepared copy in its place. Throws when the folders above it are not real folders. */
  show(key: string, copy: PreparedCopy): void {
    this.#makeFolders(key)
    const path = this.pathOf(key)
    try {
      this.#files.rename(copy.path, path)
    } catch (error) {
      // Folders that keys deleted since had needed.
      if (!hasCode(error, 'EISDIR', 'ENOTEMPTY', 'EEXIST')) throw error
      this.#removeEmptyFolders(path)
      this.#files.rename(copy.path, path)
    }
  }

  hide(key: string): void {
    tolerating(['ENOENT', 'ENOTDIR'], () => this.#files.remove(this.pathOf(key)))
  }

  /**
   * Hands the bytes of the file under a key to `write`. Answers undefined when it is gone, is no
   * file, or changed meanwhile. Never reads through a link, nor waits for the writer of a pipe.
   */
  async snapshot<Written extends { readonly size: number }>(
    key: string,
    write: (bytes: AsyncIterable<Uint8Array>) => Promise<Written>,
  ): Promise<(Written & { readonly fingerprint: string }) | undefined> {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
    const path = this.pathOf(key)
    const file = tolerating(['ENOENT', 'ENOTDIR', 'ELOOP'], () => this.#files.open(path, flags))
    if (file === undefined) return undefined
    try {
      const before = this.#files.stat(file)
      if (!before.isFile()) return undefined
      const fingerprint = fingerprintOf(before)
      const written = await write(this.#chunksOf(file))
      const isSame = this.fingerprint(key) === fingerprint && BigInt(written.size) === before.size
      return isSame ? { ...written, fingerprint } : undefined
    } finally {
      this.#files.close(file)
    }
  }

  async *#chunksOf(file: number): AsyncGenerator<Uint8Array> {
    const buffer = new Uint8Array(chunkBytes)
    for (let position = 0; ;) {
      const length = await this.#files.read(file, buffer, position)
      if (length === 0) return
      yield buffer.subarray(0, length)
      position += length
    }
  }

  /** Every folder above a key must be a folder of the bucket, and no link out of it. */
  #makeFolders(key: string): void {
    for (const parent of parentsOf(key)) {
      const path = this.pathOf(parent)
      tolerating(['EEXIST'], () => this.#files.makeFolder(path))
      if (!this.#files.lstat(path).isDirectory()) {
        throw new Error(`${path} is not a folder; remove or rename it`)
      }
    }
  }

  #removeEmptyFolders(path: string): void {
    for (const entry of this.#files.list(path)) {
      if (entry.isDirectory()) this.#removeEmptyFolders(join(path, entry.name))
    }
    this.#files.removeFolder(path)
  }
}
