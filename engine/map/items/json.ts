import type { Json } from '../../data.ts'
import { checkLength, ItemReaderFault, linesOf } from './text.ts'

/** One element of an array, or one member of an object, which has a key. */
export interface JsonItem {
  readonly value: Json
  readonly key?: string
}

/** The values of JSON Lines. */
export async function* jsonLines(text: AsyncIterable<string>): AsyncGenerator<JsonItem, void> {
  let number = 0
  for await (const line of linesOf(text)) {
    number++
    yield { value: parsed(line, `line ${number} of the JSON Lines file`) }
  }
}

/**
 * The elements of an array (or the members of an object) in a JSON text, one at a time: only one of
 * them is in memory.
 *
 * @param pointer JSON Pointer (RFC 6901) of the array or object; '' is the whole text
 */
export async function* jsonItems(
  text: AsyncIterable<string>,
  pointer: string,
): AsyncGenerator<JsonItem, void> {
  const scanner = new ItemScanner(readPointer(pointer), pointer)
  for await (const chunk of text) {
    yield* scanner.push(chunk)
    if (scanner.isDone) return
  }
  scanner.end()
}

/** Throws SyntaxError for a text that is not a JSON Pointer. */
export function readPointer(pointer: string): string[] {
  if (pointer === '') return []
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) {
    throw new SyntaxError(`'${pointer}' is not a JSON Pointer`)
  }
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function parsed(text: string, what: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch (error) {
    const message = error instanceof RangeError ? 'it is nested too deeply' : String(error)
    throw new ItemReaderFault(`Could not parse ${what} as JSON: ${message.slice(0, 300)}`)
  }
}

/** What the scanner expects next in the container it is in. */
type Expected = 'value' | 'first' | 'element' | 'key' | 'colon' | 'separator'

/**
 * Follows the pointer into the text, skipping everything beside the way, then cuts out the items.
 * Containers beside the way and items are scanned for their end only; items are parsed one by one.
 */
class ItemScanner {
  readonly #tokens: readonly string[]
  readonly #pointer: string
  #buffer = ''
  #at = 0
  /** How many tokens of the pointer have been followed. */
  #followed = 0
  #expected: Expected = 'value'
  #container: '[' | '{' | undefined
  #index = 0
  #key: string | undefined
  #value: ValueEnd | undefined
  /** What has been read of the value. */
  #parts: string[] = []
  #length = 0
  #isEmpty = true
  isDone = false

  constructor(tokens: readonly string[], pointer: string) {
    this.#tokens = tokens
    this.#pointer = pointer
  }

  *push(chunk: string): Generator<JsonItem, void> {
    this.#buffer = chunk
    this.#at = 0
    while (!this.isDone) {
      const item = this.#step()
      if (item === 'more') return
      if (item !== undefined) yield item
    }
  }

  /** Throws ItemReaderFault: the text is over before its items are. */
  end(): void {
    throw new ItemReaderFault(
      this.#isEmpty ? 'The JSON file is empty.' : 'The JSON file ends within a value.',
    )
  }

