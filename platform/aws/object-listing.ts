import { ListObjectsV2Command, ListObjectVersionsCommand, type S3Client } from '@aws-sdk/client-s3'
import type { ObjectEntry } from '../ports/objects.ts'
import { asked } from './errors.ts'
import { entryOf } from './object-answers.ts'

/** Where a listing of versions goes on; empty at the start. */
export interface VersionMarkers {
  readonly KeyMarker?: string
  readonly VersionIdMarker?: string
}

/** Some versions, without the delete markers among them, and where to go on. */
export interface VersionsPage {
  readonly versions: readonly { readonly isLatest: boolean; readonly entry: ObjectEntry }[]
  readonly next?: VersionMarkers
}

/** One page of all versions whose key begins with `prefix`: by key, the newest of each first. */
export async function versionsPage(
  client: S3Client,
  bucket: string,
  prefix: string,
  markers: VersionMarkers,
): Promise<VersionsPage> {
  const command = new ListObjectVersionsCommand({
    Bucket: bucket,
    Prefix: prefix,
    EncodingType: 'url',
    ...markers,
  })
  const answer = await asked(`listing the objects under ${prefix}`, client.send(command))
  const versions = (answer.Versions ?? []).map((version) => ({
    isLatest: version.IsLatest === true,
    entry: entryOf(bucket, decodedKey(version.Key ?? '', answer.EncodingType), version),
  }))
  if (!answer.IsTruncated || answer.NextKeyMarker === undefined) return { versions }
  const next = {
    KeyMarker: decodedKey(answer.NextKeyMarker, answer.EncodingType),
    ...(answer.NextVersionIdMarker === undefined
      ? {}
      : { VersionIdMarker: answer.NextVersionIdMarker }),
  }
  return { versions, next }
}

/** A current object in the folder of a key. */
export async function firstBelow(
  client: S3Client,
  bucket: string,
  key: string,
): Promise<string | undefined> {
  const command = new ListObjectsV2Command({
    Bucket: bucket,
    Prefix: `${key}/`,
    MaxKeys: 1,
    EncodingType: 'url',
  })
  const answer = await asked(`looking below ${key}`, client.send(command))
  const first = answer.Contents?.[0]?.Key
  return first === undefined ? undefined : decodedKey(first, answer.EncodingType)
}

/** Undoes `EncodingType: 'url'`, by which keys travel that XML cannot hold. */
function decodedKey(key: string, encodingType: string | undefined): string {
  return encodingType === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key
}
