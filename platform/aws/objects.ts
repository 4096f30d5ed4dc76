import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3'
import { setTimeout } from 'node:timers/promises'
import {
  keyConflict,
  parentsOf,
  validateObjectKey,
  validateObjectPrefix,
} from '../ports/object-key.ts'
import {
  byteRange,
  checkPresignOptions,
  checkPresignPartOptions,
  checkUploadedParts,
  checkUploadId,
  describedAs,
  isStoreId,
  putOptions,
} from '../ports/object-options.ts'
import { isMillraceError } from '../ports/errors.ts'
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
import type { Clock } from '../ports/observability.ts'
import { decodeCursor, encodeCursor, pageLimit } from '../ports/page.ts'
import { asked, portError } from './errors.ts'
import { notFound, type ObjectAddress, readError, versionOf, writeError } from './object-answers.ts'
import {
  firstBelow,
  type VersionMarkers,
  type VersionsPage,
  versionsPage,
} from './object-listing.ts'
import { conditionsOf, httpRange } from './object-requests.ts'

export interface S3ObjectsOptions {
  readonly client: S3Client
  /** A bucket that keeps versions. */
  readonly bucket: string
  /** When URLs are signed. @default the system's */
  readonly clock?: Clock
}

/** S3 answers a conditional write that met another one with "try again": so often, then it is lost. */
const conflictAttempts = 4

/**
 * The objects port on S3.
 *
 * What S3 has no rule for, that no key is the folder of another, is looked up before a write: a
 * listing and a HeadObject for each folder above, at once. That is not atomic: two writers at one
 * moment, or who uploads by a presigned URL, can break it.
 *
 * Needs GetObject, GetObjectVersion, PutObject, DeleteObject, AbortMultipartUpload on the bucket's
 * objects, and ListBucket and ListBucketVersions on the bucket: without ListBucket S3 answers 403 for
 * what does not exist, which is AccessRefused here.
 */
export class S3Objects implements Objects {
  readonly bucket: string
  readonly #client: S3Client
  readonly #clock: Clock

  constructor({ client, bucket, clock = { now: Date.now } }: S3ObjectsOptions) {
    this.bucket = bucket
    this.#client = client
    this.#clock = clock
  }

  async put(
    key: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    options: PutOptions = {},
  ): Promise<ObjectVersion> {
    validateObjectKey(key)
    const { contentType, metadata } = putOptions(options)
    const target: PutObjectCommandInput = {
      ...this.#address(key),
      ContentType: contentType,
      Metadata: { ...metadata },
      ChecksumAlgorithm: 'SHA256',
      ...conditionsOf(key, options),
    }
    await this.#checkConflict(key)
    const versionId =
      body instanceof Uint8Array
        ? await this.#putBytes(key, { ...target, Body: body })
        : await this.#putStream(key, target, body)
    return this.#written(key, versionId)
  }

