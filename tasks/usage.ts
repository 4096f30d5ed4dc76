import * as z from 'zod'
import {
  type Condition,
  pages,
  type Item,
  type LogRecord,
  type Objects,
  type Table,
  type Write,
} from '../platform/ports/index.ts'
import { parseModel } from './names.ts'
import { feedbackRecord, predictionRecord } from './prediction-records.ts'
import { attempt, sumOf } from './table-items.ts'

/** What a user had in a month of UTC. */
export interface Usage {
  /** Rows predicted. */
  readonly predictions: number
  /** Those of them that batches predicted. */
  readonly batchRows: number
  readonly predictionRequests: number
  /** Rows labelled. */
  readonly feedback: number
  readonly trainings: number
  /** Rows of the datasets that were trained on. */
  readonly trainedRows: number
}

const noUsage: Usage = {
  predictions: 0,
  batchRows: 0,
  predictionRequests: 0,
  feedback: 0,
  trainings: 0,
  trainedRows: 0,
}

/** The name of the month that a time is in: `2026-01`. */
export function monthOf(time: number | string): string {
  return new Date(time).toISOString().slice(0, 7)
}

/** The first moment after a month, in milliseconds since 1970. */
export function endOfMonth(time: number): number {
  const date = new Date(time)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)
}

export async function usageOf(table: Table, user: string, month: string): Promise<Usage> {
  const items = await countersOfMonth(table, user, month)
  const names = Object.keys(noUsage) as (keyof Usage)[]
  return Object.fromEntries(names.map((name) => [name, sumOf(items, name)])) as unknown as Usage
}

/** Rows of the datasets that a user trained on in a month. */
export async function trainedRowsOf(table: Table, user: string, month: string): Promise<number> {
  const item = await table.get(usagePartition(user), month)
  return (item?.['trainedRows'] as number | undefined) ?? 0
}

/** The item of the month, and those beside it in which large batches are counted. */
async function countersOfMonth(table: Table, user: string, month: string): Promise<Item[]> {
  const found: Item[] = []
  const ask = (cursor?: string) => table.query(usagePartition(user), { prefix: month, cursor })
  for await (const { items } of pages(ask)) found.push(...items)
  return found
}

/**
 * Counts a training that was accepted, once, however often its task runs; one whose rows are more than
 * is left of the month is not counted.
 *
 * @param training what tells it from others: its execution
 * @param most rows of a month; null for as many as there are
 * @returns whether it is counted, now or before
 */
export async function countTraining(
  table: Table,
  time: number,
  user: string,
  { training, rows, most = null }: { training: string; rows: number; most?: number | null },
): Promise<boolean> {
  const month = monthOf(time)
  const mark: Write = {
    put: { pk: usagePartition(user), sk: `training#${training}` },
    if: 'absent',
  }
  const count = addition(user, month, { trainings: 1, trainedRows: rows })
  for (;;) {
    const item = most === null ? undefined : await table.get(usagePartition(user), month)
    const trainedRows = (item?.['trainedRows'] ?? null) as number | null
    if (most !== null && (trainedRows ?? 0) + rows > most) {
      return isTrainingCounted(table, user, training)
    }
    const seen: Condition = item === undefined ? 'absent' : { trainedRows }
    if (await attempt(table.transact([mark, most === null ? count : { ...count, if: seen }]))) {
      return true
    }
    // Else another training was counted in between: what it has left is asked for again.
    if (await isTrainingCounted(table, user, training)) return true
  }
}

/**
 * The write that counts rows of a batch, to stand in the transaction that tells that they are done: in
 * the item of the month, or in one of those beside it.
 */
export function countBatchRows(
  time: number,
  user: string,
  { rows, counter = null }: { readonly rows: number; readonly counter?: number | null },
): Write {
  const month = monthOf(time)
  const item = counter === null ? month : `${month}#${String(counter).padStart(2, '0')}`
  return addition(user, item, { predictions: rows, batchRows: rows })
}

/** Whether `countTraining` has counted a training, in whatever month. */
export async function isTrainingCounted(
  table: Table,
  user: string,
  training: string,
): Promise<boolean> {
  return (await table.get(usagePartition(user), `training#${training}`)) !== undefined
}

/**
 * Counts predictions and feedback, as a consumer of the log: each record once, since how far a key has
 * been counted is written together with the counts.
 */
export async function countServed(table: Table, batch: readonly LogRecord[]): Promise<void> {
  const byKey = Map.groupBy(batch, ({ key }) => key)
  for (const [key, records] of byKey) await countKey(table, key, records)
}

async function countKey(table: Table, key: string, records: readonly LogRecord[]): Promise<void> {
  const place = { pk: 'usage-counted', sk: key }
  for (;;) {
    const counted = (await table.get(place.pk, place.sk))?.['position'] as string | undefined
    const fresh = records.filter(({ position }) => counted === undefined || position > counted)
    if (fresh.length === 0) return
    const additions = additionsOf(fresh)
    const position = fresh.at(-1)!.position
    const counts = table.transact([
      { put: { ...place, position }, if: counted === undefined ? 'absent' : { position: counted } },
      ...additions,
    ])
    // Else another process counts the same key: what it has counted is not counted again.
    if (await attempt(counts)) return
  }
}

/** What is counted of the records of the log; all of them is more work than the prediction was. */
const countedRecord = z.discriminatedUnion('kind', [
  predictionRecord.pick({ kind: true, model: true, at: true, rows: true }),
  feedbackRecord
    .pick({ kind: true, model: true, at: true })
    .extend({ labels: z.array(z.unknown()) }),
])

/** One a user and month that the records fall into. */
function additionsOf(records: readonly LogRecord[]): Write[] {
  const sums = new Map<string, { user: string; month: string; add: Record<string, number> }>()
  const users = new Map<string, string>()
  for (const { record } of records) {
    const counted = countedRecord.safeParse(record)
    // Records of others than predictions may stand in the same log.
    if (!counted.success) continue
    const { data } = counted
    const user = users.get(data.model) ?? parseModel(data.model).user
    users.set(data.model, user)
    const month = data.at.slice(0, 'YYYY-MM'.length)
    const sum = sums.get(`${user} ${month}`) ?? { user, month, add: {} }
    sums.set(`${user} ${month}`, sum)
    const { add } = sum
    if (data.kind === 'prediction') {
      add['predictions'] = (add['predictions'] ?? 0) + data.rows
      add['predictionRequests'] = (add['predictionRequests'] ?? 0) + 1
    } else add['feedback'] = (add['feedback'] ?? 0) + data.labels.length
  }
  return [...sums.values()].map(({ user, month, add }) => addition(user, month, add))
}

function addition(user: string, item: string, add: Readonly<Record<string, number>>) {
  return { update: { pk: usagePartition(user), sk: item, add } }
}

/** Bytes of what a user keeps, in its present versions: datasets, models, and what batches read and made. */
export async function storedBytes(objects: Objects, user: string): Promise<number> {
  let bytes = 0
  for (const folder of ['uploads', 'datasets', 'models', 'inputs', 'batches']) {
    const prefix = `${folder}/${user}/`
    for await (const page of pages((cursor) => objects.list(prefix, { cursor }))) {
      bytes += page.objects.reduce((sum, { size }) => sum + size, 0)
    }
  }
  return bytes
}

/** Where the table has the counters of a user: the items of a month, and marks of what they count once. */
export function usagePartition(user: string): Item['pk'] {
  return `usage#${user}`
}
