import { isUtf8 } from 'node:buffer'
import { CsvError, parse } from 'csv-parse/sync'
import { DataError, quoted } from './errors.ts'

export interface CsvTable {
  readonly rows: number
  /** In the order of the file; names are unique. */
  readonly columns: readonly CsvColumn[]
}

export type CsvColumn =
  | { readonly name: string; readonly kind: 'number'; readonly values: Float64Array }
  | { readonly name: string; readonly kind: 'text'; readonly values: readonly string[] }

/** Cells that stand for a missing value: NaN in a column of numbers, '' in a column of text. */
export const missingCells: ReadonlySet<string> = new Set(['', 'NA', 'NaN', 'nan', 'null'])

export const csvLimits = {
  columns: 10_000,
  /** Bytes a line, and a record, which may span lines within quotes. */
  recordBytes: 1_048_576,
} as const

/**
 * Reads a comma-separated table (RFC 4180; UTF-8, a byte order mark is taken) whose first record is
 * its header. Blanks around cells and empty lines are left out. A column is of numbers when every
 * cell of it is a decimal number, `inf`, `infinity` or missing; else it is text.
 *
 * @throws DataError CsvInvalid: no header, a header of numbers only, an empty or repeated column
 *   name, a record with more or fewer cells than the header, broken quotes, invalid UTF-8, a NUL
 *   byte, over the limits; IntegerInexact: an integer in a column of numbers that a double cannot
 *   hold
 * @param options.numbers the columns that may be of numbers; the others are text, whatever their cells.
 *   Default all
 */
export function parseCsv(
  bytes: Uint8Array,
  options: { readonly numbers?: ReadonlySet<string> } = {},
): CsvTable {
  checkText(bytes)
  checkLines(bytes)
  let names: string[] | undefined
  const cells: string[][] = []
  let rows = 0
  const onRecord = (record: string[], line: number) => {
    if (record.length === 1 && record[0] === '') return
    if (names === undefined) {
      names = checkedNames(record)
      for (let j = 0; j < names.length; j++) cells.push([])
      return
    }
    if (record.length !== names.length) throw ragged(rows, line, record.length, names.length)
    for (let j = 0; j < record.length; j++) cells[j]!.push(record[j]!)
    rows++
  }
  readRecords(bytes, onRecord)
  if (names === undefined) {
    throw new DataError('CsvInvalid', 'The table is empty: its first line must name the columns.', {
      offset: 0,
      found: 'the end of the file',
    })
  }
  const columns = names.map((name, j) =>
    options.numbers?.has(name) === false ? textOf(name, cells[j]!) : columnOf(name, j, cells[j]!),
  )
  return { rows, columns }
}

function checkText(bytes: Uint8Array): void {
  const nul = bytes.indexOf(0)
  if (nul >= 0) {
    throw new DataError(
      'CsvInvalid',
      `There is a NUL byte at byte ${nul}; save the table as UTF-8 text.`,
      { offset: nul, found: 'NUL' },
    )
  }
  if (!isUtf8(bytes)) {
    const offset = firstInvalidUtf8(bytes)
    const found = `0x${(bytes[offset] ?? 0).toString(16).padStart(2, '0')}`
    throw new DataError(
      'CsvInvalid',
      `The bytes from byte ${offset} (${found}) on are not UTF-8; save the table as UTF-8 text.`,
      { offset, found },
    )
  }
}

/** Bisects for the longest prefix that may go on as UTF-8, and leaves its unfinished character. */
function firstInvalidUtf8(bytes: Uint8Array): number {
  let [valid, invalid] = [0, bytes.length + 1]
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >>> 1
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, middle), { stream: true })
      valid = middle
    } catch {
      invalid = middle
    }
  }
  while (!isUtf8(bytes.subarray(0, valid))) valid--
  return valid
}

/** csv-parse bounds what a record's cells hold, not how many empty ones there are. */
function checkLines(bytes: Uint8Array): void {
  let start = 0
  for (let i = 0; i <= bytes.length; i++) {
    if (i < bytes.length && bytes[i] !== 0x0a && bytes[i] !== 0x0d) continue
    if (i - start > csvLimits.recordBytes) {
      throw new DataError(
        'CsvInvalid',
        `The line at byte ${start} has ${i - start} bytes; at most ${csvLimits.recordBytes} are read.`,
        { offset: start, found: `${i - start} bytes` },
      )
    }
    start = i + 1
  }
}

