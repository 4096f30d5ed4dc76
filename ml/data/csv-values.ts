import { csvNumber, inexactInteger, missingCells } from './csv-cells.ts'
import type { DataError } from './errors.ts'

/** Of a column: its texts, or null where it is of numbers. */
export type Labels = readonly string[] | null

/**
 * Doubles that are allocated at a time, at most: 32 MB, of which the pages that were never written take
 * no memory, are given back to the system at once; what is smaller may be kept by the allocator.
 */
const maxChunkValues = 2 ** 22

/**
 * A table's cells as numbers, in memory that grows with its rows: text is numbered as it comes.
 *
 * That a column is text may show late. Of a cell that looked like a number before, its text is gone: such
 * rows, up to `rowsToRepeat`, are to be given once more.
 */
export class CsvValues {
  readonly #chunks: Float64Array<ArrayBuffer>[] = []
  readonly #columns: Column[]
  readonly #width: number
  readonly #rowsOfChunk: number
  /** The chunk that is filled, and how far. */
  #chunk = new Float64Array(0)
  #at = 0

  /** @param most how many values there can be */
  constructor(width: number, most: number) {
    this.#width = width
    this.#columns = Array.from({ length: width }, () => new Column())
    this.#rowsOfChunk = Math.max(1, Math.floor(Math.min(most, maxChunkValues) / width))
  }

  /** Takes the next row: its cells. */
  add(cells: readonly string[], row: number): void {
    if (this.#at === this.#chunk.length) {
      this.#chunk = new Float64Array(this.#rowsOfChunk * this.#width)
      this.#chunks.push(this.#chunk)
      this.#at = 0
    }
    const [chunk, at] = [this.#chunk, this.#at]
    for (let j = 0; j < this.#width; j++) chunk[at + j] = this.#columns[j]!.value(cells[j]!, row, j)
    this.#at = at + this.#width
  }

  get rowsToRepeat(): number {
    return this.#columns.reduce((most, { textFrom }) => Math.max(most, textFrom), 0)
  }

  /** Takes a row once more. */
  repeat(cells: readonly string[], row: number): void {
    const chunk = this.#chunks[Math.floor(row / this.#rowsOfChunk)]!
    const at = (row % this.#rowsOfChunk) * this.#width
    this.#columns.forEach((column, j) => {
      if (row < column.textFrom) chunk[at + j] = column.code(cells[j]!)
    })
  }

  /** Of the first column of numbers with one: an integer that a double cannot hold. */
  get error(): DataError | undefined {
    return this.#columns.find(({ labels, error }) => labels === null && error !== undefined)?.error
  }

  /** For each column its distinct texts, sorted by UTF-16 code units; null for one of numbers. */
  labels(): Labels[] {
    return this.#columns.map(({ labels }) => (labels === null ? null : [...labels.keys()].sort()))
  }

  /**
   * Gives all rows in their order, some at a time, whose memory is free afterwards: nothing is left.
   *
   * @param labels as they were answered: their indexes are the values of text
   * @param take gets the row-major values of rows from `first` on
   */
  drain(
    labels: readonly Labels[],
    rows: number,
    take: (values: Float64Array, first: number) => void,
  ): void {
    const indexes = labels.map((texts, j) => this.#columns[j]!.indexes(texts))
    for (let first = 0; first < rows; first += this.#rowsOfChunk) {
      const values = this.#chunks.shift()!
      const count = Math.min(this.#rowsOfChunk, rows - first)
      indexes.forEach((indexOf, j) => {
        if (indexOf === null) return
        for (let at = j; at < count * this.#width; at += this.#width) {
          values[at] = indexOf[values[at]!] ?? NaN
        }
      })
      take(values.subarray(0, count * this.#width), first)
      // The garbage collector would leave many for long.
      values.buffer.transfer(0)
    }
  }
}

/** A column on its way: of numbers until a cell is text. */
class Column {
  /** Texts, in the order in which they were met, numbered from 0; null for a column of numbers. */
  labels: Map<string, number> | null = null
  /** Of text, the first row that is numbered if a number stands before it, else 0. */
  textFrom = 0
  error: DataError | undefined
  #hasNumbers = false

  value(cell: string, row: number, column: number): number {
    if (this.labels !== null) return this.code(cell)
    const value = csvNumber(cell)
    if (value === undefined) {
      this.labels = new Map()
      if (this.#hasNumbers) this.textFrom = row
      return this.code(cell)
    }
    if (value === value) {
      this.#hasNumbers = true
      if (Math.abs(value) > Number.MAX_SAFE_INTEGER) {
        this.error ??= inexactInteger(cell, value, row, column)
      }
    }
    return value
  }

  /** The number of a text; NaN for a missing one. */
  code(cell: string): number {
    const known = this.labels!.get(cell)
    if (known !== undefined) return known
    if (missingCells.has(cell)) return NaN
    const code = this.labels!.size
    this.labels!.set(cell, code)
    return code
  }

  /** For the number of each text its index among the sorted labels; null for a column of numbers. */
  indexes(labels: Labels): Float64Array | null {
    if (labels === null) return null
    const indexes = new Float64Array(labels.length)
    labels.forEach((label, index) => {
      indexes[this.labels!.get(label)!] = index
    })
    return indexes
  }
}
