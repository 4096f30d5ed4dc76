import { csvNumber, inexactInteger, missingCells } from './csv-cells.ts'
import { readRows } from './csv-table.ts'

export interface CsvTable {
  readonly rows: number
  /** In the order of the file; names are unique. */
  readonly columns: readonly CsvColumn[]
}

export type CsvColumn =
  | { readonly name: string; readonly kind: 'number'; readonly values: Float64Array }
  | { readonly name: string; readonly kind: 'text'; readonly values: readonly string[] }

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
  const cells: string[][] = []
  let rows = 0
  const names = readRows(bytes, (row) => {
    for (let j = 0; j < row.length; j++) {
      if (rows === 0) cells.push([])
      cells[j]!.push(row[j]!)
    }
    rows++
  })
  const columns = names.map((name, j) =>
    options.numbers?.has(name) === false
      ? textOf(name, cells[j] ?? [])
      : columnOf(name, j, cells[j] ?? []),
  )
  return { rows, columns }
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
    const error = inexactInteger(cells[row]!, values[row]!, row, column)
    if (error !== undefined) throw error
  }
  return { name, kind: 'number', values }
}

function textOf(name: string, cells: readonly string[]): CsvColumn {
  return { name, kind: 'text', values: cells.map((text) => (missingCells.has(text) ? '' : text)) }
}
