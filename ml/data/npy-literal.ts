import { DataError, quoted } from './errors.ts'

/** The three values of a `.npy` header as they stand there; `shape` is checked, `descr` is not. */
export interface HeaderLiteral {
  readonly descr: string
  /** Byte offset of `descr` in the file. */
  readonly descrOffset: number
  readonly fortranOrder: boolean
  readonly shape: readonly number[]
}

/** NumPy 2 has arrays of at most 64 axes. */
const maxAxes = 64

/**
 * Reads the Python dict literal of a `.npy` header: exactly the keys `descr`, `fortran_order` and
 * `shape`, each once, in any order, with a trailing comma and blanks around as NumPy writes them.
 * It knows strings without escapes, `True`, `False` and tuples of plain decimal integers, and
 * evaluates nothing.
 *
 * @param text the header, one character a byte
 * @param base byte offset of the header in the file
 * @param longSuffix whether integers may end in `L`, as NumPy under Python 2 wrote them
 * @throws DataError NpyInvalid, or NpyUnsupported when `descr` is a structured or a subarray type
 */
export function parseHeaderLiteral(text: string, base: number, longSuffix: boolean): HeaderLiteral {
  const reader = new LiteralReader(text, base)
  let descr: { text: string; offset: number } | undefined
  let fortranOrder: boolean | undefined
  let shape: number[] | undefined

  reader.expect('{')
  while (!reader.accept('}')) {
    const keyAt = reader.offset
    const key = reader.string('a key')
    reader.expect(':')
    if (key === 'descr' && descr === undefined) {
      descr = descrValue(reader)
    } else if (key === 'fortran_order' && fortranOrder === undefined) {
      fortranOrder = booleanValue(reader)
    } else if (key === 'shape' && shape === undefined) {
      shape = shapeValue(reader, longSuffix)
    } else {
      throw new DataError(
        'NpyInvalid',
        `The header has a key that is unknown or given twice, ${quoted(key)}, at byte ${keyAt}; ` +
          `it holds 'descr', 'fortran_order' and 'shape', each once.`,
        { offset: keyAt, found: key },
      )
    }
    if (!reader.accept(',')) {
      reader.expect('}')
      break
    }
  }
  reader.end()

  if (descr === undefined || fortranOrder === undefined || shape === undefined) {
    const missing =
      descr === undefined ? 'descr' : fortranOrder === undefined ? 'fortran_order' : 'shape'
    throw new DataError('NpyInvalid', `The header at byte ${base} lacks the key '${missing}'.`, {
      offset: base,
      found: text.trimEnd().slice(0, 200),
    })
  }
  return { descr: descr.text, descrOffset: descr.offset, fortranOrder, shape }
}

function descrValue(reader: LiteralReader): { text: string; offset: number } {
  const offset = reader.offset
  const opening = reader.peek()
  if (opening === '[' || opening === '(') {
    throw new DataError(
      'NpyUnsupported',
      `The values are of a ${opening === '[' ? 'structured' : 'subarray'} type, ` +
        `${quoted(reader.rest())} at byte ${offset}; save plain numbers instead.`,
      { offset, found: reader.rest().slice(0, 40) },
    )
  }
  return { text: reader.string('a type'), offset }
}

function booleanValue(reader: LiteralReader): boolean {
  const word = reader.match(/True|False/y)
  if (word === undefined) throw reader.unexpected('True or False')
  return word === 'True'
}

function shapeValue(reader: LiteralReader, longSuffix: boolean): number[] {
  const shape: number[] = []
  reader.expect('(', 'a tuple of dimensions')
  while (!reader.accept(')')) {
    const offset = reader.offset
    const digits = reader.match(/(?:0|[1-9][0-9]*)(?![0-9])/y)
    if (digits === undefined) throw reader.unexpected('a dimension, a plain integer from 0')
    if (longSuffix) reader.match(/L/y)
    const length = Number(digits)
    if (!Number.isSafeInteger(length)) {
      throw new DataError(
        'NpyInvalid',
        `The dimension ${quoted(digits)} at byte ${offset} is beyond 2^53.`,
        { offset, found: digits.slice(0, 40) },
      )
    }
    if (shape.push(length) > maxAxes) {
      throw new DataError('NpyInvalid', `The shape at byte ${offset} has over ${maxAxes} axes.`, {
        offset,
      })
    }
    if (!reader.accept(',')) {
      if (shape.length === 1) throw reader.unexpected("',' after the only dimension")
      reader.expect(')')
      break
    }
  }
  return shape
}

/** A cursor over the header; every method first skips blanks. */
class LiteralReader {
  readonly #text: string
  readonly #base: number
  #at = 0

  constructor(text: string, base: number) {
    this.#text = text
    this.#base = base
  }

  get offset(): number {
    this.#skipBlanks()
    return this.#base + this.#at
  }

  peek(): string | undefined {
    this.#skipBlanks()
    return this.#text[this.#at]
  }

  rest(): string {
    return this.#text.slice(this.#at).trimEnd()
  }

  match(sticky: RegExp): string | undefined {
    this.#skipBlanks()
    sticky.lastIndex = this.#at
    const found = sticky.exec(this.#text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }

  accept(character: string): boolean {
    if (this.peek() !== character) return false
    this.#at++
    return true
  }

  expect(character: string, what = `'${character}'`): void {
    if (!this.accept(character)) throw this.unexpected(what)
  }

  string(what: string): string {
    const literal = this.match(/'[^'\\\n]*'|"[^"\\\n]*"/y)
    if (literal === undefined) throw this.unexpected(`${what}, a plain string`)
    return literal.slice(1, -1)
  }

  end(): void {
    if (this.peek() !== undefined) throw this.unexpected('only blanks after the header')
  }

  unexpected(what: string): DataError {
    const offset = this.offset
    const found = this.rest().slice(0, 40)
    return new DataError(
      'NpyInvalid',
      `The header is not one that NumPy writes: expected ${what} at byte ${offset}, ` +
        `found ${found === '' ? 'its end' : quoted(found)}.`,
      { offset, found },
    )
  }

  #skipBlanks(): void {
    while (blanks.includes(this.#text.charCodeAt(this.#at))) this.#at++
  }
}

/** Tab, line feed, form feed, carriage return, space. */
const blanks = [0x09, 0x0a, 0x0c, 0x0d, 0x20]
