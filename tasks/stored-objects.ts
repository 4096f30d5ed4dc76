import { createHash } from 'node:crypto'
import { isMillraceError, type Objects, type ObjectVersion } from '../platform/ports/index.ts'
import { sha256 } from './digest.ts'
import type { ObjectReference } from './shapes.ts'

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
export async function digestOfObject(
  objects: Objects,
  object: Pick<ObjectVersion, 'key' | 'versionId' | 'size'>,
): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of objectRanges(objects, object)) hash.update(bytes)
  return hash.digest('hex')
}

/** A value as JSON that people can read, too. */
export function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)
}

export function putJson(objects: Objects, key: string, value: unknown): Promise<ObjectVersion> {
  return objects.put(key, jsonBytes(value), { contentType: 'application/json' })
}

/** Writes an object whose key says all that is in it: the one that is there is as good. */
export async function putOnce(
  objects: Objects,
  key: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  contentType: string,
): Promise<ObjectVersion> {
  try {
    return await objects.put(key, body, { contentType, ifAbsent: true })
  } catch (error) {
    if (isMillraceError(error, 'ObjectChanged')) return objects.head(key)
    throw error
  }
}

/** Writes bytes and answers the reference by which states name them. */
export async function putReferenced(
  objects: Objects,
  key: string,
  bytes: Uint8Array,
  contentType?: string,
): Promise<ObjectReference> {
  const { bucket, versionId } = await objects.put(key, bytes, { contentType })
  return { bucket, key, versionId, sha256: sha256(bytes), size: bytes.length }
}

/** The same of bytes on their way, which are never held whole. */
export async function putStreamed(
  objects: Objects,
  key: string,
  chunks: AsyncIterable<Uint8Array>,
  contentType: string,
): Promise<ObjectReference> {
  const hash = createHash('sha256')
  async function* hashed() {
    for await (const chunk of chunks) {
      hash.update(chunk)
      yield chunk
    }
  }
  const { bucket, versionId, size } = await objects.put(key, hashed(), { contentType })
  return { bucket, key, versionId, sha256: hash.digest('hex'), size }
}
