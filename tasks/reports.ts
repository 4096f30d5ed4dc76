import type { Objects } from '../platform/ports/index.ts'
import { formatModel } from './names.ts'
import type { ObjectReference, TrainingClaim } from './shapes.ts'
import { createHash } from 'node:crypto'

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
