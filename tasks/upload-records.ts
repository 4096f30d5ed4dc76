import * as z from 'zod'
import { pages, type Item, type Json, type Table } from '../platform/ports/index.ts'
import { type ModelName, nameSchema } from './names.ts'
import { attempt } from './table-items.ts'

/** How long an upload in parts may be under way, in milliseconds. The stores keep parts as long. */
export const maxUploadAge = 7 * 24 * 3600 * 1000

/** How long a completed upload still answers what it became, in milliseconds. */
const keptAge = 24 * 3600 * 1000

export const uploadIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{32}$/, 'the id of an upload is 32 letters, digits, "-" or "_"')

const uploadRecord = z.object({
  uploadId: uploadIdSchema,
  dataset: nameSchema,
  key: z.string(),
  /** As the store knows the upload: never told, so that whoever holds it cannot go past its tenant. */
  storeId: z.string(),
  size: z.number().int(),
  partSize: z.number().int(),
  sha256: z.string().nullable(),
  startedAt: z.number().int(),
  /** What it became; null while it is under way. */
  versionId: z.string().nullable(),
})
export type UploadRecord = z.infer<typeof uploadRecord>

export async function putUpload(table: Table, user: string, record: UploadRecord): Promise<void> {
  const expiresAt = Math.ceil((record.startedAt + maxUploadAge) / 1000)
  const item = { ...(record as unknown as Record<string, Json>), expiresAt }
  await table.put({ ...placeOf(user, record), ...item }, { if: 'absent' })
}

/** Undefined for what was never started, was ended, or is too old. */
export async function findUpload(
  table: Table,
  { user, dataset }: ModelName,
  uploadId: string,
  now: number,
): Promise<UploadRecord | undefined> {
  const { pk, sk } = placeOf(user, { dataset, uploadId })
  const item = await table.get(pk, sk)
  return item === undefined || isOver(item, now) ? undefined : uploadRecord.parse(item)
}

/** Notes what an upload became, and keeps that for a day; of one that was aborted meanwhile nothing. */
export async function completeUpload(
  table: Table,
  user: string,
  record: UploadRecord,
  { versionId, now }: { versionId: string; now: number },
): Promise<void> {
  const { pk, sk } = placeOf(user, record)
  const expiresAt = Math.ceil((now + keptAge) / 1000)
  await attempt(table.update(pk, sk, { set: { versionId, expiresAt } }, { if: 'present' }))
}

export async function removeUpload(
  table: Table,
  user: string,
  record: Pick<UploadRecord, 'dataset' | 'uploadId'>,
): Promise<void> {
  const { pk, sk } = placeOf(user, record)
  await table.delete(pk, sk)
}

/** Uploads of a user that are over, up to a page of them. */
export async function staleUploads(
  table: Table,
  user: string,
  now: number,
): Promise<UploadRecord[]> {
  const { items } = await table.query(partitionOf(user))
  return items.filter((item) => isOver(item, now)).map((item) => uploadRecord.parse(item))
}

/** Bytes of the uploads of a user that are under way. */
export async function uploadedBytesOf(table: Table, user: string, now: number): Promise<number> {
  let bytes = 0
  for await (const { items } of pages((cursor) => table.query(partitionOf(user), { cursor }))) {
    for (const item of items) {
      if (item['versionId'] === null && !isOver(item, now)) bytes += Number(item['size'])
    }
  }
  return bytes
}

/** The table deletes such items, in its own time. */
function isOver(item: Item, now: number): boolean {
  return Number(item['expiresAt']) * 1000 <= now
}

function placeOf(user: string, { dataset, uploadId }: Pick<UploadRecord, 'dataset' | 'uploadId'>) {
  return { pk: partitionOf(user), sk: `${dataset}#${uploadId}` }
}

function partitionOf(user: string): string {
  return `uploads#${user}`
}
