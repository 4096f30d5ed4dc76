import { facts, tables } from './tables.ts'

export type TableName = keyof typeof tables

/** The page with its tables computed anew. Throws Error where it has no place for one. */
export function withTables(page: string, names = Object.keys(tables) as TableName[]): string {
  return names.reduce(
    (text, name) => replaced(text, `table: ${name}`, tables[name]()),
    replaced(page, 'facts', facts),
  )
}

function replaced(text: string, name: string, contents: string): string {
  const [start, end] = [`<!-- ${name} -->\n`, '<!-- end -->']
  const from = text.indexOf(start)
  const to = text.indexOf(end, from)
  if (from < 0 || to < 0) throw new Error(`docs/scale.md has no place for "${name}"`)
  return `${text.slice(0, from)}${start}\n${contents}\n\n${text.slice(to)}`
}
