import {
  MillraceError,
  pages,
  type Condition,
  type Item,
  type PageOptions,
  type Table,
  type Write,
} from '../platform/ports/index.ts'
import {
  counterKey,
  counterOf,
  countersIn,
  countsOf,
  hasCounters,
  shardCounts,
  type BatchCounts,
} from './batch-counters.ts'
import {
  shardName,
  type BatchFile,
  type BatchFormat,
  type BatchReason,
  type BatchResult,
  type BatchShard,
  type BatchSource,
  type FailedRange,
} from './batch-shapes.ts'
import { formatModel, type ModelName } from './names.ts'
import type { ObjectReference } from './shapes.ts'
import { asJson, attempt } from './table-items.ts'
import { countBatchRows } from './usage.ts'

/** What is known of a batch, beside how its execution stands. */
export interface BatchRecord {
  /** Also the name of its first execution of the workflow `batch`. */
  readonly batch: string
  readonly model: string
  readonly version: number
  /** Null of a file, as its version. */
  readonly dataset: string | null
  readonly datasetVersion: number | null
  readonly file?: BatchFile
  readonly format: BatchFormat
  /** Of the source; 0 until those of a file are counted. */
  readonly rows: number
  /** What was asked for. */
  readonly rangeRows?: number
  readonly concurrency?: number
  readonly toleratedFailures?: number
  /** The object that is predicted; known once it is one. */
  readonly source?: BatchSource
  /** ISO 8601 time. */
  readonly createdAt: string
}

export interface KeptBatch extends BatchHead, BatchCounts {}

/** What is known of a batch, but how far it is. */
export interface BatchHead extends BatchRecord {
  /** The execution that works on it, or did last: that of its name, until it is resumed. */
  readonly execution: string
  /** Once its rows are divided. */
  readonly plan: ObjectReference | null
  /** The source in C order, where it was not and is rewritten. */
  readonly rewritten: ObjectReference | null
  /** Ranges in all; 0 until its rows are divided. */
  readonly ranges: number
  /** Once all rows are predicted, but those of ranges that were allowed to fail. */
  readonly result: BatchResult | null
  /** Why its dataset was not predicted. */
  readonly reasons: readonly BatchReason[] | null
}

/** Where in a shard some of its rows begin: rows of the dataset, ascending, with the bytes before them. */
export interface ShardMarks {
  readonly rows: readonly number[]
  readonly offsets: readonly number[]
}

/** What the table knows of batches. Whatever is written twice is written once. */
export interface Batches {
  /** Notes a batch; one that is there stays as it is. */
  add(model: ModelName, record: BatchRecord): Promise<void>
  /** Throws BatchNotFound. */
  find(model: ModelName, batch: string): Promise<KeptBatch>
  /** The same without how far it is, which takes more than one read. Throws BatchNotFound. */
  head(model: ModelName, batch: string): Promise<BatchHead>
  /** The newest first, where their names begin with their time. Throws CursorInvalid. */
  list(model: ModelName, page?: PageOptions): Promise<{ batches: BatchHead[]; cursor?: string }>
  /**
   * Hands a batch on to another execution, if the last one is still the one named, and forgets why it was
   * rejected; tells whether it did.
   */
  resume(
    model: ModelName,
    batch: string,
    by: { readonly execution: string; readonly last: string },
  ): Promise<boolean>
  /** What was planned first stays: ranges that are done are those of one plan. */
  plan(
    model: ModelName,
    record: BatchRecord,
    made: { readonly plan: ObjectReference; readonly ranges: number },
  ): Promise<ObjectReference>
  /** What was rewritten first stays. */
  rewrite(model: ModelName, batch: string, rows: ObjectReference): Promise<ObjectReference>
  /** What was answered first stays. */
  finish(model: ModelName, batch: string, result: BatchResult): Promise<BatchResult>
  /** One that is not there is left so. */
  reject(model: ModelName, batch: string, reasons: readonly BatchReason[]): Promise<void>
  shard(model: ModelName, batch: string, index: number): Promise<BatchShard | undefined>
  /**
   * Notes a shard of a batch of so many ranges, and counts its rows as predictions of the model's user:
   * the first time alone. Answers the one that stays.
   */
  addShard(
    model: ModelName,
    batch: string,
    made: { shard: BatchShard; marks: ShardMarks; time: number; ranges: number },
  ): Promise<BatchShard>
  /**
   * Takes out a shard whose bytes are damaged, and its rows out of what was counted; its range is noted
   * as failed with `shardDamaged`. A batch that was done is so no more, and can be resumed.
   */
  removeShard(model: ModelName, batch: string, shard: BatchShard): Promise<void>
  /** Notes why a range has no result, unless it has. */
  addFailure(model: ModelName, batch: string, failure: FailedRange): Promise<void>
  /** Ranges that failed and have no result since, in the order of their rows. */
  failedRanges(model: ModelName, batch: string): Promise<FailedRange[]>
  /** Those that are done, in the order of their rows. */
  shards(model: ModelName, batch: string): Promise<BatchShard[]>
  /** The same, however many they are. */
  eachShard(model: ModelName, batch: string): AsyncIterable<BatchShard>
  /** Those of them that have some of these rows: no other is read, but a few. */
  shardsWithin(
    model: ModelName,
    batch: string,
    rows: { readonly from: number; readonly to: number },
  ): AsyncIterable<BatchShard>
  marks(model: ModelName, batch: string, index: number): Promise<ShardMarks>
}

