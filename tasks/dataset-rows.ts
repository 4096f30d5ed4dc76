import { setImmediate } from 'node:timers/promises'
import {
  csvLimits,
  csvRecord,
  missingCells,
  type CsvCell,
  type CsvLineEnd,
} from '../ml/data/index.ts'
import { largestMagnitude } from '../ml/models/checks.ts'
import { MillraceError } from '../platform/ports/index.ts'
import { clipped } from './clipped.ts'
import type { DatasetColumn, DatasetSchema } from './dataset-schema.ts'

/** Rows that one append takes. */
export const maxAppendedRows = 100_000

/** Characters of a text cell: what a category's name may have. */
export const maxTextCell = 256

/** Faults that one refusal names. */
const maxFaults = 20

/** Rows that are checked before others get their turn. */
const rowsAtOnce = 2000

export interface RowFault {
  /** `rows.3.price`: rows count from 0. */
  readonly field: string
  readonly message: string
}

/**
 * Rows as the records of a CSV, without its header. A row is an object by the names of the columns, or
 * an array in their order; null stands for a missing value, which a target does not have.
 *
 * @throws MillraceError RowsInvalid with the first faults in `details.errors`
 */
export async function csvOfRows(
  schema: DatasetSchema,
  rows: readonly unknown[],
  lineEnd: CsvLineEnd,
): Promise<Uint8Array> {
  if (rows.length === 0 || rows.length > maxAppendedRows) {
    const message = `give 1 to ${maxAppendedRows} rows, found ${rows.length}`
    throw rowsInvalid([{ field: 'rows', message }])
  }
  const checker = new RowChecker(schema, lineEnd)
  const parts: Buffer[] = []
  for (let from = 0; from < rows.length; from += rowsAtOnce) {
    if (from > 0) await setImmediate()
    let text = ''
    for (let i = from; i < Math.min(from + rowsAtOnce, rows.length); i++) {
      text += checker.record(rows[i], `rows.${i}`)
    }
    if (checker.faults.length > 0) throw rowsInvalid(checker.faults)
    parts.push(Buffer.from(text))
  }
  return Buffer.concat(parts)
}

/** RowsInvalid that names each field; none of the rows was taken. */
export function rowsInvalid(faults: readonly RowFault[]): MillraceError {
  const errors = faults.slice(0, maxFaults)
  const told = errors.map(({ field, message }) => `${field}: ${message}`).join('; ')
  return new MillraceError('RowsInvalid', told, { details: { errors } })
}

class RowChecker {
  readonly faults: RowFault[] = []
  readonly #schema: DatasetSchema
  readonly #names: ReadonlySet<string>
  readonly #lineEnd: CsvLineEnd

  constructor(schema: DatasetSchema, lineEnd: CsvLineEnd) {
    this.#schema = schema
    this.#names = new Set(schema.columns.map(({ name }) => name))
    this.#lineEnd = lineEnd
  }

  /** The record of a row; '' where a fault was noted. */
  record(row: unknown, field: string): string {
    if (this.faults.length >= maxFaults) return ''
    const before = this.faults.length
    const cells = this.#cellsOf(row, field)
    if (cells === undefined || this.faults.length > before) return ''
    const record = csvRecord(cells, this.#lineEnd)
    if (record.length * 3 > csvLimits.recordBytes) {
      const bytes = Buffer.byteLength(record)
      if (bytes > csvLimits.recordBytes) {
        this.#note(field, `has ${bytes} bytes as text, at most ${csvLimits.recordBytes} are taken`)
      }
    }
    return record
  }

  #cellsOf(row: unknown, field: string): CsvCell[] | undefined {
    const { columns } = this.#schema
    if (Array.isArray(row)) {
      if (row.length === columns.length) {
        return columns.map((column, j) => this.#cell(row[j], column, field))
      }
      this.#note(field, `has ${row.length} values, the dataset has ${columns.length} columns`)
    } else if (typeof row === 'object' && row !== null) {
      for (const name of Object.keys(row)) {
        if (!this.#names.has(name)) this.#note(`${field}.${clipped(name, 100)}`, 'no such column')
      }
      return columns.map((column) => {
        if (Object.hasOwn(row, column.name)) {
          return this.#cell((row as Record<string, unknown>)[column.name], column, field)
        }
        const message = 'is not there: send null where there is no value'
        return this.#note(`${field}.${column.name}`, message)
      })
    } else {
      this.#note(field, 'is neither an object by the names of the columns nor an array')
    }
    return undefined
  }

  #cell(value: unknown, column: DatasetColumn, row: string): CsvCell {
    const { name, type } = column
    const fault =
      value === null || value === '' ? this.#missing(value, column) : faults[type](value)
    if (fault !== null) return this.#note(`${row}.${name}`, fault)
    return value as CsvCell
  }

  #missing(value: '' | null, { name, type }: DatasetColumn): string | null {
    if (value === '' && type === 'number') return faults.number(value)
    return name === this.#schema.target ? 'the target must have a value' : null
  }

  #note(field: string, message: string): null {
    if (this.faults.length < maxFaults) this.faults.push({ field, message })
    return null
  }
}

/** What is wrong with a cell that is there. */
const faults: Record<DatasetColumn['type'], (value: unknown) => string | null> = {
  number(value) {
    if (typeof value !== 'number') return `takes a number, found ${kindOf(value)}`
    if (Math.abs(value) <= largestMagnitude) return null
    return `is beyond ±${largestMagnitude}: rescale it`
  },

  text(value) {
    if (typeof value !== 'string') return `takes text, found ${kindOf(value)}`
    if (value.length > maxTextCell) {
      return `has ${value.length} characters, at most ${maxTextCell} are taken`
    }
    if (value.includes('\0') || !value.isWellFormed()) return 'has a NUL or half a character'
    if (missingCells.has(value)) return `"${value}" stands for a missing value: send null`
    return null
  },
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object'
    ? 'an object'
    : typeof value === 'string'
      ? 'text'
      : `a ${typeof value}`
}
