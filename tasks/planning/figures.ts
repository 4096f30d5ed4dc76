/** Figures of a plan as people read them. */

export function bytesText(bytes: number): string {
  const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  const power = Math.min(units.length, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  if (power === 0) return `${Math.round(bytes)} bytes`
  const value = bytes / 1024 ** power
  return `${value >= 100 ? Math.round(value) : Number(value.toPrecision(2))} ${units[power - 1]!}`
}

export function secondsText(seconds: number): string {
  if (seconds < 10) return `${Number(Math.max(seconds, 0.1).toPrecision(2))} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  const minutes = seconds / 60
  if (minutes < 120) return `${Math.round(minutes)} min`
  const hours = minutes / 60
  return hours < 48 ? `${Number(hours.toPrecision(2))} h` : `${Math.round(hours / 24)} days`
}

export function countText(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}
