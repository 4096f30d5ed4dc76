import { createHash } from 'node:crypto'
import type { Objects } from '../platform/ports/index.ts'
import { formatModel } from './names.ts'
import type { ObjectReference, TrainingClaim } from './shapes.ts'

/** Where one training keeps its files. */
export function trainingFolder({ model, trainingId }: TrainingClaim): string {
  return `models/${formatModel(model)}/${trainingId}`
}

export async function putJson(objects: Objects, key: string, value: unknown) {
  const bytes = new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)
  return objects.put(key, bytes, { contentType: 'application/json' })
}

/** Writes bytes and answers the reference by which states name them. */
export async function putReferenced(
  objects: Objects,
  key: string,
  bytes: Uint8Array,
): Promise<ObjectReference> {
  const { bucket, versionId } = await objects.put(key, bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { bucket, key, versionId, sha256, size: bytes.length }
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
