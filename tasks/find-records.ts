import { setImmediate } from 'node:timers/promises'
import type { CsvRecords } from '../ml/data/index.ts'

/** Bytes that are looked through before others get their turn: some milliseconds. */
const bytesAtOnce = 512 * 1024

/** Passes bytes to `records`, which tells `onEnd` of each record, without holding up what else runs. */
export async function findRecords(
  records: CsvRecords,
  bytes: Uint8Array,
  onEnd: (end: number) => void,
): Promise<void> {
  for (let at = 0; at < bytes.length; at += bytesAtOnce) {
    if (at > 0) await setImmediate()
    records.push(bytes.subarray(at, at + bytesAtOnce), onEnd)
  }
}
