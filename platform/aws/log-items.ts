import { logPartitions } from '../ports/item.ts'

/** The text keys of an item. */
export interface ItemKey {
  readonly pk: string
  readonly sk: string
}

/** The partition that lists the keys of the log, each as the sort key of an item. */
export const keysPartition = `${logPartitions}keys`

const recordsOf = `${logPartitions}records#`

/** The partition of a key's records, whose sort keys are their positions. */
export function recordsPartition(key: string): string {
  return recordsOf + key
}

/** The key whose records a partition has; undefined for one that has no records. */
export function keyOfRecords(pk: string): string | undefined {
  return pk.startsWith(recordsOf) ? pk.slice(recordsOf.length) : undefined
}

/** The item with the number of a key's records. */
export function headOf(key: string): ItemKey {
  return { pk: `${logPartitions}head#${key}`, sk: 'head' }
}

/** The item with the position up to which a consumer has handled the records of a key. */
export function positionOf(consumer: string, key: string): ItemKey {
  return { pk: `${logPartitions}position#${consumer}`, sk: key }
}
