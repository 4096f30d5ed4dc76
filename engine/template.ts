import { Data, type Json } from './data.ts'
import { errorNames } from './errors.ts'

/**
 * A value of a definition that is evaluated each time its state runs: a JSONata value with expressions
 * in it, or a path, an intrinsic function or a payload template of JSONPath. States ask
 * `Turn.evaluate` for what it answers and need not know which of these it is.
 */
export interface Template {
  /** The field of the state, as messages name it. */
  readonly field: string
  /** The value itself when there is nothing in it to evaluate. */
  readonly constant: Json | undefined
  /** The expression or the path, when the value is one. */
  readonly source: string | undefined
  /** Throws EvaluationError; RangeError when what it makes is nested too deep. */
  evaluate(reading: Reading): Data
  /** What the state fails with when the answer is no `expected` (a type's name). */
  mismatch(answer: Data, expected: string): EvaluationError
}

/** What a template reads. Each part is made when it is first asked for. */
export interface Reading {
  /** `$` of JSONPath. */
  readonly root: Json
  /** The Context object: `$$` of JSONPath. */
  readonly context: Json
  /** The variables in scope. */
  readonly variables: Readonly<Record<string, Json>>
  /** The variables of JSONata: those in scope and `$states`. */
  readonly bindings: Readonly<Record<string, unknown>>
}

/** An evaluation that failed: `message` is the sentence of the cause that speaks of it. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError'
  /** The Error that the state fails with. */
  readonly error: string
  /** The field, as `Output/result`: JSONata has an EvaluationFailed event that names it. */
  readonly location: string | undefined

  constructor(error: string, message: string, location?: string) {
    super(message)
    this.error = error
    this.location = location
  }
}

/** The JSON type of a value, as messages name it. */
export function typeName(value: Json): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

export function constantTemplate(constant: Json, field: string): Template {
  const data = new Data(constant)
  return {
    field,
    constant,
    source: undefined,
    evaluate: () => data,
    mismatch: ({ text }, expected) =>
      new EvaluationError(
        errorNames.runtime,
        `The ${field} field is not a valid ${expected}: ${text}`,
      ),
  }
}
