import { quoted } from './errors.ts'

/** What a safetensors header is made of. Objects are Maps: no key is lost, repeated or special. */
export type HeaderJson = string | number | readonly HeaderJson[] | ReadonlyMap<string, HeaderJson>

/** `position` counts UTF-16 code units of the text. */
export class HeaderJsonError extends Error {
  override readonly name = 'HeaderJsonError'
  readonly position: number
  readonly found: string

  constructor(message: string, position: number, found: string) {
    super(message)
    this.position = position
    this.found = found
  }
}

/** Nesting of the deepest value in a header: a number in a tensor's shape. */
const maxDepth = 3

/**
 * Reads the JSON that safetensors headers use: objects, arrays, strings and integers from 0. Refuses
 * what `JSON.parse` lets pass: a key given twice, an integer beyond 2^53, half a surrogate pair,
 * deep nesting. Linear in the length of the text.
 *
 * @throws HeaderJsonError
 */
export function parseHeaderJson(text: string): HeaderJson {
  const reader = new JsonReader(text)
  const value = reader.value(0)
  reader.end()
  return value
}

class JsonReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(depth: number): HeaderJson {
    this.#skipBlanks()
    if (depth > maxDepth) throw this.#error(`a value nested over ${maxDepth} deep`)
    const next = this.#text[this.#at]
    if (next === '{') return this.#object(depth)
    if (next === '[') return this.#array(depth)
    if (next === '"') return this.#string()
    return this.#integer()
  }

  end(): void {
    this.#skipBlanks()
    if (this.#at < this.#text.length) throw this.#unexpected('the end')
  }

  #object(depth: number): ReadonlyMap<string, HeaderJson> {
    const entries = new Map<string, HeaderJson>()
    this.#at++
    if (this.#accept('}')) return entries
    do {
      this.#skipBlanks()
      const keyAt = this.#at
      const key = this.#string()
      if (entries.has(key)) {
        throw new HeaderJsonError(`the key ${quoted(key)} is given twice`, keyAt, key)
      }
      if (!this.#accept(':')) throw this.#unexpected("':'")
      entries.set(key, this.value(depth + 1))
    } while (this.#accept(','))
    if (!this.#accept('}')) throw this.#unexpected("',' or '}'")
    return entries
  }

  #array(depth: number): readonly HeaderJson[] {
    const items: HeaderJson[] = []
    this.#at++
    if (this.#accept(']')) return items
    do items.push(this.value(depth + 1))
    while (this.#accept(','))
    if (!this.#accept(']')) throw this.#unexpected("',' or ']'")
    return items
  }

  #string(): string {
    if (this.#text[this.#at] !== '"') throw this.#unexpected('a string')
    let end = this.#at + 1
    while (end < this.#text.length && this.#text[end] !== '"')
      end += this.#text[end] === '\\' ? 2 : 1
    let value: string
    try {
      value = JSON.parse(this.#text.slice(this.#at, end + 1)) as string
    } catch {
      throw this.#error('a string that is not closed or has a bad character')
    }
    if (!value.isWellFormed()) throw this.#error('a string with half a surrogate pair')
    this.#at = end + 1
    return value
  }

  #integer(): number {
    const digits = /(?:0|[1-9][0-9]{0,15})(?![0-9.eE])/y
    digits.lastIndex = this.#at
    const found = digits.exec(this.#text)?.[0]
    if (found === undefined || !Number.isSafeInteger(Number(found))) {
      throw this.#unexpected('an integer from 0 to 2^53, a string, an array or an object')
    }
    this.#at += found.length
    return Number(found)
  }

  #accept(character: string): boolean {
    this.#skipBlanks()
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #skipBlanks(): void {
    while (' \t\r\n'.includes(this.#text.charAt(this.#at) || '!')) this.#at++
  }

  #unexpected(expected: string): HeaderJsonError {
    const found = this.#text.slice(this.#at, this.#at + 40)
    const what = found === '' ? 'its end' : quoted(found)
    return new HeaderJsonError(`expected ${expected}, found ${what}`, this.#at, found)
  }

  #error(what: string): HeaderJsonError {
    return new HeaderJsonError(`found ${what}`, this.#at, this.#text.slice(this.#at, this.#at + 40))
  }
}
