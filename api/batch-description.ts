import type * as z from 'zod'
import { isMillraceError, type Execution, type Ports } from '../platform/ports/index.ts'
import type { BatchHead, BatchRecord, Batches } from '../tasks/batches.ts'
import type { ModelName } from '../tasks/names.ts'
import type { Registry } from '../tasks/registry.ts'
import type { batchShape, BatchStatus } from './batch-shapes.ts'
import { lineageOf } from './lineage.ts'

/** Failures that one answer tells. */
const toldFailures = 20

interface Known {
  readonly registry: Registry
  readonly batches: Batches
  readonly ports: Pick<Ports, 'executions'>
}

/** A batch, and how far it is. Throws BatchNotFound. */
export async function describedBatch(
  { registry, batches, ports }: Known,
  model: ModelName,
  name: string,
): Promise<z.infer<typeof batchShape>> {
  const head = await batches.head(model, name)
  // First, so that what it did before it ended is in what is read of the batch.
  const execution = await executionOf(ports, head.execution)
  const [found, failedRanges] = await Promise.all([
    batches.find(model, name),
    batches.failedRanges(model, name),
  ])
  const kept = { ...found, execution: head.execution }
  const { rows, rowsDone, rowsFailed, ranges, rangesDone, result, source, reasons } = kept
  const { error, cause, stopDate } = execution ?? {}
  const summary = batchSummary(kept, execution)
  const object = result?.object ?? null
  // Each shard tells its own: too much to read for whoever follows a batch.
  const shards =
    rowsFailed > 0 && summary.status !== 'RUNNING' ? await batches.shards(model, name) : []
  return {
    ...summary,
    rows,
    rowsDone,
    rowsFailed,
    rowsMissing: result?.missing ?? 0,
    ranges,
    rangesDone,
    failures: shards.flatMap(({ failures }) => failures).slice(0, toldFailures),
    failedRanges: failedRanges
      .slice(0, toldFailures)
      .map(({ from, to, error: failure, message }) => ({ from, to, error: failure, message })),
    results: object === null ? null : { bytes: object.size, sha256: object.sha256 },
    source: source ?? null,
    manifest: result?.manifest ?? null,
    lineage: await lineageOf(registry, model, kept.version),
    // One that was resumed since may have some of before.
    reasons: summary.status === 'REJECTED' ? [...(reasons ?? [])] : [],
    ...(error === undefined ? {} : { error }),
    ...(cause === undefined ? {} : { cause }),
    ...(stopDate === undefined ? {} : { stopDate }),
  }
}

/** Batches of a list, as they stand. */
export function listedBatches(
  { batches, ports }: Pick<Known, 'batches' | 'ports'>,
  model: ModelName,
  found: readonly BatchHead[],
) {
  return Promise.all(
    found.map(async (one) => {
      const execution = await executionOf(ports, one.execution)
      const isUntold = one.result === null && one.reasons === null
      // It ended after its batch was read.
      const hasEnded = execution !== undefined && execution.status !== 'RUNNING' && isUntold
      return batchSummary(hasEnded ? await batches.head(model, one.batch) : one, execution)
    }),
  )
}

function batchSummary(kept: BatchHead, execution: Execution | undefined) {
  return { ...batchNamed(kept), status: statusOf(kept, execution) }
}

/** What is known of a batch from the moment on that it is asked for. */
export function batchNamed(record: BatchRecord & Pick<BatchHead, 'execution'>) {
  const { batch, execution, model, version, dataset, datasetVersion } = record
  const { file = null, format, createdAt } = record
  return {
    batch,
    execution,
    workflow: 'batch' as const,
    model,
    version,
    dataset,
    datasetVersion,
    file,
    format,
    createdAt,
  }
}

/**
 * Of an execution that is forgotten, what its tasks have noted; and of one that was stopped when the
 * results were there, that they are.
 */
function statusOf({ result, reasons }: BatchHead, execution: Execution | undefined): BatchStatus {
  if (execution?.status === 'RUNNING') return 'RUNNING'
  if (result !== null) return 'SUCCEEDED'
  if (execution !== undefined && execution.status !== 'SUCCEEDED') return execution.status
  return reasons === null ? 'FAILED' : 'REJECTED'
}

/** Undefined when it is forgotten. */
export async function executionOf(
  { executions }: Pick<Ports, 'executions'>,
  name: string,
): Promise<Execution | undefined> {
  try {
    return await executions.describe('batch', name)
  } catch (error) {
    if (isMillraceError(error, 'ExecutionNotFound')) return undefined
    throw error
  }
}
