import { EngineError } from '../errors.ts'
import { type Json, setProperty } from '../data.ts'

/**
 * A definition with each `${Name}` in its strings replaced, as CloudFormation's
 * DefinitionSubstitutions does. The definition is parsed JSON and is not changed.
 *
 * @throws MissingSubstitution that lists the names that have no substitution
 */
export function substitute<T>(definition: T, substitutions: Readonly<Record<string, string>>): T {
  const missing = new Set<string>()
  const replaceIn = (text: string): string =>
    text.replaceAll(/\$\{([A-Za-z][A-Za-z0-9]*)\}/g, (placeholder, name: string) => {
      if (Object.hasOwn(substitutions, name)) return substitutions[name]!
      missing.add(name)
      return placeholder
    })
  const visit = (value: Json): Json => {
    if (typeof value === 'string') return replaceIn(value)
    if (value === null || typeof value !== 'object') return value
    if (Array.isArray(value)) return (value as readonly Json[]).map(visit)
    const result: Record<string, Json> = {}
    for (const [name, item] of Object.entries(value)) setProperty(result, name, visit(item))
    return result
  }
  const substituted = visit(definition as Json)
  if (missing.size > 0) {
    throw new EngineError(
      'MissingSubstitution',
      `the definition names ${[...missing].join(', ')}, for which there is no substitution`,
      { details: { missing: [...missing] } },
    )
  }
  return substituted as T
}
