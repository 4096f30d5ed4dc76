import { setImmediate } from 'node:timers/promises'
import { isMillraceError, MillraceError } from '../platform/ports/index.ts'
import { maxAppendedRows, rowsInvalid, type RowFault } from '../tasks/dataset-rows.ts'
import { maxJsonNesting, repeatedName, surveyed } from './json-names.ts'
import { maxFaults, parseJson, requestInvalid } from './requests.ts'

/** Lines that are read before others get their turn. */
const linesAtOnce = 1000

/** Characters of a name in a refusal. */
const maxName = 100

/**
 * The rows of a body: a JSON array of them, or a line of JSON for each. What is in them is not looked
 * at, but for what reading JSON loses: a name that stands twice, an integer that is no double.
 *
 * Throws MediaTypeUnsupported, RequestInvalid, RowsInvalid.
 */
export async function rowsOf(contentType: string | undefined, text: string): Promise<unknown[]> {
  const isLines = /^application\/x-ndjson\s*(;|$)/i.test(contentType ?? '')
  return isLines ? rowsOfLines(text) : rowsOfArray(contentType, text)
}

function rowsOfArray(contentType: string | undefined, text: string): unknown[] {
  const rows = parsedArray(contentType, text)
  const { root, integers } = inexactIntegers(text)
  const faults = integers.flatMap(({ holder, ...integer }) => {
    const index = (root as readonly unknown[]).indexOf(holder)
    return index === -1 ? [] : [inexact(`rows.${index}`, integer)]
  })
  if (faults.length > 0) throw rowsInvalid(faults)
  return rows
}

function parsedArray(contentType: string | undefined, text: string): unknown[] {
  let rows: unknown
  try {
    rows = parseJson(contentType, text)
  } catch (error) {
    if (!isMillraceError(error, 'MediaTypeUnsupported')) throw error
    const message = `${error.message}; rows may also be lines of content-type: application/x-ndjson`
    throw new MillraceError('MediaTypeUnsupported', message)
  }
  if (Array.isArray(rows)) return rows as unknown[]
  throw requestInvalid([{ field: 'body', message: 'send an array of rows' }])
}

async function rowsOfLines(text: string): Promise<unknown[]> {
  const rows: unknown[] = []
  const faults: RowFault[] = []
  for (let start = 0; start < text.length && rows.length <= maxAppendedRows;) {
    const newline = text.indexOf('\n', start)
    const end = newline === -1 ? text.length : newline
    const line = text.slice(start, end).trim()
    start = end + 1
    if (line === '') continue
    if (rows.length % linesAtOnce === linesAtOnce - 1) await setImmediate()
    const { row, fault } = rowOfLine(line, `rows.${rows.length}`)
    rows.push(row)
    if (fault !== undefined && faults.push(fault) === maxFaults) break
  }
  if (faults.length > 0) throw rowsInvalid(faults)
  return rows
}

function rowOfLine(line: string, field: string): { row?: unknown; fault?: RowFault } {
  const survey = surveyed(line)
  if (survey.isTooDeep) {
    return { fault: { field, message: `nests more than ${maxJsonNesting} arrays and objects` } }
  }
  try {
    const row: unknown = JSON.parse(line)
    const repeated = repeatedName(line, row, survey)
    if (repeated !== undefined) {
      const message = 'this name stands twice in one row'
      return { fault: { field: `${field}.${repeated.slice(0, maxName)}`, message } }
    }
    const [integer] = inexactIntegers(line).integers
    return integer === undefined ? { row } : { fault: inexact(field, integer) }
  } catch (error) {
    return { fault: { field, message: `the line is not JSON: ${(error as Error).message}` } }
  }
}

interface InexactInteger {
  /** The object or array that it is in. */
  readonly holder: object
  readonly key: string
  readonly source: string
}

/** A run of digits that may be an integer beyond 2^53, and is no fraction. */
const longInteger = /(?<![.\d])\d{16,}(?![\d.eE])/

/** Integers whose last digits are not those that were written, of a text that is JSON. */
function inexactIntegers(text: string): { root: unknown; integers: InexactInteger[] } {
  const integers: InexactInteger[] = []
  if (!longInteger.test(text)) return { root: undefined, integers }
  const look = function (
    this: object,
    key: string,
    value: unknown,
    { source }: { source?: string } = {},
  ): unknown {
    if (source === undefined || integers.length === maxFaults || typeof value !== 'number') {
      return value
    }
    // A row of thousands of digits is as large as no double is: it is refused as that.
    if (!/^-?\d{16,400}$/.test(source) || !Number.isFinite(value)) return value
    if (BigInt(source) !== BigInt(value)) integers.push({ holder: this, key, source })
    return value
  }
  const root: unknown = JSON.parse(text, look)
  return { root, integers }
}

function inexact(row: string, { key, source }: Omit<InexactInteger, 'holder'>): RowFault {
  const message = `the integer ${source.slice(0, 40)} is beyond 2^53: scale it, or make its column text`
  return { field: `${row}.${key.slice(0, maxName)}`, message }
}
