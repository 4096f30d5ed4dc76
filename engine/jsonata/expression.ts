import type { Json } from '../data.ts'
import { addFunctions, type ExpressionHost } from './functions.ts'
import { type Bindings, type LibraryExpression, Sandbox, SandboxTimeout } from './sandbox.ts'
import { plainJson, UnsupportedResult } from './result.ts'
import { limitVolume, variablesOf, type Verdict, verdictOn } from './work.ts'

/** The text between `{%` and `%}` when the whole string is an expression. */
export function expressionIn(text: string): string | undefined {
  return text.length >= 4 && text.startsWith('{%') && text.endsWith('%}')
    ? text.slice(2, -2).trim()
    : undefined
}

/**
 * One JSONata expression, parsed once.
 *
 * `evaluate` answers JSON, or undefined when the expression answers nothing. What an expression does
 * is bounded: about a second, 5,000 nested evaluations, 100,000 elements a sequence.
 */
export class Expression {
  readonly source: string
  readonly #host: ExpressionHost
  readonly #verdict: Verdict
  #sandbox: Sandbox
  #parsed: LibraryExpression
  #resetVolume: (() => void) | undefined

  /** Throws ExpressionError for a text that is not JSONata, or that calls `$eval`. */
  constructor(source: string, host: ExpressionHost) {
    this.source = source
    this.#host = host
    this.#sandbox = currentSandbox()
    this.#parsed = parse(this.#sandbox, source)
    const tree = this.#parsed.ast()
    if (variablesOf(tree).has('eval')) {
      throw new ExpressionError('$eval is not available; use $parse to read JSON')
    }
    this.#verdict = verdictOn(tree)
    this.#prepare()
  }

  /** Throws ExpressionError, UnsupportedResult. */
  evaluate(variables: Bindings): Json | undefined {
    if (this.#sandbox !== currentSandbox()) {
      this.#sandbox = currentSandbox()
      this.#parsed = parse(this.#sandbox, this.source)
      this.#prepare()
    }
    this.#resetVolume?.()
    try {
      return plainJson(this.#sandbox.evaluate(this.#parsed, variables, this.#verdict))
    } catch (error) {
      // What was interrupted may have left work behind in its realm.
      if (error instanceof SandboxTimeout) discardSandbox(this.#sandbox)
      if (error instanceof UnsupportedResult) throw error
      throw new ExpressionError(describe(error))
    }
  }

  #prepare(): void {
    addFunctions(this.#parsed, this.#host)
    if (this.#verdict === 'watched') this.#resetVolume = limitVolume(this.#parsed)
  }
}

function parse(sandbox: Sandbox, source: string): LibraryExpression {
  try {
    return sandbox.parse(source)
  } catch (error) {
    throw new ExpressionError(describe(error))
  }
}

/** An expression that is no JSONata, or whose evaluation failed. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError'
}

let sandbox: Sandbox | undefined

/** One for the process: a realm takes some megabytes and milliseconds, and holds no one's data. */
function currentSandbox(): Sandbox {
  sandbox ??= new Sandbox()
  return sandbox
}

function discardSandbox(used: Sandbox): void {
  if (sandbox === used) sandbox = undefined
}

/** The package throws plain objects with a code; the realm's own errors are not instances of ours. */
function describe(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown }
  const text = typeof message === 'string' ? message : String(error)
  return typeof code === 'string' && /^[A-Z]\d{4}$/.test(code) ? `${code}: ${text}` : text
}
