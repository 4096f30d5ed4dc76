import { pages, type Item, type Table } from '../platform/ports/index.ts'
import type { BatchShard } from './batch-shapes.ts'
import { sumOf } from './table-items.ts'

/** How far a batch is. */
export interface BatchCounts {
  readonly rangesDone: number
  /** Rows of ranges that are done. */
  readonly rowsDone: number
  /** Of these, rows that the model could not take. */
  readonly rowsFailed: number
}

const counterPrefix = 'count#'

/** Items that the ranges of a large batch are counted in by turns. */
export const batchCounters = 16

/** Ranges of a batch that are all counted in its head: so few transactions hardly meet on it. */
const rangesCountedInHead = 64

/**
 * Which counter counts a range; null for the head of its batch. Transactions on one item follow one
 * another, and those of hundreds of children would wait for each other.
 */
export function counterOf(index: number, ranges: number): number | null {
  return hasCounters(ranges) ? index % batchCounters : null
}

export function hasCounters(ranges: number): boolean {
  return ranges > rangesCountedInHead
}

/** What one shard adds to a counter, or takes out of it. */
export function shardCounts(
  { from, to, failed }: BatchShard,
  times: 1 | -1,
): Record<string, number> {
  return { rangesDone: times, rowsDone: times * (to - from), rowsFailed: times * failed }
}

export function counterKey(counter: number): string {
  return `${counterPrefix}${String(counter).padStart(2, '0')}`
}

export async function countersIn(table: Table, pk: string): Promise<Item[]> {
  const found: Item[] = []
  const ask = (cursor?: string) => table.query(pk, { prefix: counterPrefix, cursor })
  for await (const { items } of pages(ask)) found.push(...items)
  return found
}

/** What items have counted together. */
export function countsOf(items: readonly Item[]): BatchCounts {
  return {
    rangesDone: sumOf(items, 'rangesDone'),
    rowsDone: sumOf(items, 'rowsDone'),
    rowsFailed: sumOf(items, 'rowsFailed'),
  }
}
