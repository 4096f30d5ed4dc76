import { MillraceError } from './errors.ts'
import type {
  ObjectEntry,
  ObjectVersion,
  PresignOptions,
  PresignPartOptions,
  PutOptions,
  UploadedPart,
} from './objects.ts'

export const defaultContentType = 'application/octet-stream'
const maxMetadataBytes = 2048
const maxPresignedSeconds = 7 * 24 * 60 * 60
export const maxPresignedBytes = 5 * 1024 ** 3
const maxParts = 10_000
const minPartBytes = 5 * 1024 ** 2

/** What `put` writes beside the bytes. Throws RequestInvalid on options that no store takes. */
export function putOptions(options: PutOptions = {}): {
  contentType: string
  metadata: Readonly<Record<string, string>>
} {
  const contentType = options.contentType ?? defaultContentType
  if (contentType === '' || contentType.length > 255 || !isHeaderText(contentType)) {
    throw invalid(
      'contentType is not 1 to 255 printable ASCII characters without a space at either end',
    )
  }
  if (options.ifAbsent && options.ifMatch !== undefined) {
    throw invalid('ifAbsent and ifMatch exclude each other: give one of them')
  }
  return { contentType, metadata: metadataOf(options.metadata ?? {}) }
}

/** The same of options that say nothing of conditions. */
export function describedAs({
  contentType,
  metadata,
}: Pick<PutOptions, 'contentType' | 'metadata'>): ReturnType<typeof putOptions> {
  return putOptions({
    ...(contentType === undefined ? {} : { contentType }),
    ...(metadata === undefined ? {} : { metadata }),
  })
}

/** Throws ObjectChanged unless a write's conditions hold on the current version's etag. */
export function checkPutConditions(
  key: string,
  currentEtag: string | undefined,
  options: PutOptions = {},
): void {
  if (options.ifAbsent && currentEtag !== undefined) {
    throw new MillraceError('ObjectChanged', `the object ${key} exists already (ifAbsent)`)
  }
  if (options.ifMatch !== undefined && options.ifMatch !== currentEtag) {
    throw new MillraceError(
      'ObjectChanged',
      `the object ${key} has the etag ${currentEtag ?? 'of none'}, not ${options.ifMatch}: ` +
        'read it again and decide anew',
    )
  }
}

/** A byte range within `size`: `start` inclusive, `end` exclusive. Throws RangeInvalid. */
export function byteRange(
  size: number,
  range: { start?: number; end?: number } = {},
): { start: number; end: number } {
  const { start = 0, end = size } = range
  const inside =
    Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= size
  if (!inside) {
    throw new MillraceError('RangeInvalid', `no range ${start} to ${end} in ${size} bytes`)
  }
  return { start, end }
}

/** Throws RequestInvalid on presigned-upload options beyond what S3 takes. */
export function checkPresignOptions(options: PresignOptions): void {
  checkInteger('expiresInSeconds', options.expiresInSeconds, 1, maxPresignedSeconds)
  const { size, maxSize } = options
  if (size !== undefined) checkInteger('size', size, 0, maxPresignedBytes)
  if (maxSize !== undefined) checkInteger('maxSize', maxSize, 0, maxPresignedBytes)
  if (size !== undefined && maxSize !== undefined) {
    throw invalid('size and maxSize exclude each other: give one of them')
  }
  describedAs(options)
}

/** Throws RequestInvalid on options of a presigned part beyond what S3 takes. */
export function checkPresignPartOptions(options: PresignPartOptions): void {
  checkInteger('partNumber', options.partNumber, 1, maxParts)
  checkInteger('size', options.size, 0, maxPresignedBytes)
  checkInteger('expiresInSeconds', options.expiresInSeconds, 1, maxPresignedSeconds)
}

/**
 * The parts that an upload is to be completed of, their etags without quotes. RequestInvalid unless
 * they are 1 to 10,000 and their numbers ascend.
 */
