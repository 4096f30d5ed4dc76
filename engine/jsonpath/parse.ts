import { Cursor } from './cursor.ts'
import { readFilter, readOperand } from './parse-filter.ts'
import { functionNames, isDefinite, type Operand, type Path, type Token } from './path.ts'

/**
 * Reads what follows the `$` of a path: the dialect of Jayway JsonPath, which the service uses.
 * https://github.com/json-path/JsonPath
 *
 * @throws PathSyntaxError
 */
export function parsePath(text: string): Path {
  const cursor = new Cursor(text)
  const path = readPath(cursor)
  if (!cursor.isAtEnd) cursor.fail(`unexpected '${cursor.next}'`)
  return path
}

/** Reads steps for as long as there are any. */
export function readPath(cursor: Cursor): Path {
  const tokens: Token[] = []
  for (;;) {
    if (cursor.take('..')) {
      tokens.push({ kind: 'descent' })
      tokens.push(cursor.next === '[' ? readBrackets(cursor) : readName(cursor))
    } else if (cursor.take('.')) {
      tokens.push(readName(cursor))
    } else if (cursor.next === '[') {
      tokens.push(readBrackets(cursor))
    } else {
      return { tokens, isDefinite: isDefinite(tokens) }
    }
  }
}

// Unrolled, as an alternative a character would exhaust the stack on a long name.
const plain = String.raw`[^\\.[\]()\s,'"=<>!&|~?*@$:]`
const nameText = new RegExp(String.raw`${plain}*(?:\\[^]${plain}*)*`, 'y')

function readName(cursor: Cursor): Token {
  if (cursor.take('*')) return { kind: 'wildcard' }
  const raw = cursor.match(nameText)
  if (!raw) cursor.fail('expected the name of a property')
  const name = raw.replaceAll(/\\([^])/g, '$1')
  return cursor.next === '(' ? readCall(cursor, name) : { kind: 'property', names: [name] }
}

function readCall(cursor: Cursor, name: string): Token {
  if (!functionNames.has(name)) cursor.fail(`'${name}' is not a function of JSONPath`)
  const operands: Operand[] = []
  cursor.expect('(')
  cursor.skipSpaces()
  while (!cursor.take(')')) {
    if (operands.length > 0) cursor.expect(',')
    cursor.skipSpaces()
    operands.push(cursor.nested(() => readOperand(cursor, readPath)))
    cursor.skipSpaces()
  }
  return { kind: 'function', name, operands }
}

function readBrackets(cursor: Cursor): Token {
  cursor.expect('[')
  cursor.skipSpaces()
  const token = readInner(cursor)
  cursor.skipSpaces()
  cursor.expect(']')
  return token
}

function readInner(cursor: Cursor): Token {
  const { next } = cursor
  if (next === "'" || next === '"') return { kind: 'property', names: readNames(cursor) }
  if (cursor.take('*')) return { kind: 'wildcard' }
  if (cursor.take('?')) return { kind: 'filter', condition: readFilter(cursor, readPath) }
  const digits = cursor.match(/[-\d][-\d\s,:]*/y) ?? cursor.match(/:[-\d\s]*/y)
  const found = digits === undefined ? undefined : readPositions(digits.trim())
  return found ?? cursor.fail('expected an index, a slice, a name in quotes, * or ?(…)')
}

function readNames(cursor: Cursor): string[] {
  const names: string[] = []
  do {
    cursor.skipSpaces()
    if (cursor.next !== "'" && cursor.next !== '"') cursor.fail('expected a name in quotes')
    names.push(cursor.quoted())
    cursor.skipSpaces()
  } while (cursor.take(','))
  return names
}

function readPositions(text: string): Token | undefined {
  const slice = /^(-?\d+)?\s*:\s*(-?\d+)?$/.exec(text)
  if (slice !== null) {
    const bound = (digits: string | undefined) =>
      digits === undefined ? undefined : Number(digits)
    return { kind: 'slice', from: bound(slice[1]), to: bound(slice[2]) }
  }
  const indexes = text.split(',').map((part) => part.trim())
  return indexes.every((part) => /^-?\d+$/.test(part))
    ? { kind: 'index', indexes: indexes.map(Number) }
    : undefined
}