  async head(key: string, options: { versionId?: string } = {}): Promise<ObjectVersion> {
    validateObjectKey(key)
    const address = this.#address(key, options.versionId)
    try {
      const head = new HeadObjectCommand({ ...address, ChecksumMode: 'ENABLED' })
      return versionOf(address, await this.#client.send(head))
    } catch (error) {
      throw await this.#headError(address, error)
    }
  }

  async read(
    key: string,
    options: { versionId?: string; start?: number; end?: number } = {},
  ): Promise<Uint8Array> {
    validateObjectKey(key)
    const address = this.#address(key, options.versionId)
    if (options.start === undefined && options.end === undefined) {
      return this.#bytesOf(address, await this.#get(address))
    }
    const range = httpRange(options)
    if (range === undefined) return this.#checkedRange(key, options)
    const answer = await this.#get(address, range)
    if (answer === undefined) return this.#checkedRange(key, options)
    const size = /\/(\d+)$/.exec(answer.ContentRange ?? '')?.[1]
    if (size === undefined) {
      // A server may answer a request for a range with the whole object.
      const whole = await this.#bytesOf(address, answer)
      const { start, end } = byteRange(whole.length, options)
      return whole.slice(start, end)
    }
    return this.#bytesOf(address, answer, () => void byteRange(Number(size), options))
  }

  async list(
    prefix: string,
    options: { cursor?: string; limit?: number } = {},
  ): Promise<{ objects: ObjectEntry[]; cursor?: string }> {
    validateObjectPrefix(prefix)
    const limit = pageLimit(options.limit, 1000, 1000)
    const { cursor } = options
    const after = cursor === undefined ? {} : { KeyMarker: decodeCursor(['list', prefix], cursor) }
    const found: ObjectEntry[] = []
    let next: VersionMarkers | undefined = after
    while (next !== undefined && found.length <= limit) {
      const page: VersionsPage = await versionsPage(this.#client, this.bucket, prefix, next)
      found.push(...page.versions.flatMap(({ isLatest, entry }) => (isLatest ? [entry] : [])))
      next = page.next
    }
    const objects = found.slice(0, limit)
    const last = found.length > limit ? objects.at(-1) : undefined
    if (last === undefined) return { objects }
    return { objects, cursor: encodeCursor(['list', prefix], last.key) }
  }

  async versions(key: string): Promise<ObjectEntry[]> {
    validateObjectKey(key)
    const found: ObjectEntry[] = []
    let next: VersionMarkers | undefined = {}
    // Of all keys that begin with it, the key itself comes first.
    do {
      const page: VersionsPage = await versionsPage(this.#client, this.bucket, key, next)
      found.push(...page.versions.flatMap(({ entry }) => (entry.key === key ? [entry] : [])))
      next = page.next
    } while (next?.KeyMarker === key)
    return found
  }

  async delete(key: string): Promise<void> {
    validateObjectKey(key)
    const command = new DeleteObjectCommand(this.#address(key))
    await asked(`deleting the object ${key}`, this.#client.send(command))
  }

  async presignUpload(key: string, options: PresignOptions): Promise<PresignedUpload> {
    validateObjectKey(key)
    checkPresignOptions(options)
    const { presignedObject } = await import('./presigned.ts')
    const call = presignedObject(this.#client, this.#address(key), options, this.#clock.now())
    return asked(`signing an upload of ${key}`, call)
  }

  async startMultipartUpload(
    key: string,
    options: Pick<PutOptions, 'contentType' | 'metadata'> = {},
  ): Promise<{ uploadId: string }> {
    validateObjectKey(key)
    const { contentType, metadata } = describedAs(options)
    await this.#checkConflict(key)
    const command = new CreateMultipartUploadCommand({
      ...this.#address(key),
      ContentType: contentType,
      Metadata: { ...metadata },
    })
    const { UploadId } = await asked(`starting an upload of ${key}`, this.#client.send(command))
    return { uploadId: UploadId! }
  }

  async presignPart(
    key: string,
    uploadId: string,
    options: PresignPartOptions,
  ): Promise<PresignedUpload> {
    validateObjectKey(key)
    checkPresignPartOptions(options)
    const { presignedPart } = await import('./presigned.ts')
    const upload = this.#upload(key, uploadId)
    const call = presignedPart(this.#client, upload, options, this.#clock.now())
    return asked(`signing a part of ${key}`, call)
  }

  async completeMultipartUpload(
    key: string,
    uploadId: string,
    parts: readonly UploadedPart[],
  ): Promise<ObjectVersion> {
    validateObjectKey(key)
    const checked = checkUploadedParts(parts)
    const upload = this.#upload(key, uploadId)
    await this.#checkConflict(key)
    const Parts = checked.map(({ partNumber, etag }) => ({
      PartNumber: partNumber,
      ETag: `"${etag}"`,
    }))
    const command = new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } })
    const { VersionId } = await asked(
      `completing the upload of ${key}`,
      this.#client.send(command),
      {
        NoSuchUpload: 'UploadNotFound',
        InvalidPart: 'RequestInvalid',
        InvalidPartOrder: 'RequestInvalid',
        EntityTooSmall: 'RequestInvalid',
        MalformedXML: 'RequestInvalid',
      },
    )
    return this.#written(key, VersionId)
  }

  async abortMultipartUpload(key: string, uploadId: string): Promise<void> {
    validateObjectKey(key)
    try {
      const command = new AbortMultipartUploadCommand(this.#upload(key, uploadId))
      await asked(`aborting the upload of ${key}`, this.#client.send(command), {
        NoSuchUpload: 'UploadNotFound',
      })
    } catch (error) {
      if (!isMillraceError(error, 'UploadNotFound')) throw error
    }
  }

  #address(key: string, versionId?: string): ObjectAddress {
    const current = { Bucket: this.bucket, Key: key }
    if (versionId === undefined) return current
    const address = { ...current, VersionId: versionId }
    if (!isStoreId(versionId)) throw notFound(address)
    return address
  }

  #upload(key: string, uploadId: string): ObjectAddress & { UploadId: string } {
    checkUploadId(key, uploadId)
    return { ...this.#address(key), UploadId: uploadId }
  }

  async #putBytes(key: string, put: PutObjectCommandInput): Promise<string | undefined> {
    for (let attempt = 1; ; attempt++) {
      try {
        return (await this.#client.send(new PutObjectCommand(put))).VersionId
      } catch (error) {
        const isConflict = (error as Error).name === 'ConditionalRequestConflict'
        if (!isConflict || attempt === conflictAttempts) {
          throw writeError(`writing the object ${key}`, key, error)
        }
        await setTimeout(2 ** attempt * 25 * Math.random())
      }
    }
  }

  async #putStream(
    key: string,
    put: PutObjectCommandInput,
    body: AsyncIterable<Uint8Array>,
  ): Promise<string | undefined> {
    const { putStream } = await import('./object-stream.ts')
    return putStream(this.#client, put, body, (error) =>
      writeError(`writing the object ${key}`, key, error),
    )
  }

  /** What S3 itself does not tell of a write: its time, and how the rest reads. */
  #written(key: string, versionId: string | undefined): Promise<ObjectVersion> {
    return this.head(key, versionId === undefined ? {} : { versionId })
  }

  /** Undefined when the range begins at the end of the object or after it. */
  async #get(address: ObjectAddress): Promise<GetObjectCommandOutput>
  async #get(address: ObjectAddress, range: string): Promise<GetObjectCommandOutput | undefined>
  async #get(address: ObjectAddress, range?: string): Promise<GetObjectCommandOutput | undefined> {
    try {
      const Range = range === undefined ? {} : { Range: range }
      return await this.#client.send(new GetObjectCommand({ ...address, ...Range }))
    } catch (error) {
      if (range !== undefined && (error as Error).name === 'InvalidRange') return undefined
      throw readError(`reading the object ${address.Key}`, address, error)
    }
  }

  /** The bytes of an answer; those of one that `check` refuses are not waited for. */
  async #bytesOf(
    { Key }: ObjectAddress,
    { Body }: GetObjectCommandOutput,
    check?: () => void,
  ): Promise<Uint8Array> {
    const body = Body!
    try {
      check?.()
    } catch (error) {
      if ('destroy' in body) body.destroy()
      throw error
    }
    return asked(`reading the object ${Key}`, body.transformToByteArray())
  }

