import { MillraceError } from './errors.ts'
import type { ObjectEntry, Objects } from './objects.ts'
import { pages } from './pages.ts'

const rangeBytes = 4 * 1024 * 1024

/** The bucket as an engine takes it: where distributed Maps read their items and write their results. */
export interface BucketStore {
  /** The bytes of one version, a few megabytes at a time. Throws ObjectNotFound. */
  read(bucket: string, key: string, versionId?: string): Promise<AsyncIterable<Uint8Array>>
  /** Throws ObjectNotFound for another bucket. */
  list(bucket: string, prefix: string): AsyncIterable<ListedObject>
  /** Throws ObjectNotFound for another bucket. */
  write(bucket: string, key: string, bytes: Uint8Array): Promise<void>
}

interface ListedObject {
  readonly key: string
  readonly size: number
  readonly etag: string
  readonly lastModified: Date
}

export function bucketStore(objects: Objects): BucketStore {
  return {
    async read(bucket, key, versionId) {
      requireBucket(objects, bucket)
      const version = await objects.head(key, versionId === undefined ? {} : { versionId })
      return rangesOf(objects, version)
    },

    async *list(bucket, prefix) {
      requireBucket(objects, bucket)
      for await (const page of pages((cursor) => objects.list(prefix, { cursor }))) {
        for (const { key, size, etag, lastModified } of page.objects) {
          yield { key, size, etag, lastModified: new Date(lastModified) }
        }
      }
    },

    async write(bucket, key, bytes) {
      requireBucket(objects, bucket)
      await objects.put(key, bytes, { contentType: 'application/json' })
    },
  }
}

function requireBucket(objects: Objects, bucket: string): void {
  if (bucket === objects.bucket) return
  throw new MillraceError(
    'ObjectNotFound',
    `there is no bucket ${JSON.stringify(bucket)}: the platform's own is "${objects.bucket}"`,
  )
}

/** Of one version, whatever is written meanwhile. */
async function* rangesOf(
  objects: Objects,
  { key, versionId, size }: ObjectEntry,
): AsyncIterable<Uint8Array> {
  for (let start = 0; start < size; start += rangeBytes) {
    yield await objects.read(key, { versionId, start, end: Math.min(start + rangeBytes, size) })
  }
}
