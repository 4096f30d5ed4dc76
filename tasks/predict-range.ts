import * as z from 'zod'
import { CsvRecords, csvLineEnd, npyBlocks } from '../ml/data/index.ts'
import { MillraceError, type Objects, type Ports } from '../platform/ports/index.ts'
import {
  batchContentTypes,
  batchFolder,
  batchRange,
  plannedBatch,
  shardName,
  type BatchPlan,
  type BatchRange,
  type BatchShard,
} from './batch-shapes.ts'
import { readPlan } from './batch-results.ts'
import { createBatches, type ShardMarks } from './batches.ts'
import { readArtifact } from './model-artifact.ts'
import { markedRows, predictBlock, type Block } from './predict-block.ts'
import { putStreamed } from './stored-objects.ts'
import { defineTask } from './task.ts'

/** What is read of a dataset at a time, in bytes. */
const blockBytes = 4 * 1024 * 1024

/** Marks that are kept of a shard: beyond, every second one is dropped. */
const maxMarks = 2000

/** Failures that are told of a shard. */
const toldFailures = 5

/**
 * Predicts one range of rows, in bounded memory whatever its size. Its result is noted once, and counted
 * once: a repetition finds it done.
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
    const { objects, table, clock } = ports
    const { model, batch } = planned
    const batches = createBatches(table)
    const done = await batches.shard(model, batch, range.index)
    if (done !== undefined) return answerOf(done)
    const plan = await readPlan(objects, planned)
    const shard = new ShardInMaking(range)
    const object = await putStreamed(
      objects,
      `${batchFolder(model, batch)}/shards/${shardName(range.index)}.${plan.format}`,
      shard.take(predictedBlocks(ports, plan, range, signal)),
      batchContentTypes[plan.format],
    )
    shard.check(plan)
    const { index, from, to } = range
    const { failed, failures, marks } = shard
    const made = { index, from, to, failed, failures, object }
    const kept = await batches.addShard(model, batch, { shard: made, marks, time: clock.now() })
    return answerOf(kept)
  },
})

function answerOf({ index, from, to, failed }: BatchShard) {
  return { index, rows: to - from, failed }
}

async function* predictedBlocks(
  { objects, compute }: Pick<Ports, 'objects' | 'compute'>,
  plan: BatchPlan,
  range: BatchRange,
  signal: AbortSignal,
) {
  const bytes = shared(await readArtifact(objects, plan.artifact))
  const { columns, format } = plan
  let firstRow = range.from
  for await (const rows of rowsOf(objects, plan, range)) {
    const block: Block = {
      model: { sha256: plan.artifact.sha256, bytes },
      rows,
      columns,
      firstRow,
      format,
    }
    const predicted = await compute.run(predictBlock, block, { signal })
    yield predicted
    firstRow += predicted.rows
  }
}

function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length))
  copy.set(bytes)
  return copy
}

/** The rows of a range, some megabytes at a time. */
async function* rowsOf(
  objects: Objects,
  { source, sourceFormat, numbers, headerEnd }: BatchPlan,
  { from, to, start, end }: BatchRange,
): AsyncIterable<Block['rows']> {
  const { key, versionId, size } = source
  const read = (first: number, last: number) =>
    objects.read(key, { versionId, start: first, end: last })
  if (sourceFormat === 'npy') {
    for await (const matrix of npyBlocks({ size, read }, blockBytes, { from, to })) {
      yield { format: 'npy', matrix }
    }
    return
  }
  const header = await read(0, headerEnd)
  for await (const bytes of wholeRecords(read, header, start, end)) {
    yield { format: 'csv', bytes: Buffer.concat([header, bytes]), numbers }
  }
}

/** Bytes from `start` to `end`, cut behind records. */
async function* wholeRecords(
  read: (start: number, end: number) => Promise<Uint8Array>,
  header: Uint8Array,
  start: number,
  end: number,
): AsyncIterable<Uint8Array> {
  const records = new CsvRecords(csvLineEnd(header), start)
  let rest: Uint8Array = new Uint8Array(0)
  for (let at = start; at < end;) {
    const bytes = await read(at, Math.min(at + blockBytes, end))
    let cut = at
    records.push(bytes, (last) => (cut = last))
    if (cut > at) {
      yield Buffer.concat([rest, bytes.subarray(0, cut - at)])
      rest = bytes.subarray(cut - at)
    } else {
      rest = Buffer.concat([rest, bytes])
    }
    at += bytes.length
  }
  if (rest.length > 0) yield rest
}

interface Predicted {
  readonly rows: number
  readonly bytes: Uint8Array
  readonly marks: readonly { readonly row: number; readonly offset: number }[]
  readonly failed: number
  readonly failures: readonly { readonly row: number; readonly message: string }[]
}

/** What is known of a shard once its blocks have passed. */
class ShardInMaking {
  readonly #range: BatchRange
  readonly failures: { row: number; message: string }[] = []
  failed = 0
  #rows = 0
  #size = 0
  #step = markedRows
  #marks: { row: number; offset: number }[] = []

  constructor(range: BatchRange) {
    this.#range = range
  }

  async *take(blocks: AsyncIterable<Predicted>): AsyncIterable<Uint8Array> {
    for await (const { rows, bytes, marks, failed, failures } of blocks) {
      for (const { row, offset } of marks) {
        if (row % this.#step === 0) this.#marks.push({ row, offset: this.#size + offset })
        if (this.#marks.length > maxMarks) this.#dropEverySecond()
      }
      this.failures.push(...failures.slice(0, toldFailures - this.failures.length))
      this.failed += failed
      this.#rows += rows
      this.#size += bytes.length
      yield bytes
    }
  }

  get marks(): ShardMarks {
    return {
      rows: this.#marks.map(({ row }) => row),
      offsets: this.#marks.map((one) => one.offset),
    }
  }

  /** Throws StorageFailed unless the source has the rows that were planned. */
  check({ source }: BatchPlan): void {
    const { from, to } = this.#range
    if (this.#rows === to - from) return
    throw new MillraceError(
      'StorageFailed',
      `${source.key} has ${this.#rows} rows where ${to - from} were planned, from row ${from} on`,
    )
  }

  #dropEverySecond(): void {
    this.#step *= 2
    this.#marks = this.#marks.filter(({ row }) => row % this.#step === 0)
  }
}
