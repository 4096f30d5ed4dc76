import * as z from 'zod'
import type { Objects } from '../platform/ports/index.ts'
import { readRanges } from './batch-ranges.ts'
import { readPlan } from './batch-results.ts'
import {
  batchContentTypes,
  batchFolder,
  batchFormat,
  plannedBatch,
  type BatchPlan,
  type BatchResult,
  type BatchShard,
  type FailedRange,
} from './batch-shapes.ts'
import { createBatches, shardDamaged, type Batches } from './batches.ts'
import { CheckedShards, rowsOf, unstoredShards } from './checked-shards.ts'
import { formatModel } from './names.ts'
import { mostJoinedBytes } from './planning/batch-plan.ts'
import { objectReference, type ObjectReference } from './shapes.ts'
import { putStreamed } from './stored-objects.ts'
import { defineTask } from './task.ts'

const predicted = z.object({
  outcome: z.literal('predicted'),
  batch: z.string(),
  model: z.string(),
  version: z.number().int(),
  /** Null of a file, as its version. */
  dataset: z.string().nullable(),
  datasetVersion: z.number().int().nullable(),
  format: batchFormat,
  rows: z.number().int(),
  /** Rows that the model could not take. */
  failed: z.number().int(),
  /** Rows of ranges that failed, as far as that is tolerated. */
  missing: z.number().int(),
  /** Null where all results are too large for one object. */
  result: objectReference.nullable(),
  manifest: objectReference,
})

/** Shards were damaged: their ranges are to be predicted anew. */
const incomplete = z.object({
  outcome: z.literal('incomplete'),
  damaged: z.number().int(),
  cause: z.string(),
})

/** More ranges than are tolerated have no result. */
const failed = z.object({
  outcome: z.literal('failed'),
  ranges: z.number().int(),
  cause: z.string(),
})

type Unjoined = z.infer<typeof incomplete> | z.infer<typeof failed>

/**
 * Joins the results of all ranges to one object, and writes the manifest that names its parts. A shard
 * whose bytes are not those that were written is taken out, to be predicted anew. Where there is more
 * than one object has, the parts are not read: whoever reads them compares their digests.
 */
export const joinBatch = defineTask({
  name: 'JoinBatch',
  input: z.object({
    batch: plannedBatch,
    toleratedFailures: z.number().int().nonnegative().default(0),
  }),
  output: z.discriminatedUnion('outcome', [predicted, incomplete, failed]),
  async run({ batch: planned, toleratedFailures }, { objects, table }) {
    const { model, batch } = planned
    const batches = createBatches(table)
    const plan = await readPlan(objects, planned)
    const kept = await batches.head(model, batch)
    if (kept.result !== null) return answerOf(plan, kept.result)
    const made = await joined({ objects, batches }, plan, toleratedFailures)
    if ('outcome' in made) return made
    return answerOf(plan, await batches.finish(model, batch, made))
  },
})

function answerOf(plan: BatchPlan, result: BatchResult): z.infer<typeof predicted> {
  const { rows, failed: failedRows, missing, object, manifest } = result
  const counts = { rows, failed: failedRows, missing }
  return { outcome: 'predicted', ...describedOf(plan), ...counts, result: object, manifest }
}

function describedOf({ batch, model, version, dataset, datasetVersion, format }: BatchPlan) {
  return {
    batch,
    model: formatModel(model),
    version,
    dataset: dataset && formatModel(dataset),
    datasetVersion,
    format,
  }
}

interface Store {
  readonly objects: Objects
  readonly batches: Batches
}

