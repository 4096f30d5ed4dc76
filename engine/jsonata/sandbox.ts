import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Context, Script, constants, createContext } from 'node:vm'
import { evaluationLimits, type Verdict } from './work.ts'

/**
 * Evaluates JSONata in a realm of its own, so that an expression can neither hang nor crash the
 * process nor reach its prototypes.
 *
 * The `jsonata` package answers by promises, but waits for nothing except its own: in a context that
 * drains its microtasks when a script ends, an evaluation is over when the script is. So it is
 * synchronous here, and the script's timeout bounds all of it, also a regular expression that
 * backtracks for ever.
 */
export class Sandbox {
  readonly #context: Context
  readonly #library: Library
  readonly #start: Start

  constructor() {
    this.#context = createContext(constants.DONT_CONTEXTIFY, {
      microtaskMode: 'afterEvaluate',
      codeGeneration: { strings: false, wasm: false },
    })
    this.#library = libraryScript().runInContext(this.#context) as Library
    this.#start = startScript.runInContext(this.#context) as Start
  }

  /** Throws the package's error (`code`, `message`) for a text that is not JSONata. */
  parse(source: string): LibraryExpression {
    return this.#library(source, evaluationLimits)
  }

  /**
   * What an expression of `parse` answers, with values of the sandbox's realm in it.
   *
   * @throws what the package throws; SandboxTimeout, after which this sandbox is not to be used again
   */
  evaluate(expression: LibraryExpression, bindings: Bindings, verdict: Verdict): unknown {
    const outcome: Outcome = { state: 'pending', value: undefined }
    try {
      this.#start(outcome, expression, bindings)
      drainScript.runInContext(
        this.#context,
        verdict === 'watched' ? { timeout: evaluationLimits.timeout } : undefined,
      )
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') {
        throw new SandboxTimeout()
      }
      throw error
    }
    if (outcome.state === 'failed') throw outcome.value
    // Only something that is not the package's own could leave it waiting.
    if (outcome.state === 'pending') throw new SandboxTimeout()
    return outcome.value
  }
}

export class SandboxTimeout extends Error {
  override readonly name = 'SandboxTimeout'
  constructor() {
    super(`the evaluation took more than ${evaluationLimits.timeout} ms`)
  }
}

/** Variables by name, without their `$`. */
export type Bindings = Readonly<Record<string, unknown>>

/** A node of the package's syntax tree: only what is looked at here. */
export interface SyntaxNode {
  readonly type?: string
  readonly value?: unknown
  readonly [field: string]: unknown
}

export interface LibraryExpression {
  ast(): SyntaxNode
  assign(name: string | symbol, value: unknown): void
  registerFunction(
    name: string,
    implementation: (...values: never[]) => unknown,
    signature?: string,
  ): void
}

type Library = (source: string, options: typeof evaluationLimits) => LibraryExpression

type Start = (outcome: Outcome, expression: LibraryExpression, bindings: Bindings) => void

interface Outcome {
  state: 'pending' | 'done' | 'failed'
  value: unknown
}

// The part up to the first wait runs outside of the drained script, and is no more than a few calls:
// hence the resolved promise before it.
const startScript = new Script(`(outcome, expression, bindings) => {
  Promise.resolve().then(() => expression.evaluate(undefined, bindings)).then(
    (value) => { outcome.state = 'done'; outcome.value = value },
    (error) => { outcome.state = 'failed'; outcome.value = error },
  )
}`)
const drainScript = new Script('undefined')

let compiledLibrary: Script | undefined

/** The package's own file, compiled once for all sandboxes. */
function libraryScript(): Script {
  if (compiledLibrary === undefined) {
    const file = createRequire(import.meta.url).resolve('jsonata')
    const source = readFileSync(file, 'utf8')
    compiledLibrary = new Script(
      `(() => { const module = { exports: {} }, exports = module.exports;\n${source}\nreturn module.exports })()`,
      { filename: file, lineOffset: -1 },
    )
  }
  return compiledLibrary
}
