import { isObject, type Json, setProperty } from '../data.ts'
import { type Evaluation, NoResult, TooMuchWork } from './evaluation.ts'
import { holds } from './filter.ts'
import { applyFunction } from './functions.ts'
import { matchesWhole, PatternTimeout } from './pattern.ts'
import { type Path, pathText, type Token } from './path.ts'

/** Values that one evaluation may look at. */
const maximumSteps = 1_000_000

/**
 * What the path finds from `root`: the value when it is definite, the array of all values otherwise.
 *
 * @throws NoResult for a definite path that leads nowhere, TooMuchWork
 */
export function select(path: Path, root: Json): Json {
  return new Selection(root).from(path, root)
}

class Selection implements Evaluation {
  readonly root: Json
  #steps = 0
  /** Milliseconds left for patterns. */
  #patience = 1000

  constructor(root: Json) {
    this.root = root
  }

  from(path: Path, start: Json): Json {
    const found: Json[] = []
    this.#walk(path.tokens, 0, start, found)
    if (!path.isDefinite) return found
    if (found.length > 0) return found[0]!
    throw this.#noResult(path.tokens, start)
  }

  #walk(tokens: readonly Token[], at: number, value: Json, found: Json[]): void {
    this.count()
    const token = tokens[at]
    if (token === undefined) {
      found.push(value)
      return
    }
    const next = (item: Json) => {
      this.#walk(tokens, at + 1, item, found)
    }
    switch (token.kind) {
      case 'property':
        for (const item of propertiesOf(value, token.names, at === tokens.length - 1)) next(item)
        break
      case 'index':
        if (isArray(value)) {
          for (const index of token.indexes) {
            const item = value[index < 0 ? value.length + index : index]
            if (item !== undefined) next(item)
          }
        }
        break
      case 'slice':
        if (isArray(value)) for (const item of value.slice(token.from, token.to)) next(item)
        break
      case 'wildcard':
        for (const item of below(value)) next(item)
        break
      case 'filter':
        // An object is asked itself; of an array, each element.
        for (const item of isArray(value) ? value : isObject(value) ? [value] : []) {
          if (holds(token.condition, item, this)) next(item)
        }
        break
      case 'descent':
        this.#descend(tokens, at, value, found)
        break
      case 'function':
        next(applyFunction(token, value, this))
        break
    }
  }

  /** Throws TooMuchWork when all patterns together take too long. */
  matches(pattern: { readonly source: string; readonly flags: string }, text: string): boolean {
    const start = performance.now()
    try {
      return matchesWhole(pattern, text, this.#patience)
    } catch (error) {
      throw error instanceof PatternTimeout ? new TooMuchWork(error.message) : error
    } finally {
      this.#patience -= performance.now() - start
      if (this.#patience < 0) this.#steps = maximumSteps
    }
  }

  /** Throws TooMuchWork when this step is one too many. */
  count(): void {
    if (++this.#steps > maximumSteps)
      throw new TooMuchWork(`The path looks at more than ${maximumSteps} values`)
  }

  /** Says where a definite path ends before its end. */
  #noResult(tokens: readonly Token[], start: Json): NoResult {
    const found = (length: number): Json | undefined => {
      const values: Json[] = []
      this.#walk(tokens.slice(0, length), 0, start, values)
      return values[0]
    }
    const missing = tokens.findIndex((_, i) => found(i + 1) === undefined)
    const text = `$${pathText(tokens.slice(0, missing + 1))}`
    if (missing === tokens.length - 1) {
      const isPastEnd = tokens[missing]?.kind === 'index' && Array.isArray(found(missing))
      return new NoResult(`No results for path: ${text}`, isPastEnd)
    }
    return new NoResult(`Missing property in path ${text}`)
  }

  /** Applies the next token to the value and to everything below it, from the outside in. */
  #descend(tokens: readonly Token[], at: number, value: Json, found: Json[]): void {
    const token = tokens[at + 1]!
    const pending: Json[] = [value]
    while (pending.length > 0) {
      this.count()
      const item = pending.pop()!
      // A filter is asked of every object: the elements of an array come by themselves.
      if (!(token.kind === 'filter' && isArray(item))) {
        this.#walk(tokens, at + 1, item, found)
      }
      const inner = below(item)
      for (let i = inner.length - 1; i >= 0; i--) {
        const each = inner[i]!
        if (each !== null && typeof each === 'object') pending.push(each)
      }
    }
  }
}

/** The last step with several names answers them together, as one object. */
function propertiesOf(value: Json, names: readonly string[], isLast: boolean): readonly Json[] {
  if (!isObject(value)) return []
  const source = value as Readonly<Record<string, Json>>
  const present = names.filter((name) => Object.hasOwn(source, name))
  if (names.length === 1 || !isLast) return present.map((name) => source[name]!)
  const together: Record<string, Json> = {}
  for (const name of present) setProperty(together, name, source[name]!)
  return [together]
}

function below(value: Json): readonly Json[] {
  if (value === null || typeof value !== 'object') return []
  return isArray(value) ? value : Object.values(value)
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
