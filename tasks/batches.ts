import {
  MillraceError,
  pages,
  type Item,
  type PageOptions,
  type Table,
  type Write,
} from '../platform/ports/index.ts'
import type { AliasName } from './aliases.ts'
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
import { requireVersion, type ModelVersion, type Registry } from './registry.ts'
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

export interface KeptBatch extends BatchRecord {
  /** The execution that works on it, or did last: that of its name, until it is resumed. */
  readonly execution: string
  /** Once its rows are divided. */
  readonly plan: ObjectReference | null
  /** The source in C order, where it was not and is rewritten. */
  readonly rewritten: ObjectReference | null
  /** Ranges in all; 0 until its rows are divided. */
  readonly ranges: number
  readonly rangesDone: number
  /** Rows of ranges that are done. */
  readonly rowsDone: number
  /** Of these, rows that the model could not take. */
  readonly rowsFailed: number
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
  /** The newest first, where their names begin with their time. Throws CursorInvalid. */
  list(model: ModelName, page?: PageOptions): Promise<{ batches: KeptBatch[]; cursor?: string }>
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
   * Notes a shard, and counts its rows as predictions of the model's user: the first time alone.
   * Answers the one that stays.
   */
  addShard(
    model: ModelName,
    batch: string,
    made: { shard: BatchShard; marks: ShardMarks; time: number },
  ): Promise<BatchShard>
  /**
   * Takes out a shard whose bytes are damaged, and its rows out of what was counted; its range is noted
   * as failed with `shardDamaged`.
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
  marks(model: ModelName, batch: string, index: number): Promise<ShardMarks>
}

export function createBatches(table: Table): Batches {
  const batches: Batches = {
    async add(model, record) {
      const item = { pk: headPartition(model), sk: record.batch, record: asJson(record) }
      await attempt(table.put(item, { if: 'absent' }))
    },

    async find(model, batch) {
      const item = await table.get(headPartition(model), batch)
      if (item === undefined) throw batchNotFound(model, batch)
      return batchOf(item)
    },

    async list(model, { cursor, limit } = {}) {
      const page = await table.query(headPartition(model), { descending: true, cursor, limit })
      return { batches: page.items.map(batchOf), cursor: page.cursor }
    },

    async resume(model, batch, { execution, last }) {
      const seen = last === batch ? null : last
      const change = { set: { execution }, remove: ['reasons'] }
      const isIts = (await batches.find(model, batch)).execution === execution
      if (isIts) return true
      return attempt(table.update(headPartition(model), batch, change, { if: { execution: seen } }))
    },

    async plan(model, record, { plan, ranges }) {
      const set = { record: asJson(record), plan: asJson(plan), planned: plan.versionId, ranges }
      const condition = { if: { planned: null } }
      await attempt(table.update(headPartition(model), record.batch, { set }, condition))
      return (await batches.find(model, record.batch)).plan ?? plan
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
      return (await batches.find(model, batch)).rewritten ?? rows
    },

    async finish(model, batch, result) {
      // A scalar beside it, which a condition can name.
      const set = { result: asJson(result), finished: result.manifest.versionId }
      const change = table.update(headPartition(model), batch, { set }, { if: { finished: null } })
      await attempt(change)
      return (await batches.find(model, batch)).result ?? result
    },

    async reject(model, batch, reasons) {
      const set = { reasons: asJson(reasons) }
      await attempt(table.update(headPartition(model), batch, { set }, { if: 'present' }))
    },

    async shard(model, batch, index) {
      const item = await table.get(partition(model, batch), shardKey(index))
      return item && shardOf(item)
    },

    async addShard(model, batch, { shard, marks, time }) {
      const pk = partition(model, batch)
      const { versionId } = shard.object
      await attempt(
        table.transact([
          {
            put: { pk, sk: shardKey(shard.index), shard: asJson(shard), versionId, time },
            if: 'absent',
          },
          { put: { pk, sk: marksKey(shard.index), marks: asJson(marks) } },
          { delete: { pk, sk: failureKey(shard.index) } },
          countShard(model, batch, shard, 1),
          countBatchRows(time, model.user, predictedRows(shard)),
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
      await attempt(
        table.transact([
          { delete: { pk, sk: shardKey(shard.index) }, if: { versionId } },
          { delete: { pk, sk: marksKey(shard.index) } },
          { put: { pk, sk: failureKey(shard.index), failure: asJson(damageOf(shard)) } },
          countShard(model, batch, shard, -1),
          countBatchRows(time, model.user, -predictedRows(shard)),
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
      const failed: FailedRange[] = []
      for await (const item of itemsOf(table, partition(model, batch), failurePrefix)) {
        failed.push(item['failure'] as unknown as FailedRange)
      }
      return failed
    },

    async shards(model, batch) {
      const shards: BatchShard[] = []
      for await (const shard of batches.eachShard(model, batch)) shards.push(shard)
      return shards
    },

    async *eachShard(model, batch) {
      for await (const item of itemsOf(table, partition(model, batch), shardPrefix)) {
        yield shardOf(item)
      }
    },

    async marks(model, batch, index) {
      const item = await table.get(partition(model, batch), marksKey(index))
      return (item?.['marks'] ?? { rows: [], offsets: [] }) as unknown as ShardMarks
    },
  }
  return batches
}

/**
 * The version that is to predict: the one named, or what an alias names, which are the same one where
 * both are given. Throws ModelNotFound, ModelDeleted.
 */
export async function versionAsked(
  registry: Registry,
  model: ModelName,
  asked: { readonly version?: number | undefined; readonly alias?: AliasName | undefined },
): Promise<ModelVersion> {
  const { version, alias = version === undefined ? 'champion' : undefined } = asked
  if (alias === undefined) return requireVersion(registry, model, version!)
  const named = await registry.alias(model, alias)
  if (named === undefined || (version !== undefined && named.version !== version)) {
    const what = named === undefined ? 'has no alias' : `names version ${named.version} by`
    throw new MillraceError('ModelNotFound', `the model ${formatModel(model)} ${what} ${alias}`)
  }
  return requireVersion(registry, model, named.version)
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

async function* itemsOf(table: Table, pk: string, prefix: string): AsyncIterable<Item> {
  const ask = (cursor?: string) => table.query(pk, { prefix, limit: 1000, cursor })
  for await (const { items } of pages(ask)) yield* items
}

/** Counts a shard at the head of its batch, or takes it out. */
function countShard(model: ModelName, batch: string, shard: BatchShard, times: 1 | -1): Write {
  const { from, to, failed } = shard
  const add = { rangesDone: times, rowsDone: times * (to - from), rowsFailed: times * failed }
  return { update: { pk: headPartition(model), sk: batch, add }, if: 'present' }
}

/** Why a range has no result any more. */
function damageOf({ index, from, to }: BatchShard): FailedRange {
  const message = 'its result was not what was written, and is to be predicted anew'
  return { index, from, to, error: shardDamaged, message }
}

function predictedRows({ from, to, failed }: BatchShard): number {
  return to - from - failed
}

function batchOf(item: Item): KeptBatch {
  const record = item['record'] as unknown as BatchRecord
  return {
    ...record,
    execution: (item['execution'] as string | undefined) ?? record.batch,
    ranges: countOf(item, 'ranges'),
    rangesDone: countOf(item, 'rangesDone'),
    rowsDone: countOf(item, 'rowsDone'),
    rowsFailed: countOf(item, 'rowsFailed'),
    rewritten: (item['rewritten'] ?? null) as unknown as ObjectReference | null,
    plan: (item['plan'] ?? null) as unknown as ObjectReference | null,
    result: (item['result'] ?? null) as unknown as BatchResult | null,
    reasons: (item['reasons'] ?? null) as unknown as BatchReason[] | null,
  }
}

function countOf(item: Item, name: string): number {
  return (item[name] as number | undefined) ?? 0
}

function shardOf(item: Item): BatchShard {
  return item['shard'] as unknown as BatchShard
}
