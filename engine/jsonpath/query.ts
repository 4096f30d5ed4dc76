import type { Json } from '../data.ts'
import type { ExpressionHost } from '../jsonata/functions.ts'
import type { Reading } from '../template.ts'
import { Cursor } from './cursor.ts'
import { NoResult } from './evaluation.ts'
import { functions } from './intrinsics.ts'
import { readPath } from './parse.ts'
import type { Path } from './path.ts'
import { select } from './select.ts'

/** What a field ending in `.$` or `Path` holds: a path, or a call of an intrinsic function. */
export type Query = PathQuery | CallQuery

export interface PathQuery {
  readonly kind: 'path'
  readonly source: string
  /** `$`, `$$` or a variable. */
  readonly root: 'input' | 'context' | { readonly variable: string }
  readonly path: Path
}

export interface CallQuery {
  readonly kind: 'call'
  readonly source: string
  readonly name: string
  readonly operands: readonly (Query | Literal)[]
}

interface Literal {
  readonly kind: 'literal'
  readonly value: Json
}

/** Calls within calls that the service takes. */
const maximumCalls = 10

/** Throws PathSyntaxError. */
export function parseQuery(source: string): Query {
  const cursor = new Cursor(source)
  const query = cursor.next === '$' ? readPathQuery(cursor) : readCall(cursor, 1)
  if (!cursor.isAtEnd) cursor.fail(`unexpected '${cursor.next}'`)
  return query
}

function readPathQuery(cursor: Cursor): PathQuery {
  const start = cursor.position
  cursor.expect('$')
  const root = readRoot(cursor)
  const path = readPath(cursor)
  return { kind: 'path', source: cursor.text.slice(start, cursor.position), root, path }
}

function readRoot(cursor: Cursor): PathQuery['root'] {
  if (cursor.take('$')) return 'context'
  const variable = cursor.match(/[\p{ID_Start}_][\p{ID_Continue}_]*/uy)
  if (variable === undefined) return 'input'
  if (variable === 'states') cursor.fail(`'$states' is of JSONata`)
  return { variable }
}

function readCall(cursor: Cursor, depth: number): CallQuery {
  const start = cursor.position
  const name = cursor.match(/States\.[A-Za-z0-9]+/y)
  if (name === undefined) cursor.fail('expected a path or an intrinsic function')
  if (depth > maximumCalls) cursor.fail(`more than ${maximumCalls} calls within each other`)
  const operands = readOperands(cursor, depth, name === 'States.Format')
  const known = functions.get(name)
  if (known === undefined) cursor.fail(`'${name}' is not an intrinsic function`)
  const [least, most] = known.operands
  if (operands.length < least || operands.length > most) {
    cursor.fail(`'${name}' does not take ${operands.length} arguments`)
  }
  return { kind: 'call', source: cursor.text.slice(start, cursor.position), name, operands }
}

function readOperands(cursor: Cursor, depth: number, hasTemplate: boolean): (Query | Literal)[] {
  const operands: (Query | Literal)[] = []
  cursor.skipSpaces()
  cursor.expect('(')
  cursor.skipSpaces()
  while (!cursor.take(')')) {
    if (operands.length > 0) cursor.expect(',')
    cursor.skipSpaces()
    operands.push(readOperand(cursor, depth, hasTemplate && operands.length === 0))
    cursor.skipSpaces()
  }
  return operands
}

function readOperand(cursor: Cursor, depth: number, isTemplate: boolean): Query | Literal {
  if (cursor.next === '$') return readPathQuery(cursor)
  if (cursor.next === "'") return { kind: 'literal', value: readText(cursor, isTemplate) }
  if (cursor.text.startsWith('States.', cursor.position)) return readCall(cursor, depth + 1)
  const word = cursor.match(/[\w.+-]+/y) ?? ''
  if (Object.hasOwn(words, word)) return { kind: 'literal', value: words[word]! }
  if (!/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(word)) cursor.fail('expected an argument')
  return { kind: 'literal', value: Number(word) }
}

const words: Readonly<Record<string, Json>> = { true: true, false: false, null: null }

/**
 * A text in single quotes. In the template of States.Format, escaped braces and backslashes stay
 * escaped, so that they are told from the others when it is filled in.
 */
function readText(cursor: Cursor, isTemplate: boolean): string {
  const text = cursor.match(/'[^'\\]*(?:\\[^][^'\\]*)*'/y)
  if (text === undefined) cursor.fail('a quote is not closed')
  return text.slice(1, -1).replaceAll(/\\([^])/g, (escaped, character: string) => {
    if (isTemplate && '{}\\'.includes(character)) return escaped
    return escapes[character] ?? character
  })
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }

/** A path of an argument that leads nowhere. */
export class MissingArgument extends Error {
  override readonly name = 'MissingArgument'
  readonly path: string

  constructor({ source, root }: PathQuery) {
    super(source)
    // The service shows a path into the Context object as one into the input.
    this.path = root === 'context' ? source.slice(1) : source
  }
}

/**
 * Answers the query.
 *
 * @throws NoResult for a path that leads nowhere, MissingArgument for one of a call, IntrinsicFault,
 * TooMuchWork
 */
export function answer(query: Query, reading: Reading, host: ExpressionHost): Json {
  return query.kind === 'path' ? follow(query, reading) : call(query, reading, host)
}

function follow({ root, path, source }: PathQuery, reading: Reading): Json {
  if (root === 'input') return select(path, reading.root)
  if (root === 'context') return select(path, reading.context)
  const { variables } = reading
  if (!Object.hasOwn(variables, root.variable)) {
    throw new NoResult(`The variable '$${root.variable}' of '${source}' is not defined`)
  }
  return select(path, variables[root.variable]!)
}

function call({ name, operands }: CallQuery, reading: Reading, host: ExpressionHost): Json {
  const values = operands.map((operand) => {
    if (operand.kind === 'call') return call(operand, reading, host)
    if (operand.kind === 'literal') return operand.value
    try {
      return follow(operand, reading)
    } catch (error) {
      if (error instanceof NoResult) throw new MissingArgument(operand)
      throw error
    }
  })
  return functions.get(name)!.run(values, host)
}