export function checkUploadedParts(parts: readonly UploadedPart[]): UploadedPart[] {
  if (parts.length < 1 || parts.length > maxParts) {
    throw invalid(`the upload is completed of ${parts.length} parts: name 1 to ${maxParts}`)
  }
  return parts.map(({ partNumber, etag }, i) => {
    checkInteger('partNumber', partNumber, 1, maxParts)
    const before = parts[i - 1]
    if (before !== undefined && before.partNumber >= partNumber) {
      throw invalid(`part ${partNumber} comes after part ${before.partNumber}: name them ascending`)
    }
    if (typeof etag !== 'string') throw invalid(`part ${partNumber} has no etag`)
    return { partNumber, etag: etag.replace(/^"(.*)"$/, '$1') }
  })
}

/**
 * Picks the stored parts that a completion names. RequestInvalid when one is missing, has another
 * etag, or is too small and not the last.
 */
export function chosenParts<Part extends { readonly etag: string; readonly size: number }>(
  parts: readonly UploadedPart[],
  stored: (partNumber: number) => Part | undefined,
): Part[] {
  return parts.map(({ partNumber, etag }, i) => {
    const part = stored(partNumber)
    if (part?.etag !== etag) {
      const found = part === undefined ? 'was not sent' : `has the etag ${part.etag}, not ${etag}`
      throw invalid(`part ${partNumber} ${found}: name each part as its PUT was answered`)
    }
    if (i < parts.length - 1 && part.size < minPartBytes) {
      throw invalid(
        `part ${partNumber} has ${part.size} bytes: all but the last have at least ${minPartBytes}`,
      )
    }
    return part
  })
}

/** Throws RequestInvalid unless the bytes of an upload in parts have the digest that was given. */
export function checkDigest(sha256: string, expected: string | undefined): void {
  if (expected === undefined || expected === sha256) return
  throw invalid(
    `the parts make bytes of the SHA-256 ${sha256}, not ${expected}: send again what was damaged`,
  )
}

/** S3's ids of versions and uploads are URL-ready and at most 1024 bytes; nothing else is one. */
export function isStoreId(id: string): boolean {
  return /^[\x21-\x7e]{1,1024}$/.test(id)
}

/** Throws UploadNotFound for what cannot be the id of an upload. */
export function checkUploadId(key: string, uploadId: string): void {
  if (!isStoreId(uploadId)) throw uploadNotFound(key, uploadId)
}

export function uploadNotFound(key: string, uploadId: string): MillraceError {
  return new MillraceError(
    'UploadNotFound',
    `no upload ${JSON.stringify(uploadId.slice(0, 100))} of ${JSON.stringify(key)} is under way: ` +
      'it was completed, aborted or never started; start another one',
  )
}

/** What a listing tells of a version. */
export function entryOf(version: ObjectVersion): ObjectEntry {
  const { bucket, key, versionId, size, etag, lastModified, sequencer } = version
  return {
    bucket,
    key,
    versionId,
    size,
    etag,
    lastModified,
    ...(sequencer === undefined ? {} : { sequencer }),
  }
}

function metadataOf(metadata: Readonly<Record<string, string>>): Record<string, string> {
  let bytes = 0
  for (const [name, value] of Object.entries(metadata)) {
    if (!/^[a-z0-9-]+$/.test(name)) {
      throw invalid(`the metadata name ${JSON.stringify(name)} is not [a-z0-9-]+`)
    }
    if (!isHeaderText(value)) {
      throw invalid(
        `the metadata value of ${name} is not printable ASCII text without a space at either end`,
      )
    }
    bytes += name.length + value.length
  }
  if (bytes > maxMetadataBytes) {
    throw invalid(`the metadata has ${bytes} bytes, at most ${maxMetadataBytes} are allowed`)
  }
  return { ...metadata }
}

/** Whether a text comes out of an HTTP header, which drops the spaces around it, as it went in. */
function isHeaderText(text: unknown): boolean {
  return typeof text === 'string' && /^[\x20-\x7e]*$/.test(text) && text.trim() === text
}

function checkInteger(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw invalid(`${name} is ${value}: give an integer from ${min} to ${max}`)
  }
}

function invalid(message: string): MillraceError {
  return new MillraceError('RequestInvalid', message)
}
