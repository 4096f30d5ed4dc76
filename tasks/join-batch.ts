import { createHash } from 'node:crypto'
import * as z from 'zod'
import { MillraceError, type Objects } from '../platform/ports/index.ts'
import { readPlan, resultsHeader } from './batch-results.ts'
import {
  batchContentTypes,
  batchFolder,
  batchFormat,
  plannedBatch,
  type BatchPlan,
  type BatchShard,
} from './batch-shapes.ts'
import { createBatches } from './batches.ts'
import { formatModel } from './names.ts'
import { objectReference } from './shapes.ts'
import { jsonBytes, objectRanges, putReferenced, putStreamed } from './stored-objects.ts'
import { defineTask } from './task.ts'

/** Joins the results of all ranges to one object, and writes the manifest that names its parts. */
export const joinBatch = defineTask({
  name: 'JoinBatch',
  input: z.object({ batch: plannedBatch }),
  output: z.object({
    outcome: z.literal('predicted'),
    batch: z.string(),
    model: z.string(),
    version: z.number().int(),
    dataset: z.string(),
    datasetVersion: z.number().int(),
    format: batchFormat,
    rows: z.number().int(),
    /** Rows that the model could not take. */
    failed: z.number().int(),
    result: objectReference,
    manifest: objectReference,
  }),
  async run({ batch: planned }, { objects, table }) {
    const { model, batch } = planned
    const batches = createBatches(table)
    const plan = await readPlan(objects, planned)
    const { version, datasetVersion, format, rows } = plan
    const described = {
      batch,
      model: formatModel(model),
      version,
      dataset: formatModel(plan.dataset),
      datasetVersion,
      format,
    }
    let { result } = await batches.find(model, batch)
    if (result === null) {
      const shards = await batches.shards(model, batch)
      checkComplete(plan, shards)
      const failed = shards.reduce((sum, shard) => sum + shard.failed, 0)
      const folder = batchFolder(model, batch)
      const object = await putStreamed(
        objects,
        `${folder}/results.${format}`,
        joined(objects, plan, shards),
        batchContentTypes[format],
      )
      const { classes } = plan
      const { source, artifact } = plan
      const made = { rows, failed, classes, source, artifact }
      const contents = { ...described, ...made, result: object, shards }
      const at = `${folder}/manifest.json`
      const manifest = await putReferenced(objects, at, jsonBytes(contents))
      result = await batches.finish(model, batch, { rows, failed, object, manifest })
    }
    return {
      outcome: 'predicted' as const,
      ...described,
      rows,
      failed: result.failed,
      result: result.object,
      manifest: result.manifest,
    }
  },
})

/** Throws StorageFailed unless there is a shard for each range. */
function checkComplete({ batch, ranges }: BatchPlan, shards: readonly BatchShard[]): void {
  const done = new Set(shards.map(({ index }) => index))
  const missing = ranges.find(({ index }) => !done.has(index))
  if (missing === undefined) return
  throw new MillraceError(
    'StorageFailed',
    `the batch ${batch} has no results of rows ${missing.from} to ${missing.to}: redrive it`,
  )
}

/** Throws StorageFailed for a shard whose bytes are not those that were written. */
async function* joined(
  objects: Objects,
  plan: BatchPlan,
  shards: readonly BatchShard[],
): AsyncIterable<Uint8Array> {
  yield resultsHeader(plan, plan.rows)
  for (const shard of shards) {
    const hash = createHash('sha256')
    for await (const bytes of objectRanges(objects, shard.object)) {
      hash.update(bytes)
      yield bytes
    }
    if (hash.digest('hex') === shard.object.sha256) continue
    throw new MillraceError(
      'StorageFailed',
      `${shard.object.key} version ${shard.object.versionId} is not what was written`,
    )
  }
}
