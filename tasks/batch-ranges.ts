import { createHash } from 'node:crypto'
import * as z from 'zod'
import { CsvRecords, csvLineEnd, type NpyHeader } from '../ml/data/index.ts'
import { MillraceError, type Objects } from '../platform/ports/index.ts'
import { batchRange, type BatchRange, type BatchSource } from './batch-shapes.ts'
import { findRecords } from './find-records.ts'
import { readArtifact } from './model-artifact.ts'
import { readAhead } from './read-ahead.ts'
import type { ObjectReference } from './shapes.ts'
import { objectRanges, putOnce } from './stored-objects.ts'

/** Ranges by the header alone: rows of a fixed width. */
export function* npyRanges(header: NpyHeader, rangeRows: number): Iterable<BatchRange> {
  const [rows = 0, cols = 0] = header.shape
  const { dataOffset } = header
  const rowBytes = cols * header.itemSize
  let index = 0
  for (let from = 0; from < rows; from += rangeRows) {
    const to = Math.min(from + rangeRows, rows)
    const [start, end] = [dataOffset + from * rowBytes, dataOffset + to * rowBytes]
    yield { index: index++, from, to, start, end }
  }
}

export interface CsvCut {
  readonly rows: number
  readonly ranges: readonly BatchRange[]
  /** Bytes of the header. */
  readonly headerEnd: number
}

/** Reads a table once, for the ends of its records. Throws StorageFailed for one without a header. */
export async function csvRanges(
  objects: Objects,
  source: Pick<BatchSource, 'key' | 'versionId' | 'size'>,
  rangeRows: number,
): Promise<CsvCut> {
  const ranges: BatchRange[] = []
  let records: CsvRecords | undefined
  let headerEnd: number | undefined
  let rows = 0
  let last = 0
  let begun = { from: 0, start: 0 }
  const close = () => {
    ranges.push({ index: ranges.length, from: begun.from, to: rows, start: begun.start, end: last })
    begun = { from: rows, start: last }
  }
  const onEnd = (end: number) => {
    last = end
    if (headerEnd === undefined) {
      headerEnd = end
      begun = { from: 0, start: end }
      return
    }
    rows++
    if (rows - begun.from === rangeRows) close()
  }
  for await (const bytes of readAhead(objectRanges(objects, source))) {
    records ??= new CsvRecords(csvLineEnd(bytes))
    await findRecords(records, bytes, onEnd)
  }
  records?.end(onEnd)
  if (rows > begun.from) close()
  if (headerEnd !== undefined) return { rows, ranges, headerEnd }
  throw new MillraceError('StorageFailed', `${source.key} was a table, and has no header any more`)
}

/**
 * Writes a list of ranges as the JSON array that a Map reads. Its key says what is in it, so that the
 * same ranges are one object however often they are written.
 */
export async function putRanges(
  objects: Objects,
  folder: string,
  ranges: () => Iterable<BatchRange>,
): Promise<ObjectReference> {
  const hash = createHash('sha256')
  for (const text of jsonOf(ranges())) hash.update(text)
  const sha256 = hash.digest('hex')
  const key = `${folder}/ranges/${sha256}.json`
  const body = bytesOf(jsonOf(ranges()))
  const { bucket, versionId, size } = await putOnce(objects, key, body, 'application/json')
  return { bucket, key, versionId, sha256, size }
}

export async function readRanges(objects: Objects, ranges: ObjectReference): Promise<BatchRange[]> {
  const bytes = await readArtifact(objects, ranges)
  return z.array(batchRange).parse(JSON.parse(new TextDecoder().decode(bytes)))
}

/** Ranges in one piece of the text. */
const rangesAtOnce = 10_000

function* jsonOf(ranges: Iterable<BatchRange>): Iterable<string> {
  let texts: string[] = []
  let opening = '['
  for (const range of ranges) {
    if (texts.push(JSON.stringify(range)) < rangesAtOnce) continue
    yield opening + texts.join()
    texts = []
    opening = ','
  }
  yield texts.length > 0 || opening === '[' ? `${opening}${texts.join()}]` : ']'
}

async function* bytesOf(texts: Iterable<string>): AsyncIterable<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}
