import { DataError } from './errors.ts'
import { wholeHeader } from './npy.ts'
import { type NpyHeader, npyHeaderBytes, parseNpyHeader } from './npy-header.ts'
import type { NpyArray } from './npy-types.ts'
import { npyArray } from './npy-values.ts'

/** Bytes that can be read by range: a file, an object of a bucket, a part in memory. */
export interface RangeSource {
  /** Bytes in all, where known; then no read goes beyond it. */
  readonly size?: number
  /** The bytes from `start` (inclusive) to `end` (exclusive), fewer only where the source ends. */
  read(start: number, end: number): Promise<Uint8Array>
}

/**
 * Reads rows `from` (inclusive) to `to` (exclusive) of a C-ordered `.npy` file, a row being all
 * values under one index of the first axis. Only the header and these rows are read.
 *
 * @returns an array of shape `[to - from, …]`
 * @throws DataError NpyInvalid (also when the source is cut short), NpyUnsupported (also for Fortran
 *   order with two or more axes, where rows are not contiguous), ShapeInvalid for an array without
 *   axes, RowRangeInvalid
 */
export async function readNpyRows(
  source: RangeSource,
  from: number,
  to: number,
): Promise<NpyArray> {
  const header = await readNpyHeader(source)
  const [rows, ...rest] = header.shape
  if (rows === undefined) {
    throw new DataError('ShapeInvalid', 'A single value of shape () has no rows.', { found: '()' })
  }
  if (header.fortranOrder && rest.length > 0) {
    throw new DataError(
      'NpyUnsupported',
      'The file is in Fortran order, where the values of a row lie apart; ' +
        'read it whole, or save it in C order.',
      { found: 'fortran_order: True' },
    )
  }
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to < from || to > rows) {
    throw new DataError(
      'RowRangeInvalid',
      `Rows ${from} to ${to} are asked for, of an array with ${rows} rows.`,
      { found: `${from} to ${to}` },
    )
  }
  const rowBytes = rest.reduce((product, n) => product * n, header.itemSize)
  const start = header.dataOffset + from * rowBytes
  const end = header.dataOffset + to * rowBytes
  const payload = end > start ? await source.read(start, end) : new Uint8Array(0)
  if (payload.length !== end - start) {
    throw new DataError(
      'NpyInvalid',
      `Bytes ${start} to ${end} are rows ${from} to ${to}, and the source gave ` +
        `${payload.length} of ${end - start} bytes; it was cut short.`,
      { offset: start + payload.length, found: `${payload.length} bytes` },
    )
  }
  return { ...npyArray(header, payload, [to - from, ...rest], start), fortranOrder: false }
}

/** NumPy's headers of one or two axes have 128 bytes: one read brings them, with some to spare. */
const firstRead = 256

/** The header of a `.npy`, by as few bytes as it takes. @throws DataError NpyInvalid, NpyUnsupported */
export async function readNpyHeader(source: RangeSource): Promise<NpyHeader> {
  const limit = Math.min(source.size ?? Infinity, npyHeaderBytes)
  let prefix = await source.read(0, Math.min(firstRead, limit))
  let header = parseNpyHeader(prefix)
  while (!header.complete && header.bytesNeeded <= limit) {
    const longer = await source.read(0, header.bytesNeeded)
    if (longer.length < header.bytesNeeded) break
    prefix = longer
    header = parseNpyHeader(prefix)
  }
  const known = header.complete ? header.byteLength : prefix.length
  return wholeHeader(prefix, source.size ?? known)
}
