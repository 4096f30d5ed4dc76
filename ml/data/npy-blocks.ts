import { DataError } from './errors.ts'
import type { Matrix } from './matrix.ts'
import type { NpyHeader } from './npy-header.ts'
import { npyNumbers, npyPosition, npyToMatrix } from './npy-matrix.ts'
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
  const { header, rows, cols } = await readAxes(source)
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

/**
 * The whole of a 2-D `.npy` as one matrix of doubles, read a block of bytes at a time: beside the matrix
 * no more than a block is held, whichever way the values are stored.
 *
 * @param source gives bytes that nobody else holds
 * @param blockBytes what is read at once
 * @param allocate the memory of the matrix, of so many doubles; default memory of its own
 * @throws DataError NpyInvalid, NpyUnsupported, ShapeInvalid, IntegerInexact
 */
export async function readNpyMatrix(
  source: RangeSource,
  blockBytes: number,
  allocate: (values: number) => Float64Array = (values) => new Float64Array(values),
): Promise<Matrix> {
  const { header, rows, cols } = await readAxes(source)
  const { itemSize, length, dataOffset, fortranOrder } = header
  const data = allocate(length)
  const step = Math.max(1, Math.floor(blockBytes / itemSize))
  const position = npyPosition(rows, cols, fortranOrder)
  for (let first = 0; first < length; first += step) {
    const count = Math.min(step, length - first)
    const start = dataOffset + first * itemSize
    const payload = await bytesOf(source, start, count * itemSize)
    const { data: values } = npyArray(header, payload, [count], start)
    const numbers = npyNumbers(values, (index) => position(first + index))
    if (!fortranOrder) data.set(numbers, first)
    else scatter(numbers, first, { data, rows, cols })
    release(payload)
  }
  return { data, rows, cols }
}

/**
 * Frees a block at once, of which the garbage collector would leave many for long: memory of its own, and
 * not a part of some other.
 */
function release({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}

/** Puts values that follow each other down the columns, from the value `first` on, into their rows. */
function scatter(values: ArrayLike<number>, first: number, { data, rows, cols }: Matrix): void {
  let [row, column] = [first % rows, Math.floor(first / rows)]
  for (let k = 0; k < values.length; k++) {
    data[row * cols + column] = values[k]!
    if (++row < rows) continue
    row = 0
    column += 1
  }
}

async function readAxes(source: RangeSource) {
  const header = await readNpyHeader(source)
  const [rows = 0, cols = 0] = header.shape
  if (header.shape.length === 2) return { header, rows, cols }
  const found = `(${header.shape.join(', ')})`
  throw new DataError('ShapeInvalid', `Rows have two axes; the array has shape ${found}.`, {
    found,
  })
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
