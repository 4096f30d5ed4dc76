import type { Cell } from '../tasks/model-artifact.ts'
import { maxInstances } from './prediction-shapes.ts'
import { requestInvalid } from './requests.ts'

/** A cell with what ends it: quoted, with quotes doubled, or up to the next comma or line. */
const cell = /(?:"((?:[^"]|""){0,256})"|([^",\r\n]*))(,|\r?\n|$)/y

/**
 * Rows of a CSV without a header: numbers as such, an empty cell as a missing value, all else as text.
 * What is quoted is text, of at most 256 characters. Empty lines at the end are none.
 *
 * Throws RequestInvalid for what is no CSV, for none and for too many rows.
 */
export function csvRows(text: string): Cell[][] {
  const rows: Cell[][] = []
  const length = text.trimEnd().length
  let row: Cell[] = []
  cell.lastIndex = 0
  while (cell.lastIndex < length) {
    const at = cell.lastIndex
    const [, quoted, plain = '', end] = cell.exec(text) ?? []
    if (end === undefined) throw refused(rows.length, `no CSV at character ${at}`)
    row.push(quoted === undefined ? valueOf(plain) : quoted.replaceAll('""', '"'))
    if (end === ',') {
      // A line that ends in a comma has one more cell, which is empty.
      if (cell.lastIndex >= length) row.push(null)
      else continue
    }
    rows.push(row)
    row = []
    if (rows.length > maxInstances) throw refused(rows.length - 1, `at most ${maxInstances} rows`)
  }
  if (rows.length === 0) throw refused(0, 'no rows')
  return rows
}

function valueOf(text: string): Cell {
  const trimmed = text.trim()
  if (trimmed === '') return null
  const isNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)
  return isNumber ? Number(trimmed) : trimmed
}

function refused(row: number, message: string) {
  return requestInvalid([{ field: `instances.${row}`, message }])
}
