import { type Json, setProperty } from '../data.ts'

/**
 * A response of the API as a service integration shows it: with the names of its fields in PascalCase,
 * and dates as `showDate` makes them.
 */
export function pascalCase(value: unknown, showDate: (date: Date) => Json): Json {
  return recase(value, (name) => name.charAt(0).toUpperCase() + name.slice(1), showDate)
}

/** The parameters of a service integration as a request of the API. */
export function camelCase(value: Json): Json {
  return recase(value, (name) => name.charAt(0).toLowerCase() + name.slice(1), String)
}

/** Of a map, whose names are data. */
const maps: ReadonlySet<string> = new Set(['assignedVariables', 'variableReferences'])

function recase(
  value: unknown,
  rename: (name: string) => string,
  showDate: (date: Date) => Json,
): Json {
  if (value instanceof Date) return showDate(value)
  if (value === null || typeof value !== 'object') return value as Json
  if (Array.isArray(value)) return value.map((item) => recase(item, rename, showDate))
  const result: Record<string, Json> = {}
  for (const [name, item] of Object.entries(value)) {
    if (item === undefined) continue
    const shown = maps.has(name) ? (item as Json) : recase(item, rename, showDate)
    setProperty(result, rename(name), shown)
  }
  return result
}
