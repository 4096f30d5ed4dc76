import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { objectCreatedEvent } from '../../events/object-created.ts'
import { MillraceError } from '../ports/errors.ts'
import { validateObjectKey, validateObjectPrefix } from '../ports/object-key.ts'
import { byteRange, checkPutConditions, putOptions } from '../ports/object-options.ts'
import type {
  Objects,
  ObjectVersion,
  PresignedUpload,
  PresignOptions,
  PutOptions,
} from '../ports/objects.ts'
import type { Clock, Logger } from '../ports/observability.ts'
import { decodeCursor, encodeCursor, pageLimit } from '../ports/page.ts'
import {
  limitedBody,
  signUpload,
  type UploadRequest,
  verifyUpload,
} from '../ports/signed-upload.ts'
import { afterPrefix } from '../ports/utf8.ts'
import type { LocalBus } from './bus.ts'
import { type LocalDatabase, storageError } from './database.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { ObjectRows } from './object-rows.ts'
import { VersionFiles } from './version-files.ts'
import { type PreparedCopy, VisibleFiles } from './visible-files.ts'

export interface LocalObjectsOptions {
  readonly database: LocalDatabase
  /** Gets the "Object Created" event of each version, in the transaction that records it. */
  readonly bus: LocalBus
  readonly dataDir: string
  readonly clock: Clock
  readonly logger: Logger
  /** @default 'millrace' */
  readonly bucket?: string
  /** Where the server that takes presigned uploads is. @default 'http://127.0.0.1' */
  readonly uploadBaseUrl?: () => string
  /** @default node:fs/promises */
  readonly files?: FileSystem
}

/** The folder of the bucket that people copy files to. */
export const uploadsPrefix = 'uploads/'

/** A text compares below any blob, so that this stands for "no upper bound". */
const aboveAllText = new Uint8Array(0)

/**
 * The objects port on files and SQLite. The bytes of each version are a file of their own under
 * `<dataDir>/versions/`; a version exists when its row does, and its row is written after its bytes
 * are safe. `<dataDir>/bucket/` shows the current version of each key, as a copy.
 *
 * A key cannot be the folder of another one (`a` and `a/b`): ObjectKeyInvalid.
 */
export class LocalObjects implements Objects {
  readonly bucket: string
  /** The folder that shows the bucket. */
  readonly directory: string
  readonly #options: LocalObjectsOptions
  readonly #database: LocalDatabase
  readonly #rows: ObjectRows
  readonly #versions: VersionFiles
  readonly #visible: VisibleFiles
  readonly #uploadSecret: Uint8Array
  /** Visible files that are in order, by key, to be written down with the next transaction. */
  readonly #settled = new Map<string, string | undefined>()

  private constructor(options: LocalObjectsOptions, files: FileSystem) {
    this.bucket = options.bucket ?? 'millrace'
    this.directory = join(options.dataDir, 'bucket')
    this.#options = options
    this.#database = options.database
    this.#rows = new ObjectRows(options.database, this.bucket)
    this.#versions = new VersionFiles(join(options.dataDir, 'versions'), files)
    this.#visible = new VisibleFiles(this.directory, files)
    this.#uploadSecret = this.#rows.uploadSecret()
  }

  /** Opens the store, removes what a crash left and repairs the visible files. */
  static async open(options: LocalObjectsOptions): Promise<LocalObjects> {
    const files = options.files ?? nodeFileSystem
    try {
      files.makeFolders(join(options.dataDir, 'versions'))
      files.makeFolders(join(options.dataDir, 'bucket', uploadsPrefix))
      const objects = new LocalObjects(options, files)
      await objects.#recover()
      return objects
    } catch (error) {
      throw storageError(error)
    }
  }

  async put(
    key: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    options: PutOptions = {},
  ): Promise<ObjectVersion> {
    this.#checkPut(key, options)
    const versionId = newVersionId()
    const written = await this.#write(versionId, body)
    try {
      const [copy] = await Promise.all([
        this.#visible.prepare(this.#versions.pathOf(versionId)),
        this.#versions.syncNames(),
      ])
      const version = this.#record({ key, versionId, ...written }, options, copy.fingerprint, true)
      // In one go with the transaction, so that what is shown is what is current.
      this.#show(version, copy)
      await this.#database.durable()
      return version
    } catch (error) {
      this.#dropUnrecorded(key, versionId)
      throw storageError(error)
    }
  }

