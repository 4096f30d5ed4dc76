import { DataError } from './errors.ts'
import type { Matrix } from './matrix.ts'
import type { NpyHeader } from './npy-header.ts'
import { npyToMatrix } from './npy-matrix.ts'
import { type RangeSource, readNpyHeader } from './npy-rows.ts'
import { npyArray } from './npy-values.ts'

/** Columns of a file in Fortran order that are read at once. */
const reads = 16

/**
 * The rows of a 2-D `.npy` in their order, a block at a time, whichever way they are stored. Of a file
 * in Fortran order each block is read column by column.
 *
 * @param blockBytes what a block may have, in bytes of the file; a row at least
 * @param range the rows `from` (inclusive) to `to` (exclusive); default all
 * @throws DataError NpyInvalid, NpyUnsupported, ShapeInvalid, IntegerInexact, RowRangeInvalid
 */
export async function* npyBlocks(
  source: RangeSource,
  blockBytes: number,
  range?: { readonly from: number; readonly to: number },
): AsyncIterable<Matrix> {
  const header = await readNpyHeader(source)
  const [rows = 0, cols = 0] = header.shape
  if (header.shape.length !== 2) {
    const found = `(${header.shape.join(', ')})`
    throw new DataError('ShapeInvalid', `Rows have two axes; the array has shape ${found}.`, {
      found,
    })
  }
  const { from: first, to: end } = range ?? { from: 0, to: rows }
  if (!(0 <= first && first <= end && end <= rows)) {
    const found = `${first} to ${end}`
    throw new DataError('RowRangeInvalid', `Rows ${found} are asked for, of ${rows}.`, { found })
  }
  const step = Math.max(1, Math.floor(blockBytes / Math.max(1, cols * header.itemSize)))
  for (let from = first; from < end; from += step) {
    const to = Math.min(from + step, end)
    const payload =
      header.fortranOrder && to - from < rows
        ? await columnsOf(source, header, from, to)
        : await bytesOf(
            source,
            header.dataOffset + from * cols * header.itemSize,
            (to - from) * cols * header.itemSize,
          )
    yield npyToMatrix(npyArray(header, payload, [to - from, cols]))
  }
}

/** Rows `from` to `to` of each column, one after the other. */
async function columnsOf(source: RangeSource, header: NpyHeader, from: number, to: number) {
  const [rows = 0, cols = 0] = header.shape
  const length = (to - from) * header.itemSize
  const payload = new Uint8Array(cols * length)
  for (let first = 0; first < cols; first += reads) {
    const columns = Array.from({ length: Math.min(reads, cols - first) }, (_, k) => first + k)
    await Promise.all(
      columns.map(async (j) => {
        const start = header.dataOffset + (j * rows + from) * header.itemSize
        payload.set(await bytesOf(source, start, length), j * length)
      }),
    )
  }
  return payload
}

async function bytesOf(source: RangeSource, start: number, length: number) {
  const bytes = await source.read(start, start + length)
  if (bytes.length === length) return bytes
  throw new DataError(
    'NpyInvalid',
    `The source gave ${bytes.length} of ${length} bytes from byte ${start} on; it was cut short.`,
    { offset: start + bytes.length, found: `${bytes.length} bytes` },
  )
}
