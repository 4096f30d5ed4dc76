import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { objectCreatedEvent } from '../../events/object-created.ts'
import { MillraceError } from '../ports/errors.ts'
import { validateObjectKey, validateObjectPrefix } from '../ports/object-key.ts'
import {
  byteRange,
  checkDigest,
  checkPutConditions,
  describedAs,
  putOptions,
} from '../ports/object-options.ts'
import type {
  ObjectEntry,
  Objects,
  ObjectVersion,
  PresignedUpload,
  PresignOptions,
  PresignPartOptions,
  PutOptions,
  UploadedPart,
} from '../ports/objects.ts'
import type { Clock, Logger } from '../ports/observability.ts'
import { decodeCursor, encodeCursor, pageLimit } from '../ports/page.ts'
import {
  type AcceptedUpload,
  exactBody,
  signPart,
  signUpload,
  type UploadRequest,
  type UploadSigner,
  verifyUpload,
} from '../ports/signed-upload.ts'
import { afterPrefix } from '../ports/utf8.ts'
import type { LocalBus } from './bus.ts'
import { type LocalDatabase, storageError } from './database.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { MultipartUploads } from './multipart-uploads.ts'
import { ObjectRows } from './object-rows.ts'
import { VersionFiles } from './version-files.ts'
import { uploadsPrefix, VisibleBucket } from './visible-bucket.ts'
import { VisibleFiles } from './visible-files.ts'

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

