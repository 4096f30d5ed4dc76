import type { Cursor } from './cursor.ts'
import {
  type Condition,
  type FilterPath,
  type Operand,
  type Operator,
  operators,
  type Path,
} from './path.ts'

/** Reads the paths within a filter: given by the reader of the path that the filter is in. */
type ReadPath = (cursor: Cursor) => Path

/** Reads `(…)` of a filter. */
export function readFilter(cursor: Cursor, readPath: ReadPath): Condition {
  cursor.skipSpaces()
  cursor.expect('(')
  const condition = cursor.nested(() => readOr(cursor, readPath))
  cursor.skipSpaces()
  cursor.expect(')')
  return condition
}

/** A literal, a pattern or a path. */
export function readOperand(cursor: Cursor, readPath: ReadPath): Operand {
  cursor.skipSpaces()
  const { next } = cursor
  if (next === '@' || next === '$') return readFilterPath(cursor, readPath)
  if (next === "'" || next === '"') return { kind: 'value', value: cursor.quoted() }
  if (next === '/') return readPattern(cursor)
  if (next === '[' || next === '{') return { kind: 'value', value: readJson(cursor, readPath) }
  const word = cursor.match(/[\w.+-]+/y)
  if (word === undefined) cursor.fail('expected a value or a path')
  if (Object.hasOwn(words, word)) return { kind: 'value', value: words[word] }
  if (!/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(word)) cursor.fail(`'${word}' is not a value`)
  return { kind: 'value', value: Number(word) }
}

const words: Readonly<Record<string, unknown>> = { true: true, false: false, null: null }

function readOr(cursor: Cursor, readPath: ReadPath): Condition {
  return readChain(cursor, '||', 'or', () =>
    readChain(cursor, '&&', 'and', () => readNot(cursor, readPath)),
  )
}

function readChain(
  cursor: Cursor,
  operator: string,
  kind: 'or' | 'and',
  read: () => Condition,
): Condition {
  const conditions = [read()]
  for (cursor.skipSpaces(); cursor.take(operator); cursor.skipSpaces()) conditions.push(read())
  return conditions.length === 1 ? conditions[0]! : { kind, conditions }
}

function readNot(cursor: Cursor, readPath: ReadPath): Condition {
  cursor.skipSpaces()
  if (cursor.next === '!' && cursor.text[cursor.position + 1] !== '=') {
    cursor.expect('!')
    return { kind: 'not', condition: cursor.nested(() => readNot(cursor, readPath)) }
  }
  if (cursor.next === '(') return readFilter(cursor, readPath)
  return readComparison(cursor, readPath)
}

function readComparison(cursor: Cursor, readPath: ReadPath): Condition {
  const left = readOperand(cursor, readPath)
  cursor.skipSpaces()
  const operator = readOperator(cursor)
  if (operator !== undefined)
    return { kind: 'comparison', left, operator, right: readOperand(cursor, readPath) }
  if (left.kind !== 'path') cursor.fail('expected an operator')
  return { kind: 'exists', path: left }
}

function readOperator(cursor: Cursor): Operator | undefined {
  const word = cursor.match(/[a-zA-Z]+|[=!<>~]+/y)
  if (word === undefined) return undefined
  const operator = operators.find((known) => known === word.toLowerCase())
  return operator ?? cursor.fail(`'${word}' is not an operator`)
}

function readFilterPath(cursor: Cursor, readPath: ReadPath): FilterPath {
  const root = cursor.take('@') ? '@' : '$'
  if (root === '$') cursor.expect('$')
  return { kind: 'path', root, path: cursor.nested(() => readPath(cursor)) }
}

function readPattern(cursor: Cursor): Operand {
  const text = cursor.match(/\/[^\\/]*(?:\\.[^\\/]*)*\/[a-zA-Z]*/y)
  if (text === undefined) cursor.fail('a pattern is not closed')
  const end = text.lastIndexOf('/')
  const source = text.slice(1, end)
  // Java's flags that JavaScript has too.
  const flags = [...text.slice(end + 1)].filter((flag) => 'imsu'.includes(flag)).join('')
  try {
    new RegExp(source, flags)
  } catch {
    cursor.fail(`'${source}' is not a regular expression`)
  }
  return { kind: 'pattern', source, flags }
}

/** A JSON array or object; its texts may be in single quotes. */
function readJson(cursor: Cursor, readPath: ReadPath): unknown {
  return cursor.nested(() => {
    cursor.skipSpaces()
    if (cursor.take('[')) return readList(cursor, ']', () => readJson(cursor, readPath))
    if (!cursor.take('{')) {
      const operand = readOperand(cursor, readPath)
      return operand.kind === 'value' ? operand.value : cursor.fail('expected a value')
    }
    const entries = readList(cursor, '}', (): [string, unknown] => {
      if (cursor.next !== "'" && cursor.next !== '"') cursor.fail('expected a name in quotes')
      const name = cursor.quoted()
      cursor.skipSpaces()
      cursor.expect(':')
      return [name, readJson(cursor, readPath)]
    })
    return Object.fromEntries(entries)
  })
}

function readList<T>(cursor: Cursor, end: string, read: () => T): T[] {
  const items: T[] = []
  cursor.skipSpaces()
  while (!cursor.take(end)) {
    if (items.length > 0) cursor.expect(',')
    cursor.skipSpaces()
    items.push(read())
    cursor.skipSpaces()
  }
  return items
}
