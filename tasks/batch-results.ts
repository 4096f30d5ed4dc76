import { csvRecord, npyHeaderOf } from '../ml/data/index.ts'
import type { Objects } from '../platform/ports/index.ts'
import { batchPlan, type BatchPlan, type PlannedBatch } from './batch-shapes.ts'
import { readArtifact } from './model-artifact.ts'

/** Rows `from` (inclusive) to `to` (exclusive) of a dataset. */
export interface RowSpan {
  readonly from: number
  readonly to: number
}

/** The plan, as it was written: anything else is refused like a damaged model file. */
export async function readPlan(objects: Objects, { plan }: Pick<PlannedBatch, 'plan'>) {
  const bytes = await readArtifact(objects, plan)
  return batchPlan.parse(JSON.parse(new TextDecoder().decode(bytes)))
}

/** Rows of a `.npy` that are made or read at once. */
export const npyRowsAtOnce = 100_000

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
