/** A text that is not a path or an intrinsic function. `message` says where and why. */
export class PathSyntaxError extends Error {
  override readonly name = 'PathSyntaxError'
}

/** Parentheses and calls within each other that are taken. */
const maximumDepth = 100

// Unrolled: an alternative a character would exhaust the stack on a long text.
const singleQuoted = /'[^'\\]*(?:\\'?[^'\\]*)*'/y
const doubleQuoted = /"[^"\\]*(?:\\"?[^"\\]*)*"/y

/** Reads a text from its start to its end. */
export class Cursor {
  readonly text: string
  position = 0
  #depth = 0

  constructor(text: string) {
    this.text = text
  }

  get isAtEnd(): boolean {
    return this.position >= this.text.length
  }

  /** The next character; empty at the end. */
  get next(): string {
    return this.text[this.position] ?? ''
  }

  /** Whether `text` comes next, which then is read. */
  take(text: string): boolean {
    if (!this.text.startsWith(text, this.position)) return false
    this.position += text.length
    return true
  }

  expect(text: string): void {
    if (!this.take(text)) this.fail(`expected '${text}'`)
  }

  /** What a sticky pattern matches here, which then is read. */
  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position
    const found = pattern.exec(this.text)?.[0]
    if (found !== undefined) this.position += found.length
    return found
  }

  skipSpaces(): void {
    this.match(/\s*/y)
  }

  /** A text in quotes, of which the opening one comes next; a backslash escapes only such a quote. */
  quoted(): string {
    const quote = this.next
    const text = this.match(quote === "'" ? singleQuoted : doubleQuoted)
    if (text === undefined) this.fail('a quote is not closed')
    return text.slice(1, -1).replaceAll(`\\${quote}`, quote)
  }

  /** Reads something that may hold more of its kind. */
  nested<T>(read: () => T): T {
    if (++this.#depth > maximumDepth) this.fail(`more than ${maximumDepth} levels`)
    const value = read()
    this.#depth--
    return value
  }

  fail(reason: string): never {
    const { position, text } = this
    const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text
    throw new PathSyntaxError(`${reason} at position ${position} of '${shown}'`)
  }
}