/** The result, or why there is none. */
async function joined(
  { objects, batches }: Store,
  plan: BatchPlan,
  tolerated: number,
): Promise<BatchResult | Unjoined> {
  const { model, batch, rows, classes, source, artifact } = plan
  const shards = await batches.shards(model, batch)
  const without = await rangesWithout({ objects, batches }, plan, shards)
  const failedRanges = without.filter(({ error }) => error !== shardDamaged)
  if (failedRanges.length > tolerated) {
    const cause = causeOf(failedRanges, plan.rangeCount, tolerated)
    return { outcome: 'failed', ranges: failedRanges.length, cause }
  }
  // Taken out by a run of this task whose answer was lost.
  const lost = without.length - failedRanges.length
  if (lost > 0) return incompleteBy(lost)
  const folder = batchFolder(model, batch)
  const { object, damaged } =
    sizeOf(shards) <= mostJoinedBytes
      ? await joinedObject(objects, { plan, shards, missing: failedRanges })
      : { object: null, damaged: await unstoredShards(objects, shards) }
  for (const shard of damaged) await batches.removeShard(model, batch, shard)
  if (damaged.length > 0) return incompleteBy(damaged.length)
  const counts = {
    rows,
    failed: shards.reduce((sum, shard) => sum + shard.failed, 0),
    missing: rowsOf(failedRanges),
  }
  const made = { ...counts, classes, source, artifact, result: object }
  const bytes = manifestOf({ ...describedOf(plan), ...made, failedRanges }, shards)
  const manifest = await putStreamed(objects, `${folder}/manifest.json`, bytes, 'application/json')
  return { ...counts, object, manifest }
}

function incompleteBy(damaged: number): Unjoined {
  const cause = `the results of ${damaged} ranges are not what was written: they are predicted anew`
  return { outcome: 'incomplete', damaged, cause }
}

function sizeOf(shards: readonly BatchShard[]): number {
  return shards.reduce((sum, { object }) => sum + object.size, 0)
}

interface Parts {
  readonly plan: BatchPlan
  readonly shards: readonly BatchShard[]
  readonly missing: readonly FailedRange[]
}

/** One object of all results; null where shards are damaged, all of which are looked for. */
async function joinedObject(
  objects: Objects,
  { plan, shards, missing }: Parts,
): Promise<{ object: ObjectReference | null; damaged: readonly BatchShard[] }> {
  const { model, batch, format } = plan
  const key = `${batchFolder(model, batch)}/results.${format}`
  const parts = new CheckedShards(objects, shards)
  const { damaged } = parts
  try {
    const rows = parts.joined(plan, missing)
    return { object: await putStreamed(objects, key, rows, batchContentTypes[format]), damaged }
  } catch (error) {
    // Given up for that reason; whatever else it failed with is thrown.
    if (damaged.length === 0) throw error
    await parts.checkRest()
    return { object: null, damaged }
  }
}

/** Ranges without a shard, with what is noted of their failures. */
async function rangesWithout(
  { objects, batches }: Store,
  { model, batch, ranges, rangeCount }: BatchPlan,
  shards: readonly BatchShard[],
): Promise<FailedRange[]> {
  if (shards.length === rangeCount) return []
  const done = new Set(shards.map(({ index }) => index))
  const noted = new Map(
    (await batches.failedRanges(model, batch)).map((failure) => [failure.index, failure]),
  )
  return (await readRanges(objects, ranges))
    .filter(({ index }) => !done.has(index))
    .map(({ index, from, to }) => {
      const { error = null, message = null } = noted.get(index) ?? {}
      return { index, from, to, error, message }
    })
}

/** Failed ranges that are told one by one. */
const toldRanges = 3

function causeOf(failed: readonly FailedRange[], ranges: number, tolerated: number): string {
  const told = failed.slice(0, toldRanges).map(({ from, to, error, message }) => {
    const why = error === null ? 'no result, and no word of why' : `${error}: ${message}`
    return `rows ${from} to ${to - 1}: ${why}`
  })
  const more = failed.length > toldRanges ? `; and ${failed.length - toldRanges} more` : ''
  return (
    `${failed.length} of ${ranges} ranges have no result, ${tolerated} may have none; ` +
    `${told.join('; ')}${more}. Resume the batch: it goes on with these alone`
  )
}

/** Shards in one piece of the manifest. */
const shardsAtOnce = 1000

/** The manifest as JSON, however many shards there are. */
async function* manifestOf(
  contents: object,
  shards: readonly BatchShard[],
): AsyncIterable<Uint8Array> {
  const head = JSON.stringify(contents, null, 2).replace(/\n\}$/, '')
  yield Buffer.from(`${head},\n  "shards": [`)
  for (let at = 0; at < shards.length; at += shardsAtOnce) {
    const texts = shards.slice(at, at + shardsAtOnce).map((shard) => JSON.stringify(shard))
    yield Buffer.from(`${at === 0 ? '' : ','}\n    ${texts.join(',\n    ')}`)
  }
  yield Buffer.from(shards.length === 0 ? ']\n}\n' : '\n  ]\n}\n')
}
