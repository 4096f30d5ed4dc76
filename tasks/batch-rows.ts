import { CsvRecords, csvLineEnd, npyBlocks } from '../ml/data/index.ts'
import type { Objects } from '../platform/ports/index.ts'
import type { BatchPlan, BatchRange, BatchSource } from './batch-shapes.ts'
import type { BlockRows } from './block-rows.ts'
import { findRecords } from './find-records.ts'

/** What has to be known of a table to read some of its rows. */
export type RowsSource = Pick<BatchPlan, 'sourceFormat' | 'numbers' | 'headerEnd'> & {
  readonly source: Pick<BatchSource, 'key' | 'versionId' | 'size'>
}

/**
 * The rows of a range, at most `blockBytes` of the file at a time; a row at least.
 *
 * @throws DataError for a file that is not what its header says
 */
export async function* rowsOf(
  objects: Objects,
  { source, sourceFormat, numbers, headerEnd }: RowsSource,
  { from, to, start, end }: Omit<BatchRange, 'index'>,
  blockBytes: number,
): AsyncIterable<BlockRows> {
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
  for await (const bytes of wholeRecords(read, csvLineEnd(header), { start, end, blockBytes })) {
    yield { format: 'csv', bytes: Buffer.concat([header, bytes]), numbers }
  }
}

/** Bytes from `start` to `end`, cut behind records. */
async function* wholeRecords(
  read: (start: number, end: number) => Promise<Uint8Array>,
  lineEnd: ReturnType<typeof csvLineEnd>,
  { start, end, blockBytes }: { start: number; end: number; blockBytes: number },
): AsyncIterable<Uint8Array> {
  const records = new CsvRecords(lineEnd, start)
  let rest: Uint8Array = new Uint8Array(0)
  for (let at = start; at < end;) {
    const bytes = await read(at, Math.min(at + blockBytes, end))
    let cut = at
    await findRecords(records, bytes, (last) => (cut = last))
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
