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
