/** Most arrays and objects that a JSON text may nest: what nests deeper takes long to be read. */
export const maxJsonNesting = 32

/** What is seen of a JSON text before it is read. */
interface Survey {
  /** Members of all objects, as they are written. */
  readonly members: number
  readonly isTooDeep: boolean
}

/** Ends at the first bracket beyond `maxJsonNesting`. */
export function surveyed(text: string): Survey {
  let members = 0
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i)
    if (character === quote) i = endOfString(text, i) - 1
    else if (character === colon) members++
    else if (character === openBracket || character === openBrace) {
      if (++depth > maxJsonNesting) return { members, isTooDeep: true }
    } else if (character === closeBracket || character === closeBrace) depth--
  }
  return { members, isTooDeep: false }
}

const quote = 0x22
const colon = 0x3a
const openBracket = 0x5b
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/**
 * A name that stands twice in one object of a JSON text, which was read as `value`: what the first one
 * said is lost, and readers differ in which one they take. Undefined where there is none.
 */
export function repeatedName(
  text: string,
  value: unknown,
  { members }: Pick<Survey, 'members'> = surveyed(text),
): string | undefined {
  if (members < 2) return undefined
  return members > membersOf(value) ? firstRepeated(text) : undefined
}

/** Members of all objects, as they were read. */
function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const isArray = Array.isArray(value)
  const inner: unknown[] = isArray ? (value as unknown[]) : Object.values(value)
  let members = isArray ? 0 : inner.length
  for (const one of inner) if (typeof one === 'object') members += membersOf(one)
  return members
}

/** The slow way, for a text that is known to have one. */
function firstRepeated(text: string): string | undefined {
  const objects: Set<string>[] = []
  let repeated: string | undefined
  let from = 0
  forEachString(text, (start, end) => {
    nest(objects, text, from, start)
    from = end
    if (!isName(text, end)) return
    const name = JSON.parse(text.slice(start, end)) as string
    const names = objects.at(-1)
    if (names?.has(name)) repeated ??= name
    names?.add(name)
  })
  return repeated
}

/** Follows the objects that begin and end between two strings. */
function nest(objects: Set<string>[], text: string, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    if (text[i] === '{') objects.push(new Set())
    else if (text[i] === '}') objects.pop()
  }
}

function forEachString(text: string, visit: (start: number, end: number) => void): void {
  let start = text.indexOf('"')
  while (start !== -1) {
    const end = endOfString(text, start)
    visit(start, end)
    start = text.indexOf('"', end)
  }
}

/** Behind the quote that closes the string which begins at `start`, or the text's end. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end === -1 ? text.length : end + 1
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0
  while (text[quote - 1 - backslashes] === '\\') backslashes++
  return backslashes % 2 === 1
}

function isName(text: string, end: number): boolean {
  let i = end
  while (text[i] === ' ' || text[i] === '\n' || text[i] === '\r' || text[i] === '\t') i++
  return text[i] === ':'
}
