import type { PageOptions } from './pages.ts'

/** Bytes of the parts that a stream is written in, all but the last, by stores that write it in parts. */
export const streamPartBytes = 8 * 1024 ** 2

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
 *   ObjectKeyInvalid. So is a key that would be a file and a folder at once (`a` beside `a/b`); S3
 *   itself has no such rule, so that there two writes at one moment, or a presigned one, can break it.
 * - Metadata is at most 2 KB in all, keys lower-case `[a-z0-9-]+`, values printable ASCII, as is the
 *   content type, without a space at either end: anything else is RequestInvalid.
 *
 * Errors: ObjectNotFound, ObjectKeyInvalid, ObjectChanged, RangeInvalid, UploadNotFound, CursorInvalid,
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
  list(prefix: string, options?: PageOptions): Promise<{ objects: ObjectEntry[]; cursor?: string }>

  /** All versions of one key, the newest first. */
  versions(key: string): Promise<ObjectEntry[]>

  /** Hides the key: `head`, `read` and `list` no longer find it without a version. Idempotent. */
  delete(key: string): Promise<void>

  /**
   * A URL that takes a PUT of exactly `size` bytes to `key`, until it expires (at most 7 days, and on
   * AWS no later than the credentials that signed it); each PUT is a new version. The answer to the
   * PUT has the version in its `x-amz-version-id` header. Without a size it takes any up to `maxSize`,
   * to which S3 itself cannot hold a PUT: whoever reads the object looks at its size first.
   */
  presignUpload(key: string, options: PresignOptions): Promise<PresignedUpload>

  /**
   * Begins an upload in parts, for what is too large or too slow for one request. Nothing is to be
   * seen under the key until it is completed; its parts take up space until it is completed or
   * aborted.
   */
  startMultipartUpload(
    key: string,
    options?: Pick<PutOptions, 'contentType' | 'metadata'>,
  ): Promise<{ uploadId: string }>

  /**
   * A URL that takes a PUT of one part, of exactly `size` bytes. The answer to the PUT has the part's
   * etag in its `etag` header, which the completion names. A part may be sent again: the one sent
   * last counts. The PUT to an upload that is not under way is refused with UploadNotFound.
   */
  presignPart(key: string, uploadId: string, options: PresignPartOptions): Promise<PresignedUpload>

  /**
   * Makes one version of the parts named, in ascending order of their numbers, all but the last of at
   * least 5 MiB: one Object Created event, with the reason CompleteMultipartUpload. RequestInvalid for
   * parts that are missing, of another etag, too small or out of order, and then the upload stays
   * under way; UploadNotFound when it is not under way. Done again it answers UploadNotFound or the
   * same version, and never makes a second one.
   *
   * With a digest, RequestInvalid when the bytes have another one, and then the upload stays under way:
   * by stores that know it. S3 does not, and makes the version.
   */
  completeMultipartUpload(
    key: string,
    uploadId: string,
    parts: readonly UploadedPart[],
    options?: { readonly sha256?: string },
  ): Promise<ObjectVersion>

  /**
   * Ends an upload and drops its parts. Idempotent. One that is not ended within 7 days may be dropped
   * by the store.
   */
  abortMultipartUpload(key: string, uploadId: string): Promise<void>
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

/** What a listing tells of a version; `head` tells the rest. */
export interface ObjectEntry {
  readonly bucket: string
  readonly key: string
  readonly versionId: string
  /** Bytes. */
  readonly size: number
  /** Opaque; equal for equal writes at most. */
  readonly etag: string
  /** ISO 8601 time. S3 tells whole seconds. */
  readonly lastModified: string
  /** The one of its Object Created event, where the store knows it (S3 tells it in events alone). */
  readonly sequencer?: string
}

export interface ObjectVersion extends ObjectEntry {
  /** Hex digest of the bytes, where the store knows it (S3 does not of what came presigned or in parts). */
  readonly sha256?: string
  /**
   * Hex digest of the SHA-256 digests of the parts, one after the other, of what came in parts, where the
   * store knows this instead (S3 does of a stream of more than `streamPartBytes`).
   */
  readonly partsSha256?: string
  readonly contentType: string
  readonly metadata: Readonly<Record<string, string>>
}

export interface PresignOptions {
  /** 1 second to 7 days. */
  readonly expiresInSeconds: number
  /** Bytes that the upload has: 0 to 5 GiB. @default any number up to `maxSize` */
  readonly size?: number
  /** Bytes that an upload without `size` has at most: 0 to 5 GiB. @default 5 GiB */
  readonly maxSize?: number
  /** The type that the upload must have. */
  readonly contentType?: string
  /** What the object gets as its metadata. */
  readonly metadata?: Readonly<Record<string, string>>
}

export interface PresignPartOptions {
  /** 1 to 10,000. */
  readonly partNumber: number
  /** Bytes that the part has: 0 to 5 GiB. */
  readonly size: number
  /** 1 second to 7 days. */
  readonly expiresInSeconds: number
}

/** A part as its PUT was answered. */
export interface UploadedPart {
  readonly partNumber: number
  /** With or without the quotes of the header. */
  readonly etag: string
}

export interface PresignedUpload {
  readonly url: string
  readonly method: 'PUT'
  /**
   * Headers that the upload must send as they are. `content-length` is one of them, since it is in
   * the signature: `fetch`, curl and browsers send it by themselves for a body whose length they know,
   * and may be given it too; a streamed body of `fetch` needs it, or it goes out in chunks and is
   * refused.
   */
  readonly headers: Readonly<Record<string, string>>
  /** ISO 8601 time. */
  readonly expiresAt: string
}
