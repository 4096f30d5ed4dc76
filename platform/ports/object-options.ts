import { MillraceError } from './errors.ts'
import type { PresignOptions, PutOptions } from './objects.ts'

export const defaultContentType = 'application/octet-stream'
const maxMetadataBytes = 2048
const maxPresignedSeconds = 7 * 24 * 60 * 60
const maxPresignedBytes = 5 * 1024 ** 3

/** What `put` writes beside the bytes. Throws RequestInvalid on options that no store takes. */
export function putOptions(options: PutOptions = {}): {
  contentType: string
  metadata: Readonly<Record<string, string>>
} {
  const contentType = options.contentType ?? defaultContentType
  if (!/^[\x20-\x7e]{1,255}$/.test(contentType)) {
    throw invalid('contentType is not 1 to 255 printable ASCII characters')
  }
  if (options.ifAbsent && options.ifMatch !== undefined) {
    throw invalid('ifAbsent and ifMatch exclude each other: give one of them')
  }
  return { contentType, metadata: metadataOf(options.metadata ?? {}) }
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
  checkInteger('expiresInSeconds', options.expiresInSeconds, maxPresignedSeconds)
  checkInteger('maxBytes', options.maxBytes, maxPresignedBytes)
  const { contentType, metadata } = options
  putOptions({
    ...(contentType === undefined ? {} : { contentType }),
    ...(metadata === undefined ? {} : { metadata }),
  })
}

function metadataOf(metadata: Readonly<Record<string, string>>): Record<string, string> {
  let bytes = 0
  for (const [name, value] of Object.entries(metadata)) {
    if (!/^[a-z0-9-]+$/.test(name)) {
      throw invalid(`the metadata name ${JSON.stringify(name)} is not [a-z0-9-]+`)
    }
    if (typeof value !== 'string' || !/^[\x20-\x7e]*$/.test(value)) {
      throw invalid(`the metadata value of ${name} is not printable ASCII text`)
    }
    bytes += name.length + value.length
  }
  if (bytes > maxMetadataBytes) {
    throw invalid(`the metadata has ${bytes} bytes, at most ${maxMetadataBytes} are allowed`)
  }
  return { ...metadata }
}

function checkInteger(name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw invalid(`${name} is ${value}: give an integer from 1 to ${max}`)
  }
}

function invalid(message: string): MillraceError {
  return new MillraceError('RequestInvalid', message)
}
