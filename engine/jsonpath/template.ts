import { Data, isObject, type Json, setProperty } from '../data.ts'
import type { Place } from '../definition/diagnostics.ts'
import { errorNames } from '../errors.ts'
import type { ExpressionHost } from '../jsonata/functions.ts'
import { EvaluationError, type Reading, type Template } from '../template.ts'
import { PathSyntaxError } from './cursor.ts'
import { NoResult, TooMuchWork } from './evaluation.ts'
import { IntrinsicFault } from './intrinsics.ts'
import { isReference } from './path.ts'
import { answer, MissingArgument, parseQuery, type Query } from './query.ts'

/** What a field takes: any path, one that leads to a single place, or also an intrinsic function. */
export type PathKind = 'path' | 'reference' | 'function'

/** A field that holds a path: `InputPath`, `SecondsPath`, `CausePath`, … */
export class PathTemplate implements Template {
  readonly field: string
  readonly constant = undefined
  readonly source: string
  readonly #query: Query | undefined
  readonly #host: ExpressionHost

  /** @param report gets what is wrong with the text */
  constructor(
    source: string,
    field: string,
    kind: PathKind,
    host: ExpressionHost,
    report: (message: string) => void,
  ) {
    this.source = source
    this.field = field
    this.#host = host
    const query = tryParse(source)
    const fault = faultIn(source, query, kind)
    if (fault === undefined) this.#query = query
    else report(fault)
  }

