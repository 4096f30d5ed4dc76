import type { Json } from '../data.ts'
import { addFunctions, type ExpressionHost } from './functions.ts'
import { type Bindings, type LibraryExpression, Sandbox, SandboxTimeout } from './sandbox.ts'
import { plainJson, UnsupportedResult } from './result.ts'
import { unsupportedIn } from './unsupported.ts'
import { limitVolume, type Verdict, verdictOn } from './work.ts'

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
 * is bounded: about a second, 100 nested evaluations, 873,782 elements a sequence.
 */
export class Expression {
  readonly source: string
  readonly #host: ExpressionHost
  readonly #verdict: Verdict
  #sandbox: Sandbox
  #parsed: LibraryExpression
  #resetVolume: (() => void) | undefined

  /**
   * @param options.isOfCatch whether `$states.errorOutput` is there
   * @throws ExpressionRefused for a text that is not JSONata, or that asks for what is not there
   */
  constructor(source: string, host: ExpressionHost, options: { isOfCatch: boolean }) {
    this.source = source
    this.#host = host
    this.#sandbox = currentSandbox()
    try {
      this.#parsed = this.#sandbox.parse(source)
    } catch (error) {
      throw new ExpressionRefused('INVALID_JSONATA_EXPRESSION', describe(error))
    }
    const tree = this.#parsed.ast()
    const unsupported = unsupportedIn(tree, options.isOfCatch)
    if (unsupported !== undefined) {
      throw new ExpressionRefused('UNSUPPORTED_JSONATA_EXPRESSION', unsupported)
    }
    this.#verdict = verdictOn(tree)
    this.#prepare()
  }

  /** Throws ExpressionError, UnsupportedResult. */
  evaluate(variables: Bindings): Json | undefined {
    if (this.#sandbox !== currentSandbox()) {
      this.#sandbox = currentSandbox()
      this.#parsed = this.#sandbox.parse(this.source)
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

/** An expression that a definition may not have. */
export class ExpressionRefused extends Error {
  override readonly name = 'ExpressionRefused'
  readonly code: 'INVALID_JSONATA_EXPRESSION' | 'UNSUPPORTED_JSONATA_EXPRESSION'

  constructor(code: ExpressionRefused['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** An expression whose evaluation failed. */
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
