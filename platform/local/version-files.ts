import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { coalesced } from './coalesced.ts'
import { storageError } from './database.ts'
import { type FileSystem, tolerating } from './file-system.ts'

/** A long body is hashed and written in steps of this size, so that other work gets its turn. */
const stepBytes = 1024 * 1024

/** The bytes of object versions, or of parts: one file each, named by its id, never changed. */
export class VersionFiles {
  /** Makes the names that files got so far outlast a loss of power. */
  readonly syncNames: () => Promise<void>
  readonly #directory: string
  readonly #files: FileSystem

  constructor(directory: string, files: FileSystem) {
    this.#directory = directory
    this.#files = files
    this.syncNames = coalesced(async () => {
      const folder = files.open(directory, 'r')
      await files.sync(folder).finally(() => files.close(folder))
    })
  }

  pathOf(versionId: string): string {
    return join(this.#directory, versionId)
  }

  /**
   * Writes a version under a temporary name, syncs it and gives it its own. It outlasts a loss of
   * power once `syncNames` was called, too. Leaves nothing when it throws: what the body itself
   * throws, as it is, and StorageFailed for what the disk does.
   */
  async write(
    versionId: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
  ): Promise<{ size: number; sha256: string }> {
    const temporary = `${this.pathOf(versionId)}.part`
    const source = { failed: false }
    const watched = body instanceof Uint8Array ? [body] : watchedBody(body, source)
    try {
      const file = this.#files.open(temporary, 'wx')
      const written = await this.#writeBody(file, watched).finally(() => this.#files.close(file))
      this.#files.rename(temporary, this.pathOf(versionId))
      return written
    } catch (error) {
      this.remove(`${versionId}.part`)
      throw source.failed ? error : storageError(error)
    }
  }

  /** Bytes `start` to `end` of a version; fewer when the file is shorter than it was written. */
  async read(versionId: string, start: number, end: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(end - start)
    const file = this.#files.open(this.pathOf(versionId), 'r')
    try {
      const length = await this.#files.read(file, bytes, start)
      return bytes.subarray(0, length)
    } finally {
      this.#files.close(file)
    }
  }

  /** Removes a file of the directory, if it is there; what cannot be removed now is swept later. */
  remove(name: string): void {
    try {
      this.#files.remove(join(this.#directory, name))
    } catch {
      return
    }
  }

  /** Removes what a crash left: every file but those of `versionIds`. */
  sweep(versionIds: ReadonlySet<string>): void {
    for (const { name } of this.#files.list(this.#directory)) {
      if (versionIds.has(name)) continue
      tolerating(['ENOENT', 'EISDIR', 'EPERM'], () =>
        this.#files.remove(join(this.#directory, name)),
      )
    }
  }

  async #writeBody(
    file: number,
    body: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<{ size: number; sha256: string }> {
    const hash = createHash('sha256')
    let size = 0
    for await (const chunk of body) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError('a body is made of Uint8Array chunks')
      for (let at = 0; at < chunk.length; at += stepBytes) {
        const step = chunk.subarray(at, at + stepBytes)
        hash.update(step)
        await this.#files.write(file, step)
      }
      size += chunk.length
    }
    await this.#files.syncData(file)
    return { size, sha256: hash.digest('hex') }
  }
}

async function* watchedBody(
  body: AsyncIterable<Uint8Array>,
  source: { failed: boolean },
): AsyncGenerator<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await chunks.next().catch((error: unknown) => {
        source.failed = true
        throw error
      })
      if (next.done) return
      yield next.value
    }
  } finally {
    if (!source.failed) await chunks.return?.()
  }
}
