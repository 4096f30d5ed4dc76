import { type Context, createContext, Script } from 'node:vm'

/** A pattern of a filter whose texts took too long, as one does that backtracks. */
export class PatternTimeout extends Error {
  override readonly name = 'PatternTimeout'
}

/**
 * Whether the whole text matches, as Java's `matches` has it.
 *
 * @param milliseconds that it may take; what is certain to be fast is not watched
 * @throws PatternTimeout
 */
export function matchesWhole(
  pattern: { readonly source: string; readonly flags: string },
  text: string,
  milliseconds: number,
): boolean {
  const { source, flags } = pattern
  if (isLinear(source)) return new RegExp(`^(?:${source})$`, flags).test(text)
  context ??= createContext(Object.create(null) as Context)
  Object.assign(context, { source, flags, text })
  try {
    return script.runInContext(context, {
      timeout: Math.max(1, Math.ceil(milliseconds)),
    }) as boolean
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    context = undefined
    throw new PatternTimeout(`The pattern /${source}/ took too long`)
  }
}

const script = new Script('new RegExp(`^(?:${source})$`, flags).test(text)')

let context: Context | undefined

/** No groups, and at most one part of any length: each character is looked at once or twice. */
function isLinear(source: string): boolean {
  return !/[()]|\\\d/.test(source) && (source.match(/[*+]|\{\d*,/g)?.length ?? 0) <= 1
}
