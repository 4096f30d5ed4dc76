import {
  MillraceError,
  pages,
  type Item,
  type PageOptions,
  type Table,
} from '../platform/ports/index.ts'
import type { AliasName } from './aliases.ts'
import {
  shardName,
  type BatchFormat,
  type BatchReason,
  type BatchResult,
  type BatchShard,
} from './batch-shapes.ts'
import { formatModel, type ModelName } from './names.ts'
import type { ObjectReference } from './shapes.ts'
import { requireVersion, type ModelVersion, type Registry } from './registry.ts'
import { asJson, attempt } from './table-items.ts'
import { countBatchRows } from './usage.ts'

/** What is known of a batch, beside how its execution stands. */
export interface BatchRecord {
  /** Also the name of its execution of the workflow `batch`. */
  readonly batch: string
  readonly model: string
  readonly version: number
  readonly dataset: string
  readonly datasetVersion: number
  readonly format: BatchFormat
  /** Of the dataset. */
  readonly rows: number
  /** The bytes of the dataset's version; known once they are one object. */
  readonly source?: ObjectReference
  /** ISO 8601 time. */
  readonly createdAt: string
}

export interface KeptBatch extends BatchRecord {
  /** Once its rows are divided. */
  readonly plan: ObjectReference | null
  /** Once all rows are predicted. */
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
  /** What was planned first stays: ranges that are done are those of one plan. */
  plan(model: ModelName, record: BatchRecord, plan: ObjectReference): Promise<ObjectReference>
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
  /** Those that are done, in the order of their rows. */
  shards(model: ModelName, batch: string): Promise<BatchShard[]>
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

    async plan(model, record, plan) {
      const set = { record: asJson(record), plan: asJson(plan), planned: plan.versionId }
      const condition = { if: { planned: null } }
      await attempt(table.update(headPartition(model), record.batch, { set }, condition))
      return (await batches.find(model, record.batch)).plan ?? plan
    },

    async finish(model, batch, result) {
      // A scalar beside it, which a condition can name.
      const set = { result: asJson(result), finished: result.object.versionId }
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
      const rows = shard.to - shard.from - shard.failed
      await attempt(
        table.transact([
          { put: { pk, sk: shardKey(shard.index), shard: asJson(shard) }, if: 'absent' },
          { put: { pk, sk: marksKey(shard.index), marks: asJson(marks) } },
          countBatchRows(time, model.user, rows),
        ]),
      )
      return (await batches.shard(model, batch, shard.index)) ?? shard
    },

    async shards(model, batch) {
      const found: BatchShard[] = []
      const asked = { prefix: shardKey(0).slice(0, -shardName(0).length), limit: 1000 }
      const ask = (cursor?: string) => table.query(partition(model, batch), { ...asked, cursor })
      for await (const { items } of pages(ask)) found.push(...items.map(shardOf))
      return found
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

function shardKey(index: number): string {
  return `shard#${shardName(index)}`
}

function marksKey(index: number): string {
  return `marks#${shardName(index)}`
}

function batchOf(item: Item): KeptBatch {
  return {
    ...(item['record'] as unknown as BatchRecord),
    plan: (item['plan'] ?? null) as unknown as ObjectReference | null,
    result: (item['result'] ?? null) as unknown as BatchResult | null,
    reasons: (item['reasons'] ?? null) as unknown as BatchReason[] | null,
  }
}

function shardOf(item: Item): BatchShard {
  return item['shard'] as unknown as BatchShard
}
