import type { CsvLineEnd } from './csv-line-end.ts'

/**
 * Finds where the records of a table end while its bytes come, so that it can be cut between them: line
 * ends within quotes are none. What `parseCsv` leaves out, as empty lines, is no record of its own.
 *
 * The table is one that `parseCsv` takes: quotes stand around whole cells alone.
 */
export class CsvRecords {
  readonly #last: number
  readonly #before: number | undefined
  #offset: number
  #isQuoted = false
  #quotes = 0
  #hasContent = false
  #previous = 0

  /** @param offset where in the table the first byte stands that will come */
  constructor(lineEnd: CsvLineEnd, offset = 0) {
    this.#last = lineEnd.charCodeAt(lineEnd.length - 1)
    this.#before = lineEnd.length === 2 ? lineEnd.charCodeAt(0) : undefined
    this.#offset = offset
  }

  /** Calls `onEnd` with the offset behind each record that ends in these bytes, its line end included. */
  push(bytes: Uint8Array, onEnd: (end: number) => void): void {
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!
      if (byte === quote) {
        this.#isQuoted = !this.#isQuoted
        // One pair alone is an empty cell.
        if (++this.#quotes > 2) this.#hasContent = true
      } else if (this.#isQuoted) {
        this.#hasContent = true
      } else if (byte === this.#last && this.#isLineEnd()) {
        if (this.#hasContent) onEnd(this.#offset + i + 1)
        this.#quotes = 0
        this.#hasContent = false
      } else if (!isBlank(byte)) {
        this.#hasContent = true
      }
      this.#previous = byte
    }
    this.#offset += bytes.length
  }

  /** The bytes have ended: calls `onEnd` for a last record without a line end. */
  end(onEnd: (end: number) => void): void {
    if (this.#hasContent) onEnd(this.#offset)
    this.#hasContent = false
  }

  #isLineEnd(): boolean {
    return this.#before === undefined || this.#previous === this.#before
  }
}

const quote = 0x22

function isBlank(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
}
