import { Data, type Json, setProperty } from '../data.ts'
import type { Place } from '../definition/diagnostics.ts'
import { EvaluationError, type Reading, type Template, typeName } from '../template.ts'
import { Expression, ExpressionError, ExpressionRefused, expressionIn } from './expression.ts'
import type { ExpressionHost } from './functions.ts'
import { UnsupportedResult } from './result.ts'

/**
 * A JSON value of a definition in which any string `{% … %}` is a JSONata expression, as in Arguments,
 * Output and Assign.
 */
export class JsonataTemplate implements Template {
  readonly field: string
  readonly #root: Node
  readonly #constant: Data | undefined

  /**
   * @param field names the value in messages
   * @param report gets each expression that is not taken, with its place in `value`
   */
  constructor(value: Json, field: string, host: ExpressionHost, report: Report) {
    this.field = field
    this.#root = compile(value, [], { field, host, report })
    this.#constant = this.#root.kind === 'constant' ? new Data(this.#root.value) : undefined
  }

  get constant(): Json | undefined {
    return this.#constant?.value
  }

  get source(): string | undefined {
    return this.#root.kind === 'expression' ? this.#root.expression.source : undefined
  }

  evaluate(reading: Reading): Data {
    return this.#constant ?? new Data(evaluate(this.#root, this.field, reading.bindings))
  }

  mismatch({ value, text }: Data, expected: string): EvaluationError {
    const { source } = this
    const said = source === undefined ? 'The value' : `The JSONata expression '${source}'`
    return new EvaluationError(
      'States.QueryEvaluationError',
      `${said} specified for the field '${this.field}' returned an unexpected result type. ` +
        `Expected '${expected}', but was '${typeName(value)}' for value: ${text}`,
      this.field,
    )
  }
}

type Report = (place: Place, refused: ExpressionRefused) => void

type Node =
  | { readonly kind: 'constant'; readonly value: Json }
  | { readonly kind: 'expression'; readonly expression: Expression }
  | { readonly kind: 'array'; readonly items: readonly Node[] }
  | { readonly kind: 'object'; readonly entries: readonly (readonly [string, Node])[] }

interface Compilation {
  readonly field: string
  readonly host: ExpressionHost
  readonly report: Report
}

function compile(value: Json, place: Place, compilation: Compilation): Node {
  if (typeof value === 'string') {
    const source = expressionIn(value)
    if (source === undefined) return { kind: 'constant', value }
    try {
      const options = { isOfCatch: compilation.field.startsWith('Catch[') }
      return { kind: 'expression', expression: new Expression(source, compilation.host, options) }
    } catch (error) {
      if (!(error instanceof ExpressionRefused)) throw error
      compilation.report(place, error)
      return { kind: 'constant', value }
    }
  }
  if (value === null || typeof value !== 'object') return { kind: 'constant', value }
  if (Array.isArray(value)) {
    const items = (value as readonly Json[]).map((item, i) =>
      compile(item, [...place, i], compilation),
    )
    return items.every((item) => item.kind === 'constant')
      ? { kind: 'constant', value }
      : { kind: 'array', items }
  }
  const entries = Object.entries(value as Record<string, Json>).map(
    ([name, item]) => [name, compile(item, [...place, name], compilation)] as const,
  )
  return entries.every(([, item]) => item.kind === 'constant')
    ? { kind: 'constant', value }
    : { kind: 'object', entries }
}

function evaluate(
  node: Node,
  location: string,
  variables: Readonly<Record<string, unknown>>,
): Json {
  switch (node.kind) {
    case 'constant':
      return node.value
    case 'expression':
      return evaluateExpression(node.expression, location, variables)
    case 'array':
      return node.items.map((item, i) => evaluate(item, `${location}[${i}]`, variables))
    case 'object': {
      const result: Record<string, Json> = {}
      for (const [name, item] of node.entries) {
        setProperty(result, name, evaluate(item, `${location}/${name}`, variables))
      }
      return result
    }
  }
}

function evaluateExpression(
  expression: Expression,
  location: string,
  variables: Readonly<Record<string, unknown>>,
): Json {
  const said = `The JSONata expression '${expression.source}' specified for the field '${location}'`
  let result: Json | undefined
  try {
    result = expression.evaluate(variables)
  } catch (error) {
    if (error instanceof UnsupportedResult) {
      throw fault(location, `${said} returned an unsupported result type.`)
    }
    if (error instanceof ExpressionError) {
      throw fault(location, `${said} threw an error during evaluation. ${error.message}`)
    }
    throw error
  }
  if (result === undefined) {
    throw fault(location, `${said} returned nothing (undefined).`)
  }
  return result
}

function fault(location: string, message: string): EvaluationError {
  return new EvaluationError('States.QueryEvaluationError', message, location)
}
