import { CsvRecords, csvLimits, csvLineEnd, DataError, type RangeSource } from '../ml/data/index.ts'

/** What is read first: a thousand names. */
const firstBytes = 16 * 1024

/**
 * The first record of a table with its line end, by as few bytes as it takes.
 *
 * @throws DataError CsvInvalid where there is none, or one that is too long
 */
export async function csvHeader(
  source: Pick<RangeSource, 'read'> & { readonly size: number },
): Promise<Uint8Array> {
  const { size } = source
  // Line ends before it are left out as empty lines are.
  const most = Math.min(size, 2 * csvLimits.recordBytes)
  for (let length = Math.min(firstBytes, most); ; length = Math.min(length * 8, most)) {
    const bytes = await source.read(0, length)
    const records = new CsvRecords(csvLineEnd(bytes))
    let end = 0
    const onEnd = (at: number) => (end ||= at)
    records.push(bytes, onEnd)
    if (length === size) records.end(onEnd)
    // What ends where the bytes do may have the rest of its line end behind them.
    if (end > 0 && (end < length || length === size)) return bytes.subarray(0, end)
    if (length === most) break
  }
  throw new DataError('CsvInvalid', 'The table has no first line that names its columns.', {
    offset: 0,
  })
}