function readRecords(bytes: Uint8Array, onRecord: (record: string[], line: number) => void): void {
  try {
    parse(bytes, {
      bom: true,
      trim: true,
      relax_column_count: true,
      max_record_size: csvLimits.recordBytes,
      // Answering null keeps csv-parse from holding the records as well.
      on_record: (record: string[], { lines }) => {
        onRecord(record, lines)
        return null
      },
    })
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw new DataError(
      'CsvInvalid',
      `The table cannot be read: ${error.message}` +
        (error.code === 'CSV_MAX_RECORD_SIZE'
          ? ` A record has at most ${csvLimits.recordBytes} bytes; is a quote left open?`
          : ''),
      { found: error.code, cause: error },
    )
  }
}

function checkedNames(names: string[]): string[] {
  if (names.length > csvLimits.columns) {
    throw new DataError(
      'CsvInvalid',
      `The header has ${names.length} columns; at most ${csvLimits.columns} are read.`,
      { found: `${names.length} columns` },
    )
  }
  if (names.every((name) => !Number.isNaN(csvNumber(name) ?? NaN))) {
    throw new DataError(
      'CsvInvalid',
      `The first line holds numbers only, ${quoted(names.join(','))}; it must name the columns.`,
      { offset: 0, found: names.join(',').slice(0, 200) },
    )
  }
  const seen = new Map<string, number>()
  names.forEach((name, column) => {
    if (name === '') {
      throw new DataError('CsvInvalid', `Column ${column + 1} of the header has no name.`, {
        column,
        found: '',
      })
    }
    const before = seen.get(name)
    if (before !== undefined) {
      throw new DataError(
        'CsvInvalid',
        `Columns ${before + 1} and ${column + 1} of the header are both named ${quoted(name)}.`,
        { column, found: name },
      )
    }
    seen.set(name, column)
  })
  return names
}

function ragged(row: number, line: number, found: number, expected: number): DataError {
  return new DataError(
    'CsvInvalid',
    `Row ${row + 1} (which ends on line ${line}) has ${found} cells, and the header names ` +
      `${expected} columns.`,
    { row, found: `${found} cells` },
  )
}

function columnOf(name: string, column: number, cells: string[]): CsvColumn {
  const values = new Float64Array(cells.length)
  for (let row = 0; row < cells.length; row++) {
    const cell = cells[row]!
    const value = csvNumber(cell)
    if (value === undefined) return textOf(name, cells)
    values[row] = value
  }
  for (let row = 0; row < cells.length; row++) {
    if (Math.abs(values[row]!) > Number.MAX_SAFE_INTEGER) {
      checkExact(cells[row]!, values[row]!, row, column)
    }
  }
  return { name, kind: 'number', values }
}

function textOf(name: string, cells: readonly string[]): CsvColumn {
  return { name, kind: 'text', values: cells.map((text) => (missingCells.has(text) ? '' : text)) }
}

const decimal = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/
const infinite = /^[+-]?inf(?:inity)?$/i

/** A cell as a number: NaN for a missing one, undefined for text. */
export function csvNumber(cell: string): number | undefined {
  if (decimal.test(cell)) return Number(cell)
  if (missingCells.has(cell)) return NaN
  if (infinite.test(cell)) return cell.startsWith('-') ? -Infinity : Infinity
  return undefined
}

/** Fractions are rounded as decimal text always is; integers are names as often as they are sizes. */
function checkExact(cell: string, value: number, row: number, column: number): void {
  if (!/^[+-]?[0-9]{1,400}$/.test(cell)) return
  if (Number.isFinite(value) && BigInt(cell.replace('+', '')) === BigInt(value)) return
  throw new DataError(
    'IntegerInexact',
    `The integer ${quoted(cell)} in row ${row + 1}, column ${column + 1} is beyond 2^53 and a ` +
      'double cannot hold it exactly; scale it, or leave it out if it is an identifier.',
    { row, column, found: cell },
  )
}
