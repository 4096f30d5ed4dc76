import * as z from 'zod'
import { isMillraceError, type Ports } from '../platform/ports/index.ts'
import { putRanges, readRanges } from './batch-ranges.ts'
import { holdBatchRows } from './batch-quota.ts'
import { readPlan } from './batch-results.ts'
import {
  batchFolder,
  batchRequest,
  plannedBatch,
  type BatchPlan,
  type BatchRequest,
} from './batch-shapes.ts'
import { createBatches, type KeptBatch } from './batches.ts'
import { boundedReasons } from './bounded-reasons.ts'
import { divideBatch } from './divide-batch.ts'
import { listExecution } from './execution-owner.ts'
import { formatModel, parseModel, type ModelName } from './names.ts'
import { rejectionReason, type ObjectReference } from './shapes.ts'
import { defineTask } from './task.ts'

/**
 * Finds what is to be predicted by which version, and divides its rows into ranges. What was planned
 * first stays: asked for again, or to resume it, it answers the ranges that have no result.
 */
export const planBatch = defineTask({
  name: 'PlanBatch',
  input: z.object({ request: batchRequest, execution: z.string() }),
  output: z.discriminatedUnion('outcome', [
    z.object({
      outcome: z.literal('planned'),
      batch: plannedBatch,
      /** Of the source. */
      rows: z.number().int(),
      /** Those that are to be predicted. */
      ranges: z.number().int(),
      /** The object that has them, as a JSON array. */
      items: z.object({ bucket: z.string(), key: z.string() }),
      /** Where the Map writes how its children ended. */
      results: z.object({ bucket: z.string(), prefix: z.string() }),
      concurrency: z.number().int(),
      toleratedFailures: z.number().int(),
      /** Whether the rows are still to be rewritten in C order. */
      isColumnwise: z.boolean(),
    }),
    z.object({ outcome: z.literal('rejected'), reasons: z.array(rejectionReason).min(1) }),
  ]),
  async run({ request, execution }, ports, { signal }) {
    const { table, clock } = ports
    const { model, resume } = request
    await listExecution(table, clock, model.user, { workflow: 'batch', name: execution })
    const batches = createBatches(table)
    const batch = resume ?? execution
    const kept = await found(batches.find(model, batch))
    if (resume !== undefined && kept === undefined) {
      const message = `there is no batch ${resume} of the model ${formatModel(model)} to go on with`
      return { outcome: 'rejected' as const, reasons: [{ code: 'BatchNotFound', message }] }
    }
    if (resume !== undefined) {
      await batches.resume(model, batch, { execution, last: kept!.execution })
    }
    if (kept?.plan) return heldToDo(ports, kept, request)

    const asked = kept === undefined ? request : { ...requestOf(model, kept), ...bounds(request) }
    const refused = await divideBatch(ports, { batch, request: asked }, signal)
    if (refused !== null) {
      const reasons = boundedReasons(refused.reasons)
      await batches.reject(model, batch, reasons)
      return { outcome: 'rejected' as const, reasons }
    }
    return heldToDo(ports, await batches.find(model, batch), request)
  },
})

async function found(batch: Promise<KeptBatch>): Promise<KeptBatch | undefined> {
  try {
    return await batch
  } catch (error) {
    if (isMillraceError(error, 'BatchNotFound')) return undefined
    throw error
  }
}

type Bounds = Pick<BatchRequest, 'concurrency' | 'toleratedFailures'>

function bounds({ concurrency, toleratedFailures }: Bounds): Bounds {
  return {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(toleratedFailures === undefined ? {} : { toleratedFailures }),
  }
}

/** What was asked for at first, of a batch that was not planned. */
function requestOf(model: ModelName, kept: KeptBatch): BatchRequest {
  const { version, dataset, datasetVersion, file, format, rangeRows } = kept
  return {
    model,
    version,
    ...(dataset === null ? {} : { dataset: parseModel(dataset) }),
    ...(datasetVersion === null ? {} : { datasetVersion }),
    ...(file === undefined ? {} : { file }),
    format,
    ...(rangeRows === undefined ? {} : { rangeRows }),
    ...bounds(kept),
    isLimited: false,
    requestedAt: kept.createdAt,
  }
}

/** What is to do, once the rows that are left are held of the month of the model's user. */
async function heldToDo(ports: Ports, kept: KeptBatch, request: BatchRequest) {
  const { model, isLimited = false } = request
  const { batch, rows, rowsDone } = kept
  const left = { batch, rows: rows - rowsDone, isLimited }
  const refused = await holdBatchRows(ports, model.user, left)
  if (refused === null) return toDo(ports, kept, request)
  await createBatches(ports.table).reject(model, batch, [refused])
  return { outcome: 'rejected' as const, reasons: [refused] }
}

/** Ranges without a result, as the Map reads them. */
async function toDo(ports: Ports, kept: KeptBatch, request: BatchRequest) {
  const { objects, compute } = ports
  const { model } = request
  const reference = kept.plan!
  const plan = await readPlan(objects, { plan: reference })
  const left = await missingRanges(ports, model, kept, plan)
  const { concurrency = compute.concurrency, toleratedFailures = 0 } = {
    ...bounds(kept),
    ...bounds(request),
  }
  const rewritten = kept.rewritten === null ? {} : { rows: kept.rewritten }
  return {
    outcome: 'planned' as const,
    batch: { model, batch: kept.batch, plan: reference, ...rewritten },
    rows: plan.rows,
    ranges: left.count,
    items: { bucket: left.ranges.bucket, key: left.ranges.key },
    results: { bucket: objects.bucket, prefix: `${batchFolder(model, kept.batch)}/map-runs` },
    concurrency,
    toleratedFailures,
    isColumnwise: plan.isColumnwise && kept.rewritten === null,
  }
}

/** Of a batch that has its result there are none, also where ranges were allowed to fail. */
async function missingRanges(
  { objects, table }: Pick<Ports, 'objects' | 'table'>,
  model: ModelName,
  { batch, result }: KeptBatch,
  plan: BatchPlan,
): Promise<{ count: number; ranges: ObjectReference }> {
  if (result !== null) return { count: 0, ranges: plan.ranges }
  const done = new Set<number>()
  for await (const { index } of createBatches(table).eachShard(model, batch)) done.add(index)
  if (done.size === 0) return { count: plan.rangeCount, ranges: plan.ranges }
  const all = await readRanges(objects, plan.ranges)
  const left = all.filter(({ index }) => !done.has(index))
  const ranges = await putRanges(objects, batchFolder(model, batch), () => left)
  return { count: left.length, ranges }
}
