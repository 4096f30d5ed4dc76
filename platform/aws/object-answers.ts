import type { HeadObjectCommandOutput, ObjectVersion as S3Version } from '@aws-sdk/client-s3'
import { MillraceError } from '../ports/errors.ts'
import { defaultContentType } from '../ports/object-options.ts'
import type { ObjectEntry, ObjectVersion } from '../ports/objects.ts'
import { portError } from './errors.ts'

/** Where something is in S3. */
export interface ObjectAddress {
  readonly Bucket: string
  readonly Key: string
  readonly VersionId?: string
}

/** What HeadObject tells, asked with its checksum mode on. */
export function versionOf(
  { Bucket, Key }: ObjectAddress,
  answer: HeadObjectCommandOutput,
): ObjectVersion {
  const sha256 = wholeSha256(answer)
  const partsSha256 = sha256OfParts(answer)
  return {
    bucket: Bucket,
    key: Key,
    versionId: answer.VersionId ?? 'null',
    size: answer.ContentLength ?? 0,
    etag: unquoted(answer.ETag),
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(partsSha256 === undefined ? {} : { partsSha256 }),
    contentType: answer.ContentType ?? defaultContentType,
    metadata: answer.Metadata ?? {},
    lastModified: wholeSeconds(answer.LastModified),
  }
}

/** What ListObjectVersions tells of one version. */
export function entryOf(bucket: string, key: string, version: S3Version): ObjectEntry {
  return {
    bucket,
    key,
    versionId: version.VersionId ?? 'null',
    size: version.Size ?? 0,
    etag: unquoted(version.ETag),
    lastModified: wholeSeconds(version.LastModified),
  }
}

export function notFound(
  { Bucket, Key, VersionId }: ObjectAddress,
  cause?: unknown,
): MillraceError {
  const which =
    VersionId === undefined ? '' : ` in version ${JSON.stringify(VersionId.slice(0, 100))}`
  return new MillraceError(
    'ObjectNotFound',
    `no object ${JSON.stringify(Key)}${which} in the bucket ${Bucket}`,
    { cause },
  )
}

/** The error of a read whose answer has a body, and so a name. */
export function readError(what: string, address: ObjectAddress, error: unknown): MillraceError {
  const { name } = error as Error
  // A delete marker has a version id, too, and S3 refuses to read it.
  if (['NoSuchKey', 'NoSuchVersion', 'NotFound', 'MethodNotAllowed'].includes(name)) {
    return notFound(address, error)
  }
  // "Invalid version id specified": nothing else of a read is the caller's.
  if (name === 'InvalidArgument' && address.VersionId !== undefined) return notFound(address, error)
  return portError(what, error)
}

/** The error of a write, some of which have conditions. */
export function writeError(what: string, key: string, error: unknown): MillraceError {
  const { name } = error as Error
  if (['PreconditionFailed', 'NoSuchKey', 'ConditionalRequestConflict'].includes(name)) {
    return objectChanged(key, error)
  }
  return portError(what, error)
}

export function objectChanged(key: string, cause?: unknown): MillraceError {
  return new MillraceError(
    'ObjectChanged',
    `the object ${key} is not, or no longer, the one that the write's condition names: ` +
      'read it again and decide anew',
    { cause },
  )
}

/** A digest of parts' digests, which S3 has of an upload in parts, is not one of the bytes. */
function wholeSha256({
  ChecksumSHA256,
  ChecksumType,
}: HeadObjectCommandOutput): string | undefined {
  if (ChecksumSHA256 === undefined || ChecksumType === 'COMPOSITE') return undefined
  const digest = Buffer.from(ChecksumSHA256, 'base64')
  return digest.length === 32 && !ChecksumSHA256.includes('-') ? digest.toString('hex') : undefined
}

/** With the number of the parts behind it, as S3 tells it. */
function sha256OfParts({ ChecksumSHA256 = '' }: HeadObjectCommandOutput): string | undefined {
  const [, digest] = /^([A-Za-z0-9+/]{43}=)-\d+$/.exec(ChecksumSHA256) ?? []
  return digest === undefined ? undefined : Buffer.from(digest, 'base64').toString('hex')
}

function unquoted(etag: string | undefined): string {
  return (etag ?? '').replace(/^"(.*)"$/, '$1')
}

/** S3's own precision: its headers and its listings then tell the same time of a version. */
function wholeSeconds(time: Date | undefined): string {
  const milliseconds = time?.getTime() ?? 0
  return new Date(milliseconds - (milliseconds % 1000)).toISOString()
}
