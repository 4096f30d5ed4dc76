import type { CsvLineEnd } from './csv-line-end.ts'

/** A cell to write; null where a value is missing. */
export type CsvCell = number | string | null

/**
 * One record as `parseCsv` reads it back: numbers by their shortest text that is the same double, text
 * as it is, quoted where it must be. What a spreadsheet would take for a formula is data like any other.
 * A missing cell is empty, or `NaN` where it is the only one: an empty line is no record.
 *
 * @param cells finite numbers, and text without NUL and lone surrogates
 */
export function csvRecord(cells: readonly CsvCell[], lineEnd: CsvLineEnd = '\n'): string {
  const [only] = cells
  if (cells.length === 1 && (only === null || only === '')) return `NaN${lineEnd}`
  return cells.map(cellText).join(',') + lineEnd
}

function cellText(cell: CsvCell): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return numberText(cell)
  return /[",\r\n\uFEFF]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return ''
  if (Object.is(value, -0)) return '-0'
  // Written out, the last digits of a larger integer would not be those of the double.
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return value.toExponential()
  return String(value)
}
