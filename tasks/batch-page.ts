import type { Objects } from '../platform/ports/index.ts'
import { npyRowsAtOnce, readPlan, resultsHeader, spansOf, type RowSpan } from './batch-results.ts'
import type { BatchFormat, BatchPlan, BatchShard, PlannedBatch } from './batch-shapes.ts'
import type { Batches } from './batches.ts'
import { piecesOrRemoval } from './checked-shards.ts'
import type { ModelName } from './names.ts'

/** Some of the results, of rows that are predicted. */
export interface ResultsPage {
  readonly spans: readonly RowSpan[]
  readonly bytes: Uint8Array
  /** The first row after this page; null when there is none. */
  readonly next: number | null
}

/** What is asked for of a page. */
export interface AskedPage {
  readonly offset: number
  readonly limit: number
  readonly maxBytes: number
  /** Whether what is read of a shard is compared with what was written, a part of it at a time. */
  readonly isChecked: boolean
}

/**
 * The results of at most `limit` rows from row `offset` on, of those that are predicted, in at most
 * about `maxBytes`. Rows that are not predicted yet are left out. Throws ResultsDamaged.
 */
export async function resultsPage(
  { objects, batches }: { objects: Objects; batches: Batches },
  planned: PlannedBatch,
  { offset, limit, maxBytes, isChecked }: AskedPage,
): Promise<ResultsPage> {
  const plan = await readPlan(objects, planned)
  const { model, batch } = planned
  const wanted = { from: offset, to: Math.min(offset + limit, plan.rows) }
  const spans: RowSpan[] = []
  const parts: Uint8Array[] = []
  let size = 0
  let next = wanted.to
  for await (const shard of batches.shardsWithin(model, batch, wanted)) {
    const { key, versionId } = shard.object
    const read = isChecked
      ? piecesOrRemoval({ objects, batches }, { model, batch, shard })
      : (start: number, end: number) => objects.read(key, { versionId, start, end })
    for (const piece of await piecesOf(batches, model, plan, shard)) {
      if (piece.to <= wanted.from || piece.from >= wanted.to) continue
      if (size > 0 && size + piece.end - piece.start > maxBytes) {
        next = Math.max(piece.from, wanted.from)
        break
      }
      const bytes = await read(piece.start, piece.end)
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
