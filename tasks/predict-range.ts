import * as z from 'zod'
import { MillraceError, type Ports } from '../platform/ports/index.ts'
import { readPlan } from './batch-results.ts'
import { rowsOf, type RowsSource } from './batch-rows.ts'
import {
  batchContentTypes,
  batchFolder,
  batchRange,
  plannedBatch,
  shardName,
  type BatchPlan,
  type BatchRange,
  type BatchShard,
  type PlannedBatch,
} from './batch-shapes.ts'
import { createBatches, type ShardMarks } from './batches.ts'
import { BoundedMap } from './bounded-map.ts'
import { clipped } from './clipped.ts'
import { readArtifact } from './model-artifact.ts'
import { PartDigests } from './part-digests.ts'
import { markedRows, predictBlock, sharedBytes, type PredictedBlock } from './predict-block.ts'
import { readAhead } from './read-ahead.ts'
import { putStreamed } from './stored-objects.ts'
import { defineTask } from './task.ts'

/** What is read of a source at a time, in bytes. */
const blockBytes = 4 * 1024 * 1024

/**
 * Marks that are kept of a shard: beyond, every second one is dropped. They are most of what the table
 * has of a shard, and a page is read from the mark before it.
 */
const maxMarks = 256

/** Failures that are told of a shard. */
const toldFailures = 5

/** Of what is noted of a range that failed, in characters. */
const maxMessage = 500

/**
 * Predicts one range of rows, in bounded memory whatever its size. Its result is noted once, and counted
 * once: a repetition finds it done. What it fails with is noted too.
 */
export const predictRange = defineTask({
  name: 'PredictRange',
  input: z.object({ batch: plannedBatch, range: batchRange }),
  output: z.object({
    index: z.number().int(),
    rows: z.number().int(),
    failed: z.number().int(),
  }),
  async run({ batch: planned, range }, ports, { signal }) {
    const { table } = ports
    const { model, batch } = planned
    const batches = createBatches(table)
    const { index, from, to } = range
    try {
      const done = await batches.shard(model, batch, index)
      return answerOf(done ?? (await predictedShard(ports, planned, range, signal)))
    } catch (error) {
      if (signal.aborted) throw error
      const { name, message } = error instanceof Error ? error : new Error(String(error))
      const failure = { index, from, to, error: name, message: clipped(message, maxMessage) }
      // What it failed with says more than that this could not be noted.
      await batches.addFailure(model, batch, failure).catch(() => undefined)
      throw error
    }
  },
})

function answerOf({ index, from, to, failed }: BatchShard) {
  return { index, rows: to - from, failed }
}

async function predictedShard(
  ports: Ports,
  planned: PlannedBatch,
  range: BatchRange,
  signal: AbortSignal,
): Promise<BatchShard> {
  const { objects, table, clock } = ports
  const { model, batch } = planned
  const plan = await readPlan(objects, planned)
  const making = new ShardInMaking()
  const object = await putStreamed(
    objects,
    `${batchFolder(model, batch)}/shards/${shardName(range.index)}.${plan.format}`,
    making.take(predictedBlocks(ports, { planned, plan, range, signal })),
    batchContentTypes[plan.format],
  )
  const { index, from, to } = range
  const { failed, failures, marks } = making
  const parts = making.parts.end()
  const shard = {
    ...{ index, from, to, failed, failures, object },
    ...(parts.length === 1 ? {} : { parts }),
  }
  const made = { shard, marks, time: clock.now(), ranges: plan.rangeCount }
  return createBatches(table).addShard(model, batch, made)
}

interface Work {
  readonly planned: PlannedBatch
  readonly plan: BatchPlan
  readonly range: BatchRange
  readonly signal: AbortSignal
}

/** Throws StorageFailed where the source has not the rows that were planned. */
async function* predictedBlocks(
  { objects, compute }: Pick<Ports, 'objects' | 'compute'>,
  { planned, plan, range, signal }: Work,
): AsyncIterable<PredictedBlock> {
  const { sha256 } = plan.artifact
  const bytes = await modelBytes(objects, plan)
  const { columns, format } = plan
  const source: RowsSource = { ...plan, source: planned.rows ?? plan.source }
  let firstRow = range.from
  for await (const rows of readAhead(rowsOf(objects, source, range, blockBytes))) {
    const block = { model: { sha256, bytes }, rows, columns, firstRow, format }
    const predicted = await compute.run(predictBlock, block, { signal })
    yield predicted
    firstRow += predicted.rows
  }
  const { from, to } = range
  if (firstRow === to) return
  throw new MillraceError(
    'StorageFailed',
    `${source.source.key} has ${firstRow - from} rows where ${to - from} were planned, from row ${from} on`,
  )
}

/** Model files that this process predicted with last: one that is kept is not read for each range. */
const modelFiles = new BoundedMap<string, Uint8Array>(2)

async function modelBytes(
  objects: Ports['objects'],
  { artifact }: Pick<BatchPlan, 'artifact'>,
): Promise<Uint8Array> {
  const bytes =
    modelFiles.get(artifact.sha256) ?? sharedBytes(await readArtifact(objects, artifact))
  modelFiles.set(artifact.sha256, bytes)
  return bytes
}

/** What is known of a shard once its blocks have passed. */
class ShardInMaking {
  readonly failures: { row: number; message: string }[] = []
  readonly parts = new PartDigests()
  failed = 0
  #size = 0
  #step = markedRows
  #marks: { row: number; offset: number }[] = []

  async *take(blocks: AsyncIterable<PredictedBlock>): AsyncIterable<Uint8Array> {
    for await (const { bytes, marks, failed, failures } of readAhead(blocks)) {
      for (const { row, offset } of marks) {
        if (row % this.#step === 0) this.#marks.push({ row, offset: this.#size + offset })
        if (this.#marks.length > maxMarks) this.#dropEverySecond()
      }
      this.failures.push(...failures.slice(0, toldFailures - this.failures.length))
      this.failed += failed
      this.#size += bytes.length
      this.parts.add(bytes)
      yield bytes
    }
  }

  get marks(): ShardMarks {
    return {
      rows: this.#marks.map(({ row }) => row),
      offsets: this.#marks.map((one) => one.offset),
    }
  }

  #dropEverySecond(): void {
    this.#step *= 2
    this.#marks = this.#marks.filter(({ row }) => row % this.#step === 0)
  }
}
