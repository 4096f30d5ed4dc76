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
import { CheckedShards, rowsOf } from './checked-shards.ts'
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
 * whose bytes are not those that were written is taken out, to be predicted anew.
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
    const kept = await batches.find(model, batch)
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
  const { model, batch, rows, classes, source, artifact, format } = plan
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
  const isOne = sizeOf(shards) <= mostJoinedBytes
  const parts = new CheckedShards(objects, shards)
  const at = `${folder}/results.${format}`
  const object = isOne
    ? await writtenUnless(
        () => parts.damaged.length > 0,
        putStreamed(objects, at, parts.joined(plan, failedRanges), batchContentTypes[format]),
      )
    : null
  // Of damaged ones all are to be found, and not the first alone.
  if (!isOne || parts.damaged.length > 0) await parts.checkRest()
  const damaged = parts.damaged.length
  if (damaged > 0) {
    for (const shard of parts.damaged) await batches.removeShard(model, batch, shard)
    return incompleteBy(damaged)
  }
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

/** Null where the writing was given up for that reason; whatever else it fails with is thrown. */
async function writtenUnless(
  isGivenUp: () => boolean,
  writing: Promise<ObjectReference>,
): Promise<ObjectReference | null> {
  try {
    return await writing
  } catch (error) {
    if (isGivenUp()) return null
    throw error
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
