/** A cell to write; null where a value is missing. */
export type CsvCell = number | string | null

/** How the records of a table end. */
export type CsvLineEnd = '\n' | '\r\n' | '\r'

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

/** How the records of a table that `parseCsv` reads end: as its first one does. */
export function csvLineEnd(bytes: Uint8Array): CsvLineEnd {
  let isQuoted = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === 0x22) isQuoted = !isQuoted
    else if (isQuoted) continue
    else if (byte === 0x0a) return '\n'
    else if (byte === 0x0d) return bytes[i + 1] === 0x0a ? '\r\n' : '\r'
  }
  return '\n'
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