export function createBatches(table: Table): Batches {
  const headItem = async (model: ModelName, batch: string): Promise<Item> => {
    const item = await table.get(headPartition(model), batch)
    if (item === undefined) throw batchNotFound(model, batch)
    return item
  }
  const batches: Batches = {
    async add(model, record) {
      const item = { pk: headPartition(model), sk: record.batch, record: asJson(record) }
      await attempt(table.put(item, { if: 'absent' }))
    },

    async find(model, batch) {
      const item = await headItem(model, batch)
      const head = headOf(item)
      const counters = hasCounters(head.ranges)
        ? await countersIn(table, partition(model, batch))
        : []
      return { ...head, ...countsOf([item, ...counters]) }
    },

    async head(model, batch) {
      return headOf(await headItem(model, batch))
    },

    async list(model, { cursor, limit } = {}) {
      const page = await table.query(headPartition(model), { descending: true, cursor, limit })
      return { batches: page.items.map(headOf), cursor: page.cursor }
    },

    async resume(model, batch, { execution, last }) {
      const change = { set: { execution }, remove: ['reasons'] }
      const isIts = (await batches.head(model, batch)).execution === execution
      if (isIts) return true
      const seen = { if: workedOnBy(batch, last) }
      return attempt(table.update(headPartition(model), batch, change, seen))
    },

    async plan(model, record, { plan, ranges }) {
      const set = { record: asJson(record), plan: asJson(plan), planned: plan.versionId, ranges }
      const condition = { if: { planned: null } }
      await attempt(table.update(headPartition(model), record.batch, { set }, condition))
      return (await batches.head(model, record.batch)).plan ?? plan
    },

    async rewrite(model, batch, rows) {
      const set = { rewritten: asJson(rows), rewrittenAs: rows.versionId }
      const change = table.update(
        headPartition(model),
        batch,
        { set },
        { if: { rewrittenAs: null } },
      )
      await attempt(change)
      return (await batches.head(model, batch)).rewritten ?? rows
    },

    async finish(model, batch, result) {
      // A scalar beside it, which a condition can name.
      const set = { result: asJson(result), finished: result.manifest.versionId }
      const change = table.update(headPartition(model), batch, { set }, { if: { finished: null } })
      await attempt(change)
      return (await batches.head(model, batch)).result ?? result
    },

    async reject(model, batch, reasons) {
      const set = { reasons: asJson(reasons) }
      await attempt(table.update(headPartition(model), batch, { set }, { if: 'present' }))
    },

    async shard(model, batch, index) {
      const item = await table.get(partition(model, batch), shardKey(index))
      return item && shardOf(item)
    },

    async addShard(model, batch, { shard, marks, time, ranges }) {
      const pk = partition(model, batch)
      const { versionId } = shard.object
      const counter = counterOf(shard.index, ranges)
      const item = { pk, sk: shardKey(shard.index), shard: asJson(shard), versionId, time, counter }
      await attempt(
        table.transact([
          { put: item, if: 'absent' },
          { put: { pk, sk: marksKey(shard.index), marks: asJson(marks) } },
          { delete: { pk, sk: failureKey(shard.index) } },
          counted(model, batch, { shard, counter }),
          countBatchRows(time, model.user, { rows: predictedRows(shard), counter }),
        ]),
      )
      return (await batches.shard(model, batch, shard.index)) ?? shard
    },

    async removeShard(model, batch, shard) {
      const pk = partition(model, batch)
      const { versionId } = shard.object
      const item = await table.get(pk, shardKey(shard.index))
      if (item?.['versionId'] !== versionId) return
      const time = item['time'] as number
      const counter = (item['counter'] ?? null) as number | null
      await attempt(
        table.transact([
          { delete: { pk, sk: shardKey(shard.index) }, if: { versionId } },
          { delete: { pk, sk: marksKey(shard.index) } },
          { put: { pk, sk: failureKey(shard.index), failure: asJson(damageOf(shard)) } },
          ...uncounted(model, batch, { shard, counter }),
          countBatchRows(time, model.user, { rows: -predictedRows(shard), counter }),
        ]),
      )
    },

    async addFailure(model, batch, failure) {
      const pk = partition(model, batch)
      await attempt(
        table.transact([
          { check: { pk, sk: shardKey(failure.index) }, if: 'absent' },
          { put: { pk, sk: failureKey(failure.index), failure: asJson(failure) } },
        ]),
      )
    },

    async failedRanges(model, batch) {
      const noted = await allOf(itemsOf(table, partition(model, batch), failurePrefix))
      return noted.map((item) => item['failure'] as unknown as FailedRange)
    },

    async shards(model, batch) {
      return allOf(batches.eachShard(model, batch))
    },

    async *eachShard(model, batch) {
      for await (const item of itemsOf(table, partition(model, batch), shardPrefix)) {
        yield shardOf(item)
      }
    },

    async *shardsWithin(model, batch, { from, to }) {
      const pk = partition(model, batch)
      const { items } = await table.query(pk, { prefix: shardPrefix, limit: 1 })
      if (items.length === 0 || from >= to) return
      const first = Math.floor(from / rangeRowsBy(shardOf(items[0]!)))
      const few = { ...(first === 0 ? {} : { after: shardKey(first - 1) }), limit: 20 }
      for await (const item of itemsOf(table, pk, shardPrefix, few)) {
        const shard = shardOf(item)
        if (shard.from >= to) return
        if (shard.to > from) yield shard
      }
    },

    async marks(model, batch, index) {
      const item = await table.get(partition(model, batch), marksKey(index))
      return (item?.['marks'] ?? { rows: [], offsets: [] }) as unknown as ShardMarks
    },
  }
  return batches
}

