import { Data, type Json, setProperty } from './data.ts'
import { Expression, ExpressionError, expressionIn } from './jsonata/expression.ts'
import type { ExpressionHost } from './jsonata/functions.ts'
import { UnsupportedResult } from './jsonata/result.ts'

/** What a template reads: made only when an expression is evaluated. */
export type Variables = () => Readonly<Record<string, unknown>>

/** An evaluation that failed: `message` is the sentence of the cause that speaks of the expression. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError'
  /** The field of the state, as `Output/result`. */
  readonly location: string

  constructor(location: string, message: string) {
    super(message)
    this.location = location
  }
}

/**
 * A JSON value of a definition in which any string `{% … %}` is a JSONata expression, as in Arguments,
 * Output and Assign.
 */
export class Template {
  readonly field: string
  readonly #root: Node
  readonly #constant: Data | undefined

  /**
   * @param field names the value in messages
   * @param report gets each expression that is not JSONata, with its place in `value`
   */
  constructor(
    value: Json,
    field: string,
    host: ExpressionHost,
    report: (place: readonly string[], message: string) => void,
  ) {
    this.field = field
    this.#root = compile(value, [], { field, host, report })
    this.#constant = this.#root.kind === 'constant' ? new Data(this.#root.value) : undefined
  }

  /** The value itself when there is no expression in it. */
  get constant(): Json | undefined {
    return this.#constant?.value
  }

  /** The expression, when the value is one. */
  get source(): string | undefined {
    return this.#root.kind === 'expression' ? this.#root.expression.source : undefined
  }

  /** Throws EvaluationError. */
  evaluate(variables: Variables): Data {
    return this.#constant ?? new Data(evaluate(this.#root, this.field, variables()))
  }
}

type Node =
  | { readonly kind: 'constant'; readonly value: Json }
  | { readonly kind: 'expression'; readonly expression: Expression }
  | { readonly kind: 'array'; readonly items: readonly Node[] }
  | { readonly kind: 'object'; readonly entries: readonly (readonly [string, Node])[] }

interface Compilation {
  readonly field: string
  readonly host: ExpressionHost
  readonly report: (place: readonly string[], message: string) => void
}

function compile(value: Json, place: readonly string[], compilation: Compilation): Node {
  if (typeof value === 'string') {
    const source = expressionIn(value)
    if (source === undefined) return { kind: 'constant', value }
    try {
      return { kind: 'expression', expression: new Expression(source, compilation.host) }
    } catch (error) {
      const shown = source.length > 200 ? `${source.slice(0, 200)}…` : source
      compilation.report(place, `'${shown}' is not JSONata: ${(error as Error).message}`)
      return { kind: 'constant', value }
    }
  }
  if (value === null || typeof value !== 'object') return { kind: 'constant', value }
  if (Array.isArray(value)) {
    const items = (value as readonly Json[]).map((item, i) =>
      compile(item, [...place, String(i)], compilation),
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
      throw new EvaluationError(location, `${said} returned an unsupported result type.`)
    }
    if (error instanceof ExpressionError) {
      throw new EvaluationError(
        location,
        `${said} threw an error during evaluation. ${error.message}`,
      )
    }
    throw error
  }
  if (result === undefined) {
    throw new EvaluationError(location, `${said} returned nothing (undefined).`)
  }
  return result
}

/** The JSON type of a value, as messages name it. */
export function typeName(value: Json): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}
