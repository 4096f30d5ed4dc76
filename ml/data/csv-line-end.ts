/** How the records of a table end. */
export type CsvLineEnd = '\n' | '\r\n' | '\r'

/** How the records of a table that `parseCsv` reads end: as its first one does. */
export function csvLineEnd(bytes: Uint8Array): CsvLineEnd {
  const first = new FirstLineEnd()
  first.push(bytes)
  return first.found
}

/** The same while the bytes come. */
export class FirstLineEnd {
  #isQuoted = false
  #hasReturn = false
  #found: CsvLineEnd | undefined

  push(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length && this.#found === undefined; i++) {
      const byte = bytes[i]
      if (this.#hasReturn) this.#found = byte === 0x0a ? '\r\n' : '\r'
      else if (byte === 0x22) this.#isQuoted = !this.#isQuoted
      else if (this.#isQuoted) continue
      else if (byte === 0x0a) this.#found = '\n'
      else if (byte === 0x0d) this.#hasReturn = true
    }
  }

  /** Of the bytes that came. */
  get found(): CsvLineEnd {
    return this.#found ?? (this.#hasReturn ? '\r' : '\n')
  }
}
