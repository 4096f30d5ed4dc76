import { randomBytes } from 'node:crypto'
import {
  isMillraceError,
  MillraceError,
  type ObjectVersion,
  type Ports,
  type PresignedUpload,
  type UploadedPart,
} from '../platform/ports/index.ts'
import { inputKey, uploadKey, type ModelName, type UploadFormat } from './names.ts'
import type { TrainingConfiguration } from './training-configuration.ts'
import {
  completeUpload,
  findUpload,
  putUpload,
  removeUpload,
  staleUploads,
  type UploadRecord,
} from './upload-records.ts'

const mebibyte = 1024 ** 2

/** How long a URL takes its bytes, in seconds. */
export const urlSeconds = 3600

/** The largest upload that is sent whole where nobody asks for parts, in bytes. */
export const maxSingleBytes = 64 * mebibyte

export const defaultPartBytes = 16 * mebibyte
export const minPartBytes = 5 * mebibyte

/** URLs that one answer has. */
export const maxUrls = 100

/** Of one upload in parts: what S3 takes. */
export const maxParts = 10_000

/** Bytes of a part, whole MiB, where nobody says: so large that the parts are not too many. */
export function partSizeFor(size: number): number {
  return Math.max(defaultPartBytes, Math.ceil(size / maxParts / mebibyte) * mebibyte)
}

/** Versions of a key among which a completion whose answer was lost is looked for. */
const maxLooked = 20

export interface UploadRequest {
  readonly format: UploadFormat
  readonly size: number
  readonly contentType?: string | undefined
  readonly configuration?: TrainingConfiguration | undefined
  /** Hex digest of the bytes. What has another one is refused, or rejected by the training. */
  readonly sha256?: string | undefined
}

export interface PartUrl extends PresignedUpload {
  readonly partNumber: number
  readonly size: number
}

export interface StartedUpload {
  readonly uploadId: string
  readonly key: string
  readonly partSize: number
  readonly partCount: number
  /** The first ones. */
  readonly parts: readonly PartUrl[]
}

/** Where uploads are kept. */
export interface UploadPlace {
  /** The key of a new upload. */
  key(name: ModelName, format: UploadFormat): string
  /** Whether a key is of this place: uploads of another one are not found here. */
  holds(key: string): boolean
}

/** What is uploaded as a dataset starts a training. */
export const datasetPlace: UploadPlace = {
  key: uploadKey,
  holds: (key) => key.startsWith('uploads/'),
}

/** Rows to be predicted once, each upload under a key of its own. */
export const inputPlace: UploadPlace = {
  key: (model, format) => inputKey(model, randomBytes(16).toString('hex'), format),
  holds: (key) => key.startsWith('inputs/'),
}

/** Uploads of one place, whole or in parts. */
export interface Uploads {
  /** A URL that takes all the bytes. Throws RequestInvalid (a configuration too large to travel). */
  presign(
    dataset: ModelName,
    request: UploadRequest,
  ): Promise<PresignedUpload & { readonly key: string }>
  /** Begins an upload in parts of `partSize` bytes, the last one less. Throws as `presign`. */
  start(dataset: ModelName, request: UploadRequest, partSize: number): Promise<StartedUpload>
  /** URLs of further parts, or of the same again. Throws UploadNotFound, RequestInvalid. */
  parts(
    dataset: ModelName,
    uploadId: string,
    partNumbers: readonly number[],
  ): Promise<readonly PartUrl[]>
  /**
   * Makes one version of all parts; asked for again, answers the same one. Throws UploadNotFound;
   * RequestInvalid for parts that are missing or of another etag, and bytes of another digest, and then
   * the upload stays under way.
   */
  complete(
    dataset: ModelName,
    uploadId: string,
    parts: readonly UploadedPart[],
  ): Promise<ObjectVersion>
  /** Ends an upload and drops its parts. Throws UploadNotFound. */
  abort(dataset: ModelName, uploadId: string): Promise<void>
}

