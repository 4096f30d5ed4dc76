import {
  CsvRecords,
  csvLineEnd,
  datasetFromCsv,
  parseCsv,
  type RangeSource,
} from '../../ml/data/index.ts'
import type { Sample } from './npy-sample.ts'

/**
 * The columns of a CSV by its first records, and how many rows it has if the others are as long.
 *
 * @param target the target column, null for none. Default the last one
 * @param sampleBytes what is read, at most
 * @throws DataError
 */
export async function sampleCsv(
  source: RangeSource & { readonly size: number },
  target: string | null | undefined,
  sampleBytes: number,
): Promise<Sample> {
  const isWhole = source.size <= sampleBytes
  const bytes = await source.read(0, Math.min(source.size, sampleBytes))
  const records = isWhole ? { bytes, header: 0 } : wholeRecords(bytes)
  const table = parseCsv(records.bytes)
  const dataset = datasetFromCsv(table, {
    text: 'categories',
    ...(target === undefined ? {} : { target }),
  })
  const { features, categories = [], classLabels } = dataset
  const { cols } = features
  // Where not one row was seen, it is longer than all that was.
  const seen = table.rows === 0 ? records.bytes.length : records.bytes.length - records.header
  const rowBytes = seen / Math.max(1, table.rows)
  return {
    rows: isWhole ? table.rows : Math.round((source.size - records.header) / rowBytes),
    cols,
    encodedCols: categories.reduce((sum, labels) => sum + (labels?.length ?? 1) - 1, cols),
    target: target === null ? new Float64Array(0) : dataset.target,
    ...(classLabels === undefined ? {} : { classLabels }),
  }
}

/** The records that end within these bytes, and the length of the first one; all of it where none does. */
function wholeRecords(bytes: Uint8Array): { bytes: Uint8Array; header: number } {
  const ends: number[] = []
  new CsvRecords(csvLineEnd(bytes)).push(bytes, (end) => ends.push(end))
  return { bytes: bytes.subarray(0, ends.at(-1) ?? bytes.length), header: ends[0] ?? 0 }
}