  /** For a range that S3 takes for none: an empty one is good, any other is RangeInvalid. */
  async #checkedRange(
    key: string,
    options: { versionId?: string; start?: number; end?: number },
  ): Promise<Uint8Array> {
    const { size, versionId } = await this.head(key, options)
    const { start, end } = byteRange(size, options)
    if (start === end) return new Uint8Array(0)
    // It was written anew, and longer, after the range was refused.
    return this.read(key, { ...options, versionId })
  }

  /** The error of a HeadObject, which has no body that would say more than a status. */
  async #headError(address: ObjectAddress, error: unknown): Promise<Error> {
    const what = `looking at the object ${address.Key}`
    const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
    if (status === 404 || status === 405) return notFound(address, error)
    if (status !== 400 || address.VersionId === undefined) return portError(what, error)
    // A version id that is none, or a request that is wrong otherwise: a read tells by its body.
    try {
      const answer = await this.#client.send(
        new GetObjectCommand({ ...address, Range: 'bytes=0-0' }),
      )
      if (answer.Body !== undefined && 'destroy' in answer.Body) answer.Body.destroy()
      return portError(what, error)
    } catch (told) {
      return readError(what, address, told)
    }
  }

  /** Throws ObjectKeyInvalid when the key would be a folder and a file at once. */
  async #checkConflict(key: string): Promise<void> {
    const [below, ...above] = await Promise.all([
      firstBelow(this.#client, this.bucket, key),
      ...parentsOf(key).map((parent) => this.#existing(parent)),
    ])
    const conflict = below ?? above.find((parent) => parent !== undefined)
    if (conflict !== undefined) throw keyConflict(key, conflict)
  }

  async #existing(key: string): Promise<string | undefined> {
    try {
      await this.head(key)
      return key
    } catch (error) {
      if (isMillraceError(error, 'ObjectNotFound')) return undefined
      throw error
    }
  }
}
