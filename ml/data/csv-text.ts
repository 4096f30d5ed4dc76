import { isUtf8 } from 'node:buffer'
import { DataError } from './errors.ts'

export const csvLimits = {
  columns: 10_000,
  /** Bytes a line, and a record, which may span lines within quotes. */
  recordBytes: 1_048_576,
} as const

/**
 * Checks the bytes of a table while they come: that they are UTF-8 without NUL, in lines that are not
 * too long. Whatever the blocks, what is told is what is wrong with the whole: a NUL byte before text
 * that is not UTF-8, that before a line that is too long.
 */
export class CsvText {
  /** Bytes that came. */
  #size = 0
  /** The last character's bytes where the rest of them has yet to come. */
  #unfinished: Uint8Array = new Uint8Array(0)
  #lineStart = 0
  #invalid: DataError | undefined
  #overlong: DataError | undefined

  /**
   * @returns whether nothing is wrong so far
   * @throws DataError CsvInvalid for a NUL byte
   */
  push(bytes: Uint8Array): boolean {
    const nul = bytes.indexOf(0)
    if (nul >= 0) throw nulByte(this.#size + nul)
    if (this.#invalid === undefined) this.#checkCharacters(bytes)
    if (this.#invalid === undefined && this.#overlong === undefined) this.#checkLines(bytes)
    this.#size += bytes.length
    return this.#invalid === undefined && !this.#isOverlong()
  }

  /** The bytes have ended. @throws DataError CsvInvalid */
  end(): void {
    const { length } = this.#unfinished
    if (length > 0) this.#invalid ??= invalidCharacter(this.#unfinished, this.#size - length)
    if (this.#invalid === undefined && this.#isOverlong()) this.#endLine(this.#size)
    const error = this.#invalid ?? this.#overlong
    if (error !== undefined) throw error
  }

  #checkCharacters(bytes: Uint8Array): void {
    const before = this.#unfinished
    const text = before.length === 0 ? bytes : Buffer.concat([before, bytes])
    const whole = text.length - unfinishedBytes(text)
    if (!isUtf8(text.subarray(0, whole))) {
      this.#invalid = invalidCharacter(text, this.#size - before.length)
    }
    this.#unfinished = new Uint8Array(text.subarray(whole))
  }

  /** csv-parse bounds what a record's cells hold, not how many empty ones there are. */
  #checkLines(bytes: Uint8Array): void {
    const first = this.#size
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] === 0x0a || bytes[i] === 0x0d) this.#endLine(first + i)
    }
  }

  #endLine(end: number): void {
    const [start, length] = [this.#lineStart, end - this.#lineStart]
    this.#lineStart = end + 1
    if (length <= csvLimits.recordBytes) return
    this.#overlong ??= new DataError(
      'CsvInvalid',
      `The line at byte ${start} has ${length} bytes; at most ${csvLimits.recordBytes} are read.`,
      { offset: start, found: `${length} bytes` },
    )
  }

  #isOverlong(): boolean {
    return this.#overlong !== undefined || this.#size - this.#lineStart > csvLimits.recordBytes
  }
}

function nulByte(offset: number): DataError {
  return new DataError(
    'CsvInvalid',
    `There is a NUL byte at byte ${offset}; save the table as UTF-8 text.`,
    { offset, found: 'NUL' },
  )
}

/** How many bytes at the end are the beginning of a character. */
function unfinishedBytes(text: Uint8Array): number {
  for (let count = 1; count <= Math.min(3, text.length); count++) {
    const byte = text[text.length - count]!
    if ((byte & 0xc0) === 0x80) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > count ? count : 0
  }
  return 0
}

/** @param first where in the table the bytes begin, at a character */
function invalidCharacter(bytes: Uint8Array, first: number): DataError {
  const at = firstInvalidUtf8(bytes)
  const offset = first + at
  const found = `0x${(bytes[at] ?? 0).toString(16).padStart(2, '0')}`
  return new DataError(
    'CsvInvalid',
    `The bytes from byte ${offset} (${found}) on are not UTF-8; save the table as UTF-8 text.`,
    { offset, found },
  )
}

/** Bisects for the longest prefix that may go on as UTF-8, and leaves its unfinished character. */
function firstInvalidUtf8(bytes: Uint8Array): number {
  let [valid, invalid] = [0, bytes.length + 1]
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >>> 1
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, middle), { stream: true })
      valid = middle
    } catch {
      invalid = middle
    }
  }
  while (!isUtf8(bytes.subarray(0, valid))) valid--
  return valid
}