  /**
   * Takes the file that someone put under a key in the visible bucket as a new version. Answers
   * undefined when it is gone, or changed while it was copied.
   */
  async takeFile(key: string): Promise<ObjectVersion | undefined> {
    this.#checkPut(key, {})
    const versionId = newVersionId()
    const taken = await this.#visible
      .snapshot(key, (bytes) => this.#versions.write(versionId, bytes))
      .catch((error: unknown) => {
        throw storageError(error)
      })
    if (taken === undefined) {
      this.#versions.remove(versionId)
      return undefined
    }
    try {
      const { fingerprint, ...written } = taken
      await this.#versions.syncNames()
      const version = this.#record({ key, versionId, ...written }, {}, fingerprint, false)
      this.#settled.set(key, fingerprint)
      await this.#database.durable()
      return version
    } catch (error) {
      this.#dropUnrecorded(key, versionId)
      throw storageError(error)
    }
  }

  /** Whether a visible file in this state is a copy of ours, or was taken before. */
  isKnownFile(key: string, fingerprint: string): boolean {
    return this.#database.read(() => this.#rows.versionOfFile(key, fingerprint)) !== undefined
  }

  async head(key: string, options: { versionId?: string } = {}): Promise<ObjectVersion> {
    return this.#find(key, options.versionId)
  }

  async read(
    key: string,
    options: { versionId?: string; start?: number; end?: number } = {},
  ): Promise<Uint8Array> {
    const { versionId, size } = this.#find(key, options.versionId)
    const { start, end } = byteRange(size, options)
    const bytes = await this.#versions.read(versionId, start, end).catch((error: unknown) => {
      throw storageError(error)
    })
    if (bytes.length < end - start) {
      throw new MillraceError(
        'StorageFailed',
        `the file of version ${versionId} of ${key} is shorter than it was written: ` +
          'restore the data directory from a copy',
      )
    }
    return bytes
  }

  async list(
    prefix: string,
    options: { cursor?: string; limit?: number } = {},
  ): Promise<{ objects: ObjectVersion[]; cursor?: string }> {
    validateObjectPrefix(prefix)
    const limit = pageLimit(options.limit, 1000, 1000)
    const { cursor } = options
    const after = cursor === undefined ? '' : decodeCursor(['list', prefix], cursor)
    const below = afterPrefix(prefix) ?? aboveAllText
    const found = this.#database.read(() => this.#rows.list(prefix, after, below, limit + 1))
    const objects = found.slice(0, limit)
    const last = found.length > limit ? objects.at(-1) : undefined
    if (last === undefined) return { objects }
    return { objects, cursor: encodeCursor(['list', prefix], last.key) }
  }

  async versions(key: string): Promise<ObjectVersion[]> {
    validateObjectKey(key)
    return this.#database.read(() => this.#rows.versions(key))
  }

  async delete(key: string): Promise<void> {
    validateObjectKey(key)
    const wasThere = this.#database.transaction(() => {
      if (!this.#rows.delete(key)) return false
      this.#rows.expectRefresh(key)
      return true
    })
    if (!wasThere) return
    this.#hide(key)
    await this.#database.durable()
  }

  async presignUpload(key: string, options: PresignOptions): Promise<PresignedUpload> {
    validateObjectKey(key)
    const { clock, uploadBaseUrl } = this.#options
    const baseUrl = uploadBaseUrl?.() ?? 'http://127.0.0.1'
    return signUpload(this.#uploadSecret, baseUrl, clock.now(), key, options)
  }

  /** Takes the PUT of a presigned upload. Throws UploadRefused, and all that `put` throws. */
  async acceptUpload(request: UploadRequest): Promise<ObjectVersion> {
    const grant = verifyUpload(this.#uploadSecret, this.#options.clock.now(), request)
    return this.put(grant.key, limitedBody(request.body, grant.maxBytes), grant.options)
  }

  /** Writes down what is left; the database is closed after it. */
  async close(): Promise<void> {
    if (this.#settled.size > 0) this.#database.transaction(() => this.#settle())
  }

  /** Before any byte is written, and again in the transaction that counts. */
  #checkPut(key: string, options: PutOptions): void {
    validateObjectKey(key)
    putOptions(options)
    this.#database.read(() => {
      checkPutConditions(key, this.#rows.current(key)?.etag, options)
      this.#rows.checkConflict(key)
    })
  }

  /** What the body itself throws passes as it is; what the disk throws is StorageFailed. */
  async #write(
    versionId: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
  ): Promise<{ size: number; sha256: string }> {
    const source = { failed: false }
    const watched = body instanceof Uint8Array ? body : watchedBody(body, source)
    try {
      return await this.#versions.write(versionId, watched)
    } catch (error) {
      throw source.failed ? error : storageError(error)
    }
  }

  /** The one transaction of a write: the version, that it is current, and its event. */
  #record(
    written: { key: string; versionId: string; size: number; sha256: string },
    options: PutOptions,
    fingerprint: string,
    needsShowing: boolean,
  ): ObjectVersion {
    const time = this.#options.clock.now()
    const { key, sha256 } = written
    const etag = sha256.slice(0, 32)
    return this.#database.transaction(() => {
      checkPutConditions(key, this.#rows.current(key)?.etag, options)
      this.#rows.checkConflict(key)
      this.#settle()
      const fresh = { ...written, ...putOptions(options), etag, time }
      this.#rows.insert(fresh, fingerprint)
      if (needsShowing) this.#rows.expectRefresh(key)
      const version = this.#rows.version(key, written.versionId)!
      const { bus } = this.#options
      const sequencer = version.sequencer!
      bus.publishInTransaction(objectCreatedEvent({ ...version, ...bus.origin, sequencer, time }))
      return version
    })
  }

  /** After a failure: the files of a version go, unless its row was written. */
  #dropUnrecorded(key: string, versionId: string): void {
    try {
      if (this.#rows.version(key, versionId) !== undefined) return
    } catch {
      // Not to be known now: the next open sweeps it.
      return
    }
    this.#versions.remove(versionId)
    this.#versions.remove(`${versionId}.copy`)
  }

  /** Shows a current version; that it cannot be shown does it no harm. */
  #show({ key, versionId }: ObjectVersion, copy: PreparedCopy): void {
    this.#refresh(key, () => {
      try {
        if (!this.#isNewUpload(key)) this.#visible.show(key, copy)
        else this.#versions.remove(`${versionId}.copy`)
        return copy.fingerprint
      } catch (error) {
        this.#versions.remove(`${versionId}.copy`)
        throw error
      }
    })
  }

  #hide(key: string): void {
    this.#refresh(key, () => {
      if (!this.#isNewUpload(key)) this.#visible.hide(key)
      return undefined
    })
  }

  /** Changes the visible file of a key. `change` answers the fingerprint of what is then shown. */
  #refresh(key: string, change: () => string | undefined): void {
    try {
      this.#settled.set(key, change())
    } catch (error) {
      this.#options.logger.warn('the visible copy of an object could not be brought up to date', {
        key,
        error: String(error),
      })
    }
  }

  /** Whether someone's own file is there, which is a version to come and must not be overwritten. */
  #isNewUpload(key: string): boolean {
    if (!key.startsWith(uploadsPrefix)) return false
    const shown = this.#visible.fingerprint(key)
    if (shown === undefined || shown === 'other') return false
    return this.#rows.versionOfFile(key, shown) === undefined
  }

  /** Within a transaction. */
  #settle(): void {
    for (const [key, fingerprint] of this.#settled) this.#rows.settle(key, fingerprint)
    this.#settled.clear()
  }

  #find(key: string, versionId: string | undefined): ObjectVersion {
    validateObjectKey(key)
    const version = this.#database.read(() =>
      versionId === undefined ? this.#rows.current(key) : this.#rows.version(key, versionId),
    )
    if (version !== undefined) return version
    const which = versionId === undefined ? '' : ` in version ${JSON.stringify(versionId)}`
    throw new MillraceError(
      'ObjectNotFound',
      `no object ${JSON.stringify(key)}${which} in the bucket ${this.bucket}`,
    )
  }

  async #recover(): Promise<void> {
    this.#versions.sweep(this.#rows.versionIds())
    for (const key of this.#rows.expectedRefreshes()) await this.#repair(key)
    this.#database.transaction(() => this.#settle())
  }

  /** Ends a change of a visible file that a crash cut off. */
  async #repair(key: string): Promise<void> {
    const version = this.#rows.current(key)
    if (version === undefined) return this.#hide(key)
    const shown = this.#visible.fingerprint(key)
    if (shown !== undefined && this.#rows.versionOfFile(key, shown) === version.versionId) {
      this.#settled.set(key, shown)
      return
    }
    const copy = await this.#visible.prepare(this.#versions.pathOf(version.versionId))
    this.#database.transaction(() => this.#rows.addFile(key, copy.fingerprint, version.versionId))
    this.#show(version, copy)
  }
}

/** 32 characters that are safe in a URL and in a file name. */
function newVersionId(): string {
  return randomBytes(24).toString('base64url')
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