/** The check that no other execution has taken a batch over, to stand in a transaction. */
export function lastExecutionOf(model: ModelName, batch: string, execution: string): Write {
  return { check: headKeys(model, batch), if: workedOnBy(batch, execution) }
}

/** The first execution, of the batch's name, is not written down. */
function workedOnBy(batch: string, execution: string): Condition {
  return { execution: execution === batch ? null : execution }
}

export function batchNotFound(model: ModelName, batch: string): MillraceError {
  return new MillraceError(
    'BatchNotFound',
    `there is no batch ${JSON.stringify(batch.slice(0, 80))} of the model ${formatModel(model)}`,
  )
}

function headPartition(model: ModelName): string {
  return `batches#${formatModel(model)}`
}

function headKeys(model: ModelName, batch: string) {
  return { pk: headPartition(model), sk: batch }
}

function partition(model: ModelName, batch: string): string {
  return `batch#${formatModel(model)}/${batch}`
}

/** The error of ranges whose results were damaged, and which were not tried since. */
export const shardDamaged = 'ShardDamaged'

const shardPrefix = 'shard#'
const failurePrefix = 'failed#'

function shardKey(index: number): string {
  return `${shardPrefix}${shardName(index)}`
}

function marksKey(index: number): string {
  return `marks#${shardName(index)}`
}

function failureKey(index: number): string {
  return `${failurePrefix}${shardName(index)}`
}

async function allOf<One>(found: AsyncIterable<One>): Promise<One[]> {
  const all: One[] = []
  for await (const one of found) all.push(one)
  return all
}

async function* itemsOf(
  table: Table,
  pk: string,
  prefix: string,
  { after, limit = 1000 }: { after?: string; limit?: number } = {},
): AsyncIterable<Item> {
  const ask = (cursor?: string) => table.query(pk, { prefix, after, limit, cursor })
  for await (const { items } of pages(ask)) yield* items
}

/** Where a shard is counted. */
interface Counted {
  readonly shard: BatchShard
  /** Null for the head of the batch, as of those that were noted before there were others. */
  readonly counter: number | null
}

function counted(model: ModelName, batch: string, { shard, counter }: Counted): Write {
  const add = shardCounts(shard, 1)
  if (counter === null) return { update: { ...headKeys(model, batch), add }, if: 'present' }
  return { update: { pk: partition(model, batch), sk: counterKey(counter), add } }
}

/** Takes a shard out of what was counted: then the batch has no result any more. */
function uncounted(model: ModelName, batch: string, { shard, counter }: Counted): Write[] {
  const add = shardCounts(shard, -1)
  const reopened = { ...headKeys(model, batch), remove: ['result', 'finished'] }
  if (counter === null) return [{ update: { ...reopened, add }, if: 'present' }]
  return [
    { update: { pk: partition(model, batch), sk: counterKey(counter), add } },
    { update: reopened, if: 'present' },
  ]
}

/** Ranges of a plan have equally many rows, but the last one. */
function rangeRowsBy({ index, from, to }: BatchShard): number {
  return index === 0 ? to - from : from / index
}

/** Why a range has no result any more. */
function damageOf({ index, from, to }: BatchShard): FailedRange {
  const message = 'its result was not what was written, and is to be predicted anew'
  return { index, from, to, error: shardDamaged, message }
}

function predictedRows({ from, to, failed }: BatchShard): number {
  return to - from - failed
}

function headOf(item: Item): BatchHead {
  const record = item['record'] as unknown as BatchRecord
  return {
    ...record,
    execution: (item['execution'] as string | undefined) ?? record.batch,
    ranges: (item['ranges'] as number | undefined) ?? 0,
    rewritten: (item['rewritten'] ?? null) as unknown as ObjectReference | null,
    plan: (item['plan'] ?? null) as unknown as ObjectReference | null,
    result: (item['result'] ?? null) as unknown as BatchResult | null,
    reasons: (item['reasons'] ?? null) as unknown as BatchReason[] | null,
  }
}

function shardOf(item: Item): BatchShard {
  return item['shard'] as unknown as BatchShard
}
