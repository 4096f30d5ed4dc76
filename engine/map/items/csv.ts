import { type Json, setProperty } from '../../data.ts'
import { checkLength, ItemReaderFault } from './text.ts'

/** The characters of `CSVDelimiter`. */
export const delimiters = {
  COMMA: ',',
  PIPE: '|',
  SEMICOLON: ';',
  SPACE: ' ',
  TAB: '\t',
} as const

export type Delimiter = keyof typeof delimiters

/** Bytes that a header may have. */
const longestHeader = 10 * 1024

/**
 * The rows of a delimited text, each an object of strings by the names of the header. A row that is
 * too short has empty strings for what is missing, what a row has beyond the header is left out, and
 * of columns with one name the last one counts, as the service does.
 *
 * @param given the header, when the text has none
 */
export async function* csvItems(
  text: AsyncIterable<string>,
  options: { delimiter: Delimiter; given?: readonly string[] },
): AsyncGenerator<Json, void> {
  const parser = new CsvParser(delimiters[options.delimiter])
  let header = options.given
  for await (const chunk of both(text, parser)) {
    for (const row of chunk) {
      if (header === undefined) header = checkedHeader(row)
      else yield itemOf(header, row)
    }
  }
}

/** The rows of a delimited text that has no header, as they are. */
export async function* csvRows(text: AsyncIterable<string>): AsyncGenerator<string[], void> {
  for await (const rows of both(text, new CsvParser(','))) yield* rows
}

async function* both(text: AsyncIterable<string>, parser: CsvParser): AsyncGenerator<string[][]> {
  for await (const chunk of text) yield parser.push(chunk)
  yield parser.end()
}

function checkedHeader(row: string[]): string[] {
  if (Buffer.byteLength(row.join()) > longestHeader) {
    throw new ItemReaderFault(`The header of the CSV has more than ${longestHeader} bytes.`)
  }
  return row
}

function itemOf(header: readonly string[], row: readonly string[]): Json {
  const item: Record<string, Json> = {}
  header.forEach((name, i) => {
    setProperty(item, name, row[i] ?? '')
  })
  return item
}

/**
 * Cuts delimited text into rows, by the rules of the service: fields in double quotes may hold
 * delimiters and line ends, and double quotes twice; a backslash escapes a backslash, a double quote
 * and the delimiter, and is dropped before anything else. Empty lines are no rows.
 */
class CsvParser {
  readonly #delimiter: string
  /** The characters that have a meaning of their own. */
  readonly #special: RegExp
  #row: string[] = []
  #field = ''
  #length = 0
  #place: 'start' | 'plain' | 'quoted' | 'quote' = 'start'
  #escaped = false

  constructor(delimiter: string) {
    this.#delimiter = delimiter
    this.#special = new RegExp(`[\\\\"\\r\\n${delimiter}]`, 'g')
  }

  /** The rows that end within `text`. */
  push(text: string): string[][] {
    const rows: string[][] = []
    for (let at = 0; at < text.length;) {
      this.#special.lastIndex = at
      const next = this.#escaped ? at : (this.#special.exec(text)?.index ?? text.length)
      if (next > at) this.#append(text.slice(at, next))
      if (next < text.length && this.#take(text[next]!)) rows.push(this.#endRow())
      at = next + 1
    }
    return rows.filter((row) => row.length > 1 || row[0] !== '')
  }

  /** The last row, when no line end follows it. */
  end(): string[][] {
    if (this.#place === 'quoted') {
      throw new ItemReaderFault('The CSV ends within a field in double quotes.')
    }
    if (this.#place === 'start' && this.#row.length === 0) return []
    return [this.#endRow()].filter((row) => row.length > 1 || row[0] !== '')
  }

  /** Adds to the field; what follows a closing quote belongs to it, too. */
  #append(text: string): void {
    this.#field += text
    this.#length += text.length
    checkLength(this.#length)
    if (this.#place !== 'quoted') this.#place = 'plain'
  }

  /** Answers whether the character, one with a meaning of its own, ends the row. */
  #take(character: string): boolean {
    if (this.#escaped) {
      this.#escaped = false
      this.#append(character)
    } else if (character === '\\') {
      this.#escaped = true
    } else if (this.#place === 'quoted') {
      if (character === '"') this.#place = 'quote'
      else this.#append(character)
    } else if (character === '"' && this.#place !== 'plain') {
      if (this.#place === 'quote') this.#append(character)
      this.#place = 'quoted'
    } else if (character === this.#delimiter) {
      this.#row.push(this.#field)
      this.#field = ''
      this.#place = 'start'
    } else if (character === '\n' || character === '\r') {
      // Of CRLF the second one ends an empty row, which is none.
      return true
    } else {
      this.#append(character)
    }
    return false
  }

  #endRow(): string[] {
    const row = [...this.#row, this.#field]
    this.#row = []
    this.#field = ''
    this.#length = 0
    this.#place = 'start'
    return row
  }
}
