import { createHash } from 'node:crypto'
import type { Objects, ObjectVersion } from '../platform/ports/index.ts'

const rangeBytes = 8 * 1024 * 1024

/** The bytes of one object version, a few megabytes at a time. */
export async function* objectRanges(
  objects: Objects,
  object: Pick<ObjectVersion, 'key' | 'versionId' | 'size'>,
): AsyncIterable<Uint8Array> {
  for (let start = 0; start < object.size; start += rangeBytes) {
    const end = Math.min(start + rangeBytes, object.size)
    yield await objects.read(object.key, { versionId: object.versionId, start, end })
  }
}

/** Hex digest of an object in bounded memory, for stores that do not know it. */
export async function digestOf(
  objects: Objects,
  object: Pick<ObjectVersion, 'key' | 'versionId' | 'size'>,
): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of objectRanges(objects, object)) hash.update(bytes)
  return hash.digest('hex')
}
