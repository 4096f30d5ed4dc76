/** How numbers are written for people in reports. */

/** A whole number in full, another one to four digits; a dash for what is none. */
export function figure(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size >= 1e9 || (size < 1e-4 && size > 0)) return value.toExponential(3)
  if (Number.isInteger(value)) return grouped(String(value))
  const [whole = '', fraction] = String(Number(value.toPrecision(size >= 1000 ? 6 : 4))).split('.')
  return fraction === undefined ? grouped(whole) : `${grouped(whole)}.${fraction}`
}

export function percent(share: number): string {
  if (!Number.isFinite(share)) return '–'
  return `${Number((share * 100).toPrecision(3))}%`
}

/** A time for people: to the second, in UTC. */
export function moment(iso: string): string {
  return iso.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC')
}

/** Thin spaces between thousands. */
function grouped(whole: string): string {
  return whole.replace(/(?<=\d)(?=(\d{3})+$)/g, '\u202f')
}