/** What a version is written for, and what is to happen in its transaction. */
interface WriteCause {
  readonly reason: 'PutObject' | 'CompleteMultipartUpload'
  readonly alongside?: (written: { readonly sha256: string }) => void
}

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
  readonly #visible: VisibleBucket
  readonly #multipart: MultipartUploads
  readonly #uploadSecret: Uint8Array

  private constructor(options: LocalObjectsOptions, files: FileSystem) {
    this.bucket = options.bucket ?? 'millrace'
    this.directory = join(options.dataDir, 'bucket')
    this.#options = options
    this.#database = options.database
    this.#rows = new ObjectRows(options.database, this.bucket)
    this.#versions = new VersionFiles(join(options.dataDir, 'versions'), files)
    this.#visible = new VisibleBucket({
      database: options.database,
      rows: this.#rows,
      versions: this.#versions,
      files: new VisibleFiles(this.directory, files),
      logger: options.logger,
    })
    const parts = new VersionFiles(join(options.dataDir, 'parts'), files)
    this.#multipart = new MultipartUploads(options.database, parts)
    this.#uploadSecret = this.#rows.uploadSecret()
  }

  /** Opens the store, removes what a crash left and repairs the visible files. */
  static async open(options: LocalObjectsOptions): Promise<LocalObjects> {
    const files = options.files ?? nodeFileSystem
    try {
      files.makeFolders(join(options.dataDir, 'versions'))
      files.makeFolders(join(options.dataDir, 'parts'))
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
    return this.#writeVersion(key, body, options, { reason: 'PutObject' })
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
      const version = this.#record({ key, versionId, ...written }, {}, fingerprint)
      this.#visible.settled(key, fingerprint)
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
  ): Promise<{ objects: ObjectEntry[]; cursor?: string }> {
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

  async versions(key: string): Promise<ObjectEntry[]> {
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
    this.#visible.hide(key)
    await this.#database.durable()
  }

  async presignUpload(key: string, options: PresignOptions): Promise<PresignedUpload> {
    validateObjectKey(key)
    return signUpload(this.#signer(), key, options)
  }

  async startMultipartUpload(
    key: string,
    options: Pick<PutOptions, 'contentType' | 'metadata'> = {},
  ): Promise<{ uploadId: string }> {
    this.#checkPut(key, {})
    const uploadId = this.#multipart.start(key, describedAs(options), this.#options.clock.now())
    await this.#database.durable()
    return { uploadId }
  }

  async presignPart(
    key: string,
    uploadId: string,
    options: PresignPartOptions,
  ): Promise<PresignedUpload> {
    validateObjectKey(key)
    return signPart(this.#signer(), key, uploadId, options)
  }

  async completeMultipartUpload(
    key: string,
    uploadId: string,
    parts: readonly UploadedPart[],
    { sha256 }: { readonly sha256?: string } = {},
  ): Promise<ObjectVersion> {
    validateObjectKey(key)
    const { body, options } = this.#multipart.assemble(key, uploadId, parts)
    this.#checkPut(key, options)
    let files: readonly string[] | undefined
    const alongside = (written: { readonly sha256: string }) => {
      checkDigest(written.sha256, sha256)
      files = this.#multipart.complete(key, uploadId)
    }
    try {
      const cause = { reason: 'CompleteMultipartUpload', alongside } as const
      const version = await this.#writeVersion(key, body, options, cause)
      this.#multipart.drop(files ?? [])
      return version
    } catch (error) {
      // Ended meanwhile, or a part was sent again: the files that were read are gone, which is the reason.
      if (files === undefined) this.#multipart.assemble(key, uploadId, parts)
      throw error
    }
  }

  async abortMultipartUpload(key: string, uploadId: string): Promise<void> {
    validateObjectKey(key)
    const files = this.#database.transaction(() => this.#multipart.end(key, uploadId))
    this.#multipart.drop(files ?? [])
    await this.#database.durable()
  }

  /** Takes the PUT of a presigned upload. Throws UploadRefused, and all that `put` throws. */
  async acceptUpload(request: UploadRequest): Promise<AcceptedUpload> {
    const grant = verifyUpload(this.#uploadSecret, this.#options.clock.now(), request)
    const { key, size, options, part } = grant
    const body = exactBody(request.body, size)
    if (part === undefined) return this.put(key, body, options)
    const etag = await this.#multipart.addPart(key, part.uploadId, part.partNumber, body)
    return { etag }
  }

  /** Writes down what is left; the database is closed after it. */
  async close(): Promise<void> {
    this.#visible.close()
  }

  #signer(): UploadSigner {
    const { clock, uploadBaseUrl } = this.#options
    const baseUrl = uploadBaseUrl?.() ?? 'http://127.0.0.1'
    return { secret: this.#uploadSecret, baseUrl, now: clock.now() }
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

  /** Writes bytes that may be written: a new version, which is current and shown. */
  async #writeVersion(
    key: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    options: PutOptions,
    cause: WriteCause,
  ): Promise<ObjectVersion> {
    const versionId = newVersionId()
    const written = await this.#versions.write(versionId, body)
    try {
      const [copy] = await Promise.all([
        this.#visible.prepare(versionId),
        this.#versions.syncNames(),
      ])
      const { fingerprint } = copy
      const version = this.#record({ key, versionId, ...written }, options, fingerprint, cause)
      // In one go with the transaction, so that what is shown is what is current.
      this.#visible.show(version, copy)
      await this.#database.durable()
      return version
    } catch (error) {
      this.#dropUnrecorded(key, versionId)
      throw storageError(error)
    }
  }

  /**
   * The one transaction of a write: the version, that it is current, and its event. Without a cause
   * it is a file of the visible bucket, which needs no showing.
   */
  #record(
    written: { key: string; versionId: string; size: number; sha256: string },
    options: PutOptions,
    fingerprint: string,
    cause?: WriteCause,
  ): ObjectVersion {
    const time = this.#options.clock.now()
    const { key, sha256 } = written
    const etag = sha256.slice(0, 32)
    return this.#database.transaction(() => {
      cause?.alongside?.(written)
      checkPutConditions(key, this.#rows.current(key)?.etag, options)
      this.#rows.checkConflict(key)
      this.#visible.settle()
      const fresh = { ...written, ...putOptions(options), etag, time }
      this.#rows.insert(fresh, fingerprint)
      if (cause !== undefined) this.#rows.expectRefresh(key)
      const version = this.#rows.version(key, written.versionId)!
      const { bus } = this.#options
      const { sequencer } = version
      const reason = cause?.reason ?? 'PutObject'
      const created = { ...version, ...bus.origin, sequencer: sequencer!, time, reason }
      bus.publishInTransaction(objectCreatedEvent(created))
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
    this.#multipart.sweep(this.#options.clock.now())
    await this.#visible.recover()
  }
}

/** 32 characters that are safe in a URL and in a file name. */
function newVersionId(): string {
  return randomBytes(24).toString('base64url')
}
