import { Data, isObject, type Json, setProperty } from '../data.ts'
import { errorNames } from '../errors.ts'
import { EvaluationError } from '../template.ts'
import { PathSyntaxError } from './cursor.ts'
import { parsePath } from './parse.ts'

/** A path to one place, which need not be there yet: `$.a['b'][0]`. */
export class ReferencePath {
  readonly source: string
  readonly #steps: readonly (string | number)[]

  constructor(source: string, steps: readonly (string | number)[]) {
    this.source = source
    this.#steps = steps
  }

  /**
   * The input with the result at this place; objects on the way are made. Neither value is changed.
   *
   * @throws EvaluationError States.ResultPathMatchFailure
   */
  place(input: Data, result: Data): Data {
    return this.#steps.length === 0
      ? result
      : new Data(this.#placed(input.value, 0, input.value, result.value))
  }

  #placed(at: Json | undefined, depth: number, input: Json, result: Json): Json {
    const step = this.#steps[depth]
    if (step === undefined) return result
    if (typeof step === 'number') {
      const items = Array.isArray(at) ? (at as readonly Json[]) : []
      if (step >= items.length) this.#fail(input)
      return items.with(step, this.#placed(items[step], depth + 1, input, result))
    }
    if (at !== undefined && at !== null && !isObject(at)) this.#fail(input)
    const target: Record<string, Json> = {}
    const source = isObject(at) ? (at as Readonly<Record<string, Json>>) : {}
    for (const name of Object.keys(source)) setProperty(target, name, source[name]!)
    const inner = Object.hasOwn(source, step) ? source[step] : undefined
    setProperty(target, step, this.#placed(inner, depth + 1, input, result))
    return target
  }

  #fail(input: Json): never {
    throw new EvaluationError(
      errorNames.resultPathMatchFailure,
      `Unable to apply Reference Path '${this.source}' to input '${JSON.stringify(input)}'.`,
    )
  }
}

/** Reports a text that is no reference path of the input. */
export function readReferencePath(
  text: string,
  report: (message: string) => void,
): ReferencePath | undefined {
  const fault = faultOf(text)
  if (fault !== undefined) {
    report(`Value is not a Reference Path: ${fault}`)
    return undefined
  }
  return new ReferencePath(text, stepsOf(text)!)
}

function faultOf(text: string): string | undefined {
  if (!text.startsWith('$')) return "Reference path didn't start with '$'"
  if (text.startsWith('$$')) return 'The Context object cannot be changed'
  try {
    if (stepsOf(text) === undefined) return 'It can lead to more than one place'
  } catch (error) {
    if (error instanceof PathSyntaxError) return error.message
    throw error
  }
  return undefined
}

/** The names and indexes of a path that has nothing else. Throws PathSyntaxError. */
function stepsOf(text: string): (string | number)[] | undefined {
  const steps: (string | number)[] = []
  for (const token of parsePath(text.slice(1)).tokens) {
    const [step] =
      token.kind === 'property' ? token.names : token.kind === 'index' ? token.indexes : []
    const isSingle =
      (token.kind === 'property' && token.names.length === 1) ||
      (token.kind === 'index' && token.indexes.length === 1 && token.indexes[0]! >= 0)
    if (!isSingle || step === undefined) return undefined
    steps.push(step)
  }
  return steps
}
