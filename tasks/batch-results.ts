import { csvRecord, npyHeaderOf } from '../ml/data/index.ts'
import type { Objects } from '../platform/ports/index.ts'
import type { Batches } from './batches.ts'
import {
  batchPlan,
  type BatchFormat,
  type BatchPlan,
  type BatchShard,
  type PlannedBatch,
} from './batch-shapes.ts'
import { readArtifact } from './model-artifact.ts'
import type { ModelName } from './names.ts'
import { objectRanges } from './stored-objects.ts'

/** Rows `from` (inclusive) to `to` (exclusive) of a dataset. */
export interface RowSpan {
  readonly from: number
  readonly to: number
}

/** Some of the results, of rows that are predicted. */
export interface ResultsPage {
  readonly spans: readonly RowSpan[]
  readonly bytes: Uint8Array
  /** The first row after this page; null when there is none. */
  readonly next: number | null
}

/** The plan, as it was written: anything else is refused like a damaged model file. */
export async function readPlan(objects: Objects, { plan }: Pick<PlannedBatch, 'plan'>) {
  const bytes = await readArtifact(objects, plan)
  return batchPlan.parse(JSON.parse(new TextDecoder().decode(bytes)))
}

/** What results begin with, before the rows: the names of a CSV, the shape of a `.npy`. */
export function resultsHeader(
  { format, classes, hasProbabilities }: Pick<BatchPlan, 'format' | 'classes' | 'hasProbabilities'>,
  rows: number,
): Uint8Array {
  if (format === 'npy') return npyHeaderOf([rows], 'float64')
  if (format === 'jsonl') return new Uint8Array(0)
  const probabilities = hasProbabilities ? (classes ?? []) : []
  const names = ['row', 'prediction', ...probabilities.map((label) => `probability_${label}`)]
  return Buffer.from(csvRecord(names))
}

/** Rows of a range without a result, as far as the format cannot leave them out. */
export function* missingResults(
  { format }: Pick<BatchPlan, 'format'>,
  { from, to }: RowSpan,
): Iterable<Uint8Array> {
  if (format !== 'npy') return
  for (let row = from; row < to; row += npyRowsAtOnce) {
    const values = new Float64Array(Math.min(npyRowsAtOnce, to - row)).fill(NaN)
    yield new Uint8Array(values.buffer)
  }
}

/** The rows of the shards, one after the other, without a header. */
export async function* shardRows(
  objects: Objects,
  shards: readonly BatchShard[],
): AsyncIterable<Uint8Array> {
  for (const { object } of shards) yield* objectRanges(objects, object)
}

/** Spans of rows that follow each other are one. */
export function spansOf(shards: readonly RowSpan[]): RowSpan[] {
  const spans: { from: number; to: number }[] = []
  for (const { from, to } of shards) {
    const last = spans.at(-1)
    if (last?.to === from) last.to = to
    else if (to > from) spans.push({ from, to })
  }
  return spans
}

/**
 * The results of at most `limit` rows from row `offset` on, of those that are predicted, in at most
 * about `maxBytes`. Rows that are not predicted yet are left out.
 */
export async function resultsPage(
  { objects, batches }: { objects: Objects; batches: Batches },
  planned: PlannedBatch,
  { offset, limit, maxBytes }: { offset: number; limit: number; maxBytes: number },
): Promise<ResultsPage> {
  const plan = await readPlan(objects, planned)
  const { model, batch } = planned
  const wanted = { from: offset, to: Math.min(offset + limit, plan.rows) }
  const spans: RowSpan[] = []
  const parts: Uint8Array[] = []
  let size = 0
  let next = wanted.to
  for (const shard of await batches.shards(model, batch)) {
    if (shard.to <= wanted.from || shard.from >= wanted.to) continue
    for (const piece of await piecesOf(batches, model, plan, shard)) {
      if (piece.to <= wanted.from || piece.from >= wanted.to) continue
      if (size >= maxBytes) {
        next = Math.max(piece.from, wanted.from)
        break
      }
      const { key, versionId } = shard.object
      const bytes = await objects.read(key, { versionId, start: piece.start, end: piece.end })
      const from = Math.max(piece.from, wanted.from)
      const to = Math.min(piece.to, wanted.to)
      const part = rowsWithin(plan.format, bytes, from - piece.from, to - piece.from)
      spans.push({ from, to })
      parts.push(part)
      size += part.length
    }
    if (next < wanted.to) break
  }
  const joined = spansOf(spans)
  const rows = joined.reduce((sum, { from, to }) => sum + to - from, 0)
  return {
    spans: joined,
    bytes: Buffer.concat([resultsHeader(plan, rows), ...parts]),
    next: next < plan.rows ? next : null,
  }
}

interface Piece extends RowSpan {
  readonly start: number
  readonly end: number
}

/** Rows of a `.npy` that are read at once. */
const npyRowsAtOnce = 100_000

/** A shard in pieces of whole rows, whose bytes are known. */
async function piecesOf(
  batches: Batches,
  model: ModelName,
  { batch, format }: BatchPlan,
  { index, from, to, object }: BatchShard,
): Promise<Piece[]> {
  const rows: number[] = [from]
  const offsets: number[] = [0]
  if (format === 'npy') {
    for (let row = from + npyRowsAtOnce; row < to; row += npyRowsAtOnce) {
      rows.push(row)
      offsets.push((row - from) * 8)
    }
  } else {
    const marks = await batches.marks(model, batch, index)
    marks.rows.forEach((row, i) => {
      if (row === from) return
      rows.push(row)
      offsets.push(marks.offsets[i]!)
    })
  }
  return rows.map((row, i) => ({
    from: row,
    to: rows[i + 1] ?? to,
    start: offsets[i]!,
    end: offsets[i + 1] ?? object.size,
  }))
}

/** Rows `from` to `to` of those that the bytes are. */
function rowsWithin(format: BatchFormat, bytes: Uint8Array, from: number, to: number): Uint8Array {
  if (format === 'npy') return bytes.subarray(from * 8, to * 8)
  const ends = [0]
  let isQuoted = false
  for (let i = 0; i < bytes.length; i++) {
    // A CSV has line ends in its quoted cells; in a line of JSON there are none.
    if (format === 'csv' && bytes[i] === 0x22) isQuoted = !isQuoted
    else if (bytes[i] === 0x0a && !isQuoted) ends.push(i + 1)
  }
  return bytes.subarray(ends[from], ends[to])
}