export function createUploads(
  { objects, table, clock }: Pick<Ports, 'objects' | 'table' | 'clock'>,
  place: UploadPlace = datasetPlace,
): Uploads {
  return {
    async presign(dataset, request) {
      const { format, size } = request
      const key = place.key(dataset, format)
      const metadata = metadataOf(request)
      const presigned = await objects.presignUpload(key, {
        expiresInSeconds: urlSeconds,
        size,
        ...contentTypeOf(request),
        ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
      })
      return { key, ...presigned }
    },

    async start(dataset, request, partSize) {
      const { format, size, sha256 = null } = request
      const { user } = dataset
      for (const stale of await staleUploads(table, user, clock.now())) await end(user, stale)
      const key = place.key(dataset, format)
      const uploadId = randomBytes(24).toString('base64url')
      const { uploadId: storeId } = await objects.startMultipartUpload(key, {
        ...contentTypeOf(request),
        // By which a completion whose answer was lost is found again.
        metadata: { ...metadataOf(request), 'upload-id': uploadId },
      })
      const record: UploadRecord = {
        uploadId,
        dataset: dataset.dataset,
        key,
        storeId,
        size,
        partSize,
        sha256,
        startedAt: clock.now(),
        versionId: null,
      }
      await putUpload(table, user, record)
      const partCount = partCountOf(record)
      const numbers = Array.from({ length: Math.min(partCount, maxUrls) }, (_, i) => i + 1)
      const parts = await Promise.all(numbers.map((number) => presignPart(record, number)))
      return { uploadId, key, partSize, partCount, parts }
    },

    async parts(dataset, uploadId, partNumbers) {
      const record = await underWay(dataset, uploadId)
      const count = partCountOf(record)
      const beyond = partNumbers.find((number) => number > count)
      if (beyond !== undefined) {
        throw invalid('partNumbers', `the upload has ${count} parts, and no ${beyond}`)
      }
      return Promise.all(partNumbers.map((number) => presignPart(record, number)))
    },

    async complete(dataset, uploadId, parts) {
      const record = await found(dataset, uploadId)
      const { key, storeId, versionId, sha256 } = record
      if (versionId !== null) return objects.head(key, { versionId })
      // Each part is signed for its size: all of them, and nothing else, are the bytes that were declared.
      const count = partCountOf(record)
      if (parts.length !== count || parts.some(({ partNumber }, i) => partNumber !== i + 1)) {
        throw invalid('parts', `name all ${count} parts, in ascending order`)
      }
      const version = await completed(() =>
        objects.completeMultipartUpload(key, storeId, parts, sha256 === null ? {} : { sha256 }),
      )
      const made = version ?? (await madeBefore(record))
      await completeUpload(table, dataset.user, record, {
        versionId: made.versionId,
        now: clock.now(),
      })
      return made
    },

    async abort(dataset, uploadId) {
      await end(dataset.user, await underWay(dataset, uploadId))
    },
  }

  async function underWay(dataset: ModelName, uploadId: string): Promise<UploadRecord> {
    const record = await found(dataset, uploadId)
    if (record.versionId !== null) throw alreadyCompleted()
    return record
  }

  async function found(dataset: ModelName, uploadId: string): Promise<UploadRecord> {
    const record = await findUpload(table, dataset, uploadId, clock.now())
    if (record === undefined || !place.holds(record.key)) throw uploadUnknown()
    return record
  }

  /** The parts first: while the record is there, it can be done again. */
  async function end(user: string, record: UploadRecord): Promise<void> {
    if (record.versionId === null) await objects.abortMultipartUpload(record.key, record.storeId)
    await removeUpload(table, user, record)
  }

  async function presignPart(
    { key, storeId, size, partSize }: UploadRecord,
    partNumber: number,
  ): Promise<PartUrl> {
    const bytes = Math.min(partSize, size - (partNumber - 1) * partSize)
    const presigned = await objects.presignPart(key, storeId, {
      partNumber,
      size: bytes,
      expiresInSeconds: urlSeconds,
    })
    return { partNumber, size: bytes, ...presigned }
  }

  /** The version that a completion made whose answer was lost. Throws UploadNotFound. */
  async function madeBefore({ key, uploadId }: UploadRecord): Promise<ObjectVersion> {
    const versions = await objects.versions(key)
    for (const { versionId } of versions.slice(0, maxLooked)) {
      const version = await objects.head(key, { versionId })
      if (version.metadata['upload-id'] === uploadId) return version
    }
    throw alreadyCompleted()
  }
}

/** Undefined where the store knows of no such upload any more. */
async function completed(
  complete: () => Promise<ObjectVersion>,
): Promise<ObjectVersion | undefined> {
  try {
    return await complete()
  } catch (error) {
    if (isMillraceError(error, 'UploadNotFound')) return undefined
    if (isMillraceError(error, 'RequestInvalid')) throw invalid('parts', error.message)
    throw error
  }
}

function partCountOf({ size, partSize }: Pick<UploadRecord, 'size' | 'partSize'>): number {
  return Math.max(1, Math.ceil(size / partSize))
}

function contentTypeOf({ contentType }: UploadRequest): { contentType?: string } {
  return contentType === undefined ? {} : { contentType }
}

function metadataOf({ configuration, sha256 }: UploadRequest): Record<string, string> {
  return {
    ...(configuration === undefined ? {} : { configuration: asciiJson(configuration) }),
    ...(sha256 === undefined ? {} : { sha256 }),
  }
}

/** JSON in ASCII, as metadata takes it. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function uploadUnknown(): MillraceError {
  return new MillraceError(
    'UploadNotFound',
    'no upload of this id is under way: it was completed, aborted or never started; start another one',
  )
}

function alreadyCompleted(): MillraceError {
  return new MillraceError(
    'UploadNotFound',
    'no upload of this id is under way: it was completed or aborted; start another one',
  )
}

function invalid(field: string, message: string): MillraceError {
  const errors = [{ field, message }]
  return new MillraceError('RequestInvalid', `${field}: ${message}`, { details: { errors } })
}
