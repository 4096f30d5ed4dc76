import { DataError, quoted } from './errors.ts'

/** Cells that stand for a missing value: NaN in a column of numbers, '' in a column of text. */
export const missingCells: ReadonlySet<string> = new Set(['', 'NA', 'NaN', 'nan', 'null'])

const decimal = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/
const infinite = /^[+-]?inf(?:inity)?$/i

/** A cell as a number: NaN for a missing one, undefined for text. */
export function csvNumber(cell: string): number | undefined {
  if (decimal.test(cell)) return Number(cell)
  if (missingCells.has(cell)) return NaN
  if (infinite.test(cell)) return cell.startsWith('-') ? -Infinity : Infinity
  return undefined
}

/**
 * What is wrong with an integer that a double cannot hold; undefined where there is nothing. Fractions
 * are rounded as decimal text always is; integers are names as often as they are sizes.
 *
 * @param value the cell as a number
 */
export function inexactInteger(
  cell: string,
  value: number,
  row: number,
  column: number,
): DataError | undefined {
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return undefined
  if (!/^[+-]?[0-9]{1,400}$/.test(cell)) return undefined
  if (Number.isFinite(value) && BigInt(cell.replace('+', '')) === BigInt(value)) return undefined
  return new DataError(
    'IntegerInexact',
    `The integer ${quoted(cell)} in row ${row + 1}, column ${column + 1} is beyond 2^53 and a ` +
      'double cannot hold it exactly; scale it, or leave it out if it is an identifier.',
    { row, column, found: cell },
  )
}
