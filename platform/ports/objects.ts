/**
 * Objects: bytes under a key, in one bucket, every write a new immutable version (S3 with
 * versioning on).
 *
 * Promises of every adapter:
 * - A write is acknowledged only when it is durable, and is readable at once by every reader. A
 *   reader sees a whole version or none, also after a crash in the middle of a write.
 * - A version, once written, is never changed; `delete` hides a key and keeps its versions.
 * - Each completed write (not a delete) raises one "Object Created" event on the bus, at least once.
 * - Keys are 1 to 1024 bytes of UTF-8 in segments split by `/`, none of them empty, `.` or `..`, or
 *   longer than 255 bytes, with no control character and no backslash: anything else is
 *   ObjectKeyInvalid. So is a key that would be a file and a folder at once (`a` beside `a/b`).
 * - Metadata is at most 2 KB in all, keys lower-case `[a-z0-9-]+`, values printable ASCII, as is the
 *   content type: anything else is RequestInvalid.
 *
 * Errors: ObjectNotFound, ObjectKeyInvalid, ObjectChanged, RangeInvalid, CursorInvalid,
 * RequestInvalid (options out of their range), StorageFailed.
 */
export interface Objects {
  readonly bucket: string

  /** Writes a new version, whole or not at all. A stream is read once and never held whole. */
  put(
    key: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    options?: PutOptions,
  ): Promise<ObjectVersion>

  /** Describes the current version, or the named one. */
  head(key: string, options?: { versionId?: string }): Promise<ObjectVersion>

  /**
   * The bytes of the current version or the named one; with a range, the bytes from `start`
   * (inclusive) to `end` (exclusive, at most the size; default the size). RangeInvalid when `start`
   * is negative or beyond the size, or `end` is below `start` or beyond the size.
   */
  read(
    key: string,
    options?: { versionId?: string; start?: number; end?: number },
  ): Promise<Uint8Array>

  /**
   * Current versions whose key begins with `prefix`, in UTF-8 order of their keys, at most `limit`
   * (default and at most 1000). `cursor` goes on where a page ended, and is absent after the last.
   */
  list(
    prefix: string,
    options?: { cursor?: string; limit?: number },
  ): Promise<{ objects: ObjectVersion[]; cursor?: string }>

  /** All versions of one key, the newest first. */
  versions(key: string): Promise<ObjectVersion[]>

  /** Hides the key: `head`, `read` and `list` no longer find it without a version. Idempotent. */
  delete(key: string): Promise<void>

  /**
   * A URL that takes a PUT of at most `maxBytes` bytes (at most 5 GiB) to `key`, until it expires (at
   * most 7 days); each PUT is a new version.
   */
  presignUpload(key: string, options: PresignOptions): Promise<PresignedUpload>
}

export interface PutOptions {
  /** Default `application/octet-stream`. */
  readonly contentType?: string
  readonly metadata?: Readonly<Record<string, string>>
  /** Write only if the key has no current version; else ObjectChanged. */
  readonly ifAbsent?: boolean
  /** Write only if the current version has this etag; else ObjectChanged. */
  readonly ifMatch?: string
}

export interface ObjectVersion {
  readonly bucket: string
  readonly key: string
  readonly versionId: string
  /** Bytes. */
  readonly size: number
  /** Opaque; equal for equal writes at most. */
  readonly etag: string
  /** Hex digest of the bytes, where the store knows it (a presigned S3 upload may lack it). */
  readonly sha256?: string
  readonly contentType: string
  readonly metadata: Readonly<Record<string, string>>
  /** ISO 8601 time. */
  readonly lastModified: string
  /** The one of its Object Created event, where the store knows it (S3 tells it in events alone). */
  readonly sequencer?: string
}

export interface PresignOptions {
  /** 1 second to 7 days. */
  readonly expiresInSeconds: number
  /** 1 byte to 5 GiB. */
  readonly maxBytes: number
  /** The type that the upload must have. */
  readonly contentType?: string
  /** What the object gets as its metadata. */
  readonly metadata?: Readonly<Record<string, string>>
}

export interface PresignedUpload {
  readonly url: string
  readonly method: 'PUT'
  /** Headers that the upload must send as they are. */
  readonly headers: Readonly<Record<string, string>>
  /** ISO 8601 time. */
  readonly expiresAt: string
}
