import { CsvError, Parser } from 'csv-parse'
import { parse } from 'csv-parse/sync'
import { csvNumber } from './csv-cells.ts'
import { csvLimits, CsvText } from './csv-text.ts'
import { DataError, quoted } from './errors.ts'

/** What is parsed at a time: the memory of so small pieces is soon used again. */
const pieceBytes = 64 * 1024

/** A row's cells, as many as there are columns, blanks around them left out; counted from 0. */
export type OnRow = (cells: string[], row: number) => void

/**
 * The rows of a table whose bytes come in blocks, wherever these are cut. What is wrong with the table
 * is told at its end, but for a NUL byte: whatever the blocks, it is what `readRows` tells of the whole.
 */
export class CsvReader {
  readonly #text = new CsvText()
  readonly #table: RowsUnderHeader
  readonly #parser: Parser
  #failure: Error | undefined

  constructor(onRow: OnRow) {
    this.#table = new RowsUnderHeader(onRow)
    this.#parser = new Parser(optionsFor(this.#table))
  }

  /** Rows that have ended. */
  get rows(): number {
    return this.#table.rows
  }

  /** Takes bytes, which may be overwritten afterwards. @throws DataError CsvInvalid for a NUL byte */
  push(bytes: Uint8Array): void {
    if (!this.#text.push(bytes) || this.#failure !== undefined) return
    for (let at = 0; at < bytes.length && this.#failure === undefined; at += pieceBytes) {
      // A copy, of which the parser keeps a part. What is called is what its stream would call, which
      // tells of errors too late.
      const piece = Buffer.from(bytes.subarray(at, at + pieceBytes))
      this.#parser._transform(piece, 'utf8', this.#onParsed)
    }
  }

  /** The bytes have ended: answers the names of the columns. @throws DataError CsvInvalid */
  end(): string[] {
    this.#text.end()
    if (this.#failure === undefined) this.#parser._flush(this.#onParsed)
    if (this.#failure !== undefined) throw tableError(this.#failure)
    return this.#table.end()
  }

  readonly #onParsed = (error?: Error | null) => {
    this.#failure ??= error ?? undefined
  }
}

/** The same of a table that is there as a whole: answers the names of its columns. */
export function readRows(bytes: Uint8Array, onRow: OnRow): string[] {
  const text = new CsvText()
  text.push(bytes)
  text.end()
  const table = new RowsUnderHeader(onRow)
  try {
    parse(bytes, optionsFor(table))
  } catch (error) {
    throw tableError(error)
  }
  return table.end()
}

/** Takes the first record as the header, and has the others be as wide. */
class RowsUnderHeader {
  readonly #onRow: OnRow
  #names: string[] | undefined
  rows = 0

  constructor(onRow: OnRow) {
    this.#onRow = onRow
  }

  record(cells: string[], line: number): void {
    if (cells.length === 1 && cells[0] === '') return
    if (this.#names === undefined) {
      this.#names = checkedNames(cells)
      return
    }
    const { length } = this.#names
    if (cells.length !== length) throw ragged(this.rows, line, cells.length, length)
    this.#onRow(cells, this.rows)
    this.rows++
  }

  end(): string[] {
    if (this.#names !== undefined) return this.#names
    throw new DataError('CsvInvalid', 'The table is empty: its first line must name the columns.', {
      offset: 0,
      found: 'the end of the file',
    })
  }
}

function optionsFor(table: RowsUnderHeader) {
  return {
    bom: true,
    trim: true,
    relax_column_count: true,
    max_record_size: csvLimits.recordBytes,
    // Answering null keeps csv-parse from holding the records as well.
    on_record: (record: string[], { lines }: { lines: number }) => {
      table.record(record, lines)
      return null
    },
  }
}

function tableError(error: unknown): unknown {
  if (!(error instanceof CsvError)) return error
  return new DataError(
    'CsvInvalid',
    `The table cannot be read: ${error.message}` +
      (error.code === 'CSV_MAX_RECORD_SIZE'
        ? ` A record has at most ${csvLimits.recordBytes} bytes; is a quote left open?`
        : ''),
    { found: error.code, cause: error },
  )
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
