/**
 * Milliseconds since 1970 of a time by RFC 3339 with an upper-case `T` and offset, or undefined. Parts
 * of a millisecond are cut off.
 */
export function timeOf(text: string): number | undefined {
  const match = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?)(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/.exec(
    text,
  )
  if (match === null) return undefined
  const [, local, fraction = '', offset] = match as unknown as [string, string, string?, string?]
  const time = Date.parse(`${local}${fraction.slice(0, 4)}${offset}`)
  // Date.parse takes a 30 February for a 1 March.
  const day = new Date(Date.parse(`${local}Z`)).getUTCDate()
  return Number.isNaN(time) || day !== Number(local.slice(8, 10)) ? undefined : time
}
