import {
  isMillraceError,
  type Item,
  type LogRecord,
  type Objects,
  type Table,
  type Write,
} from '../platform/ports/index.ts'
import { parseModel } from './names.ts'
import { servedRecord } from './prediction-records.ts'

/** What a user had in a month of UTC. */
export interface Usage {
  /** Rows predicted. */
  readonly predictions: number
  readonly predictionRequests: number
  /** Rows labelled. */
  readonly feedback: number
  readonly trainings: number
  /** Rows of the datasets that were trained on. */
  readonly trainedRows: number
}

const noUsage: Usage = {
  predictions: 0,
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
  const item = await table.get(partition(user), month)
  const names = Object.keys(noUsage) as (keyof Usage)[]
  return Object.fromEntries(
    names.map((name) => [name, (item?.[name] as number | undefined) ?? 0]),
  ) as unknown as Usage
}

/**
 * Counts a training that was accepted, once, however often its task runs.
 *
 * @param training what tells it from others: its execution
 */
export async function countTraining(
  table: Table,
  time: number,
  user: string,
  { training, rows }: { training: string; rows: number },
): Promise<void> {
  try {
    await table.transact([
      { put: { pk: partition(user), sk: `training#${training}` }, if: 'absent' },
      addition(user, monthOf(time), { trainings: 1, trainedRows: rows }),
    ])
  } catch (error) {
    if (!isMillraceError(error, 'ConditionFailed')) throw error
  }
}

/** The write that counts rows of a batch, to stand in the transaction that tells that they are done. */
export function countBatchRows(time: number, user: string, rows: number): Write {
  return addition(user, monthOf(time), { predictions: rows })
}

/** Whether `countTraining` has counted a training, in whatever month. */
export async function isTrainingCounted(
  table: Table,
  user: string,
  training: string,
): Promise<boolean> {
  return (await table.get(partition(user), `training#${training}`)) !== undefined
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
    try {
      await table.transact([
        {
          put: { ...place, position },
          if: counted === undefined ? 'absent' : { position: counted },
        },
        ...additions,
      ])
      return
    } catch (error) {
      // Another process counts the same key: what it has counted is not counted again.
      if (!isMillraceError(error, 'ConditionFailed')) throw error
    }
  }
}

/** One a month that the records fall into: those of a key belong to one user. */
function additionsOf(records: readonly LogRecord[]): Write[] {
  const sums = new Map<string, { user: string; month: string; add: Record<string, number> }>()
  for (const { record } of records) {
    const served = servedRecord.safeParse(record)
    // Records of others than predictions may stand in the same log.
    if (!served.success) continue
    const { data } = served
    const { user } = parseModel(data.model)
    const month = monthOf(data.at)
    const sum = sums.get(`${user} ${month}`) ?? { user, month, add: {} }
    sums.set(`${user} ${month}`, sum)
    const added: Partial<Usage> =
      data.kind === 'prediction'
        ? { predictions: data.rows, predictionRequests: 1 }
        : { feedback: data.labels.length }
    for (const [name, value] of Object.entries(added)) sum.add[name] = (sum.add[name] ?? 0) + value
  }
  return [...sums.values()].map(({ user, month, add }) => addition(user, month, add))
}

function addition(user: string, month: string, add: Readonly<Record<string, number>>): Write {
  return { update: { pk: partition(user), sk: month, add } }
}

/** Bytes of the datasets, models and results of batches of a user, in their present versions. */
export async function storedBytes(objects: Objects, user: string): Promise<number> {
  let bytes = 0
  for (const folder of ['uploads', 'datasets', 'models', 'batches']) {
    let cursor: string | undefined
    do {
      const prefix = `${folder}/${user}/`
      const page = await objects.list(prefix, cursor === undefined ? {} : { cursor })
      bytes += page.objects.reduce((sum, { size }) => sum + size, 0)
      cursor = page.cursor
    } while (cursor !== undefined)
  }
  return bytes
}

function partition(user: string): Item['pk'] {
  return `usage#${user}`
}