  /** What the path leads to, or undefined. Throws EvaluationError. */
  find(reading: Reading): Json | undefined {
    const query = this.#query!
    try {
      return answer(query, reading, this.#host)
    } catch (error) {
      if (error instanceof NoResult) return undefined
      throw faultOf(error, query, reading)
    }
  }

  evaluate(reading: Reading): Data {
    const query = this.#query!
    try {
      return new Data(answer(query, reading, this.#host))
    } catch (error) {
      if (!(error instanceof NoResult)) throw faultOf(error, query, reading)
      throw runtime(`Invalid path '${this.source}' : ${error.message}`)
    }
  }

  mismatch(answered: Data, expected: string): EvaluationError {
    return runtime(
      `The ${this.field} field refers to value "${shown(answered)}" which is not a valid ` +
        `${expected}: ${this.source}`,
    )
  }
}

/**
 * A JSON value in which every field whose name ends in `.$` holds a path or an intrinsic function, and
 * becomes a field without that ending: Parameters, ResultSelector, ItemSelector, Assign, …
 */
export class PayloadTemplate implements Template {
  readonly field: string
  readonly #root: Node
  readonly #constant: Data | undefined
  readonly #host: ExpressionHost

  /** @param report gets each field that holds neither, with the place of the object that has it */
  constructor(
    value: Json,
    field: string,
    host: ExpressionHost,
    report: (place: Place, message: string) => void,
  ) {
    this.field = field
    this.#host = host
    this.#root = compile(value, [], report)
    this.#constant = this.#root.kind === 'constant' ? new Data(this.#root.value) : undefined
  }

  get constant(): Json | undefined {
    return this.#constant?.value
  }

  get source(): undefined {
    return undefined
  }

  evaluate(reading: Reading): Data {
    return this.#constant ?? new Data(make(this.#root, reading, this.#host))
  }

  mismatch(answered: Data, expected: string): EvaluationError {
    return runtime(`The ${this.field} field is not a valid ${expected}: ${shown(answered)}`)
  }
}

type Node =
  | { readonly kind: 'constant'; readonly value: Json }
  | { readonly kind: 'query'; readonly field: string; readonly query: Query }
  | { readonly kind: 'array'; readonly items: readonly Node[] }
  | { readonly kind: 'object'; readonly entries: readonly (readonly [string, Node])[] }

const orFunction = 'or a valid intrinsic function call'

function faultIn(source: string, query: Query | undefined, kind: PathKind): string | undefined {
  if (kind === 'function') {
    return query === undefined ? `Value must be a valid JSONPath ${orFunction}.` : undefined
  }
  if (kind === 'path') return query?.kind === 'path' ? undefined : 'Value must be a valid JSONPath.'
  const fault = !source.startsWith('$')
    ? "Reference path didn't start with '$'"
    : query?.kind !== 'path'
      ? 'Invalid path'
      : isReference(query.path)
        ? undefined
        : 'It can lead to more than one place'
  return fault === undefined ? undefined : `Value is not a Reference Path: ${fault}`
}

function compile(value: Json, place: Place, report: (place: Place, message: string) => void): Node {
  if (Array.isArray(value)) {
    const items = (value as readonly Json[]).map((item, i) => compile(item, [...place, i], report))
    return items.every((item) => item.kind === 'constant')
      ? { kind: 'constant', value }
      : { kind: 'array', items }
  }
  if (!isObject(value)) return { kind: 'constant', value }
  const entries = Object.entries(value as Readonly<Record<string, Json>>).map(
    ([name, item]): readonly [string, Node] => {
      if (!name.endsWith('.$')) return [name, compile(item, [...place, name], report)]
      const query = typeof item === 'string' ? tryParse(item) : undefined
      if (query !== undefined) return [name.slice(0, -2), { kind: 'query', field: name, query }]
      report(place, `The value for the field '${name}' must be a valid JSONPath ${orFunction}`)
      return [name, { kind: 'constant', value: null }]
    },
  )
  return entries.every(([, item]) => item.kind === 'constant')
    ? { kind: 'constant', value }
    : { kind: 'object', entries }
}

function make(node: Node, reading: Reading, host: ExpressionHost): Json {
  switch (node.kind) {
    case 'constant':
      return node.value
    case 'query':
      return makeField(node.field, node.query, reading, host)
    case 'array':
      return node.items.map((item) => make(item, reading, host))
    case 'object': {
      const result: Record<string, Json> = {}
      for (const [name, item] of node.entries) {
        setProperty(result, name, make(item, reading, host))
      }
      return result
    }
  }
}

function makeField(field: string, query: Query, reading: Reading, host: ExpressionHost): Json {
  try {
    return answer(query, reading, host)
  } catch (error) {
    if (!(error instanceof NoResult) || query.kind !== 'path') throw faultOf(error, query, reading)
    // Here, and only here, the service takes an index past the end of an array for null.
    if (error.isPastEnd) return null
    const searched = query.root === 'context' ? reading.context : reading.root
    const path = query.root === 'context' ? query.source.slice(1) : query.source
    throw runtime(
      `The JSONPath '${path}' specified for the field '${field}' could not be found in the input ` +
        `'${JSON.stringify(searched)}'`,
    )
  }
}

/** What the state fails with for an error that is not of a path that leads nowhere. */
function faultOf(error: unknown, { source }: Query, reading: Reading): unknown {
  const said = `The function '${source}' had the following error: `
  if (error instanceof MissingArgument) {
    return runtime(
      `${said}The JsonPath argument for the field '${error.path}' could not be found in the input ` +
        `'${JSON.stringify(reading.root)}'`,
    )
  }
  if (error instanceof IntrinsicFault) return runtime(said + error.message)
  return error instanceof TooMuchWork ? runtime(error.message) : error
}

/**
 * The service fails these states with States.Runtime, which no Catch takes, also where the language's
 * specification has names of their own (States.IntrinsicFailure, States.ParameterPathFailure).
 */
function runtime(message: string): EvaluationError {
  return new EvaluationError(errorNames.runtime, message)
}

function tryParse(source: string): Query | undefined {
  try {
    return parseQuery(source)
  } catch (error) {
    if (error instanceof PathSyntaxError) return undefined
    throw error
  }
}

function shown({ value, text }: Data): string {
  return typeof value === 'string' ? value : text
}