  get #isAtItems(): boolean {
    return this.#followed === this.#tokens.length
  }

  /** One token or value; 'more' when the buffer ends before it does. */
  #step(): JsonItem | 'more' | undefined {
    if (this.#value !== undefined) return this.#takeValue(this.#value)
    while (this.#at < this.#buffer.length && isSpace(this.#buffer.charCodeAt(this.#at))) this.#at++
    if (this.#at >= this.#buffer.length) return 'more'
    this.#isEmpty = false
    const character = this.#buffer[this.#at]!
    switch (this.#expected) {
      case 'value':
        return this.#enter(character)
      case 'first':
        if (character === (this.#container === '[' ? ']' : '}')) return this.#leave()
        this.#expected = this.#container === '[' ? 'element' : 'key'
        return undefined
      case 'key':
        if (character !== '"') throw this.#unexpected(character)
        this.#value = new ValueEnd()
        return undefined
      case 'colon':
        if (character !== ':') throw this.#unexpected(character)
        this.#at++
        this.#expected = 'element'
        return undefined
      case 'element':
        if (this.#isOnTheWay()) {
          this.#followed++
          this.#expected = 'value'
        } else {
          this.#value = new ValueEnd()
        }
        return undefined
      case 'separator':
        if (character === (this.#container === '[' ? ']' : '}')) return this.#leave()
        if (character !== ',') throw this.#unexpected(character)
        this.#at++
        this.#index++
        this.#expected = this.#container === '[' ? 'element' : 'key'
        return undefined
    }
  }

  #enter(character: string): undefined {
    if (character !== '[' && character !== '{') {
      throw new ItemReaderFault(
        this.#isAtItems
          ? `Attempting to map over non-iterable node${this.#place()}: an array or an object is expected.`
          : this.#notThere(),
      )
    }
    this.#container = character
    this.#index = 0
    this.#at++
    this.#expected = 'first'
    return undefined
  }

  #leave(): undefined {
    if (!this.#isAtItems) throw new ItemReaderFault(this.#notThere())
    this.isDone = true
    return undefined
  }

  /** Whether the next element or member is the one that the pointer leads through. */
  #isOnTheWay(): boolean {
    const token = this.#tokens[this.#followed]
    if (token === undefined) return false
    return token === (this.#container === '[' ? String(this.#index) : this.#key)
  }

  #takeValue(value: ValueEnd): JsonItem | 'more' | undefined {
    const end = value.find(this.#buffer, this.#at)
    const isKey = this.#expected === 'key'
    const isKept = isKey || this.#isAtItems
    if (isKept) this.#keep(this.#buffer.slice(this.#at, end))
    this.#at = end ?? this.#buffer.length
    if (end === undefined) return 'more'
    this.#value = undefined
    const text = this.#parts.join('')
    this.#parts = []
    this.#length = 0
    if (isKey) {
      this.#key = parsed(text, 'a name in the JSON file') as string
      this.#expected = 'colon'
      return undefined
    }
    this.#expected = 'separator'
    if (!isKept) return undefined
    const item = parsed(text, `item ${this.#index}${this.#place()} of the JSON file`)
    return this.#container === '{' ? { value: item, key: this.#key! } : { value: item }
  }

  /** A value may come in any number of chunks. */
  #keep(part: string): void {
    this.#parts.push(part)
    this.#length += part.length
    checkLength(this.#length)
  }

  #place(): string {
    return this.#pointer === '' ? '' : ` at '${this.#pointer}'`
  }

  #notThere(): string {
    return `The ItemsPointer '${this.#pointer}' does not lead to a value of the JSON file.`
  }

  #unexpected(character: string): ItemReaderFault {
    return new ItemReaderFault(`Could not parse the JSON file: unexpected '${character}'.`)
  }
}

/** Finds where one JSON value ends, over any number of chunks. */
class ValueEnd {
  #depth = 0
  #inString = false
  #escaped = false
  #isScalar = false

  /** The index after the value, which goes on at `start`; undefined when the buffer ends before. */
  find(buffer: string, start: number): number | undefined {
    for (let at = start; at < buffer.length; at++) {
      const code = buffer.charCodeAt(at)
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false
        else if (code === 0x5c) this.#escaped = true
        else if (code === 0x22) {
          this.#inString = false
          if (this.#depth === 0) return at + 1
        }
      } else if (this.#isScalar) {
        if (code === 0x2c || code === 0x5d || code === 0x7d || isSpace(code)) return at
      } else if (code === 0x22) {
        this.#inString = true
      } else if (code === 0x5b || code === 0x7b) {
        this.#depth++
      } else if (code === 0x5d || code === 0x7d) {
        if (this.#depth === 0) return at
        if (--this.#depth === 0) return at + 1
      } else if (this.#depth === 0) {
        if (code === 0x2c) return at
        this.#isScalar = true
      }
    }
    return undefined
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}
