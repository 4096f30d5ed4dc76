import type { OutputStream } from './terminal.ts'

/** Columns of a bar, where there is room. */
const widest = 24
const narrowest = 8

export interface BarLine {
  /** What it is about; left out where there is no room for it. */
  readonly label?: string
  /** 0 to 1 */
  readonly share: number
  /** What is told behind the bar; empty ones are nothing. */
  readonly rate: string
  readonly left: string
}

/** A bar as wide as the terminal lets it, and what it means; how long it takes says more than how fast. */
export function barLine(stream: OutputStream, { label, share, rate, left }: BarLine): string {
  const columns = stream.columns ?? 80
  const percent = `${Math.floor(share * 100)} %`.padStart(5)
  const named = label === undefined ? '' : `${label} `
  const choices = [
    [named, [percent, rate, left]],
    [named, [percent, left]],
    [named, [percent]],
    ['', [percent, left]],
    ['', [percent]],
  ] as const
  const lines = choices.map(([before, parts]) => ({
    before: `  ${before}`,
    after: ` ${parts.filter((part) => part !== '').join('  ')}`,
  }))
  const roomOf = ({ before, after }: (typeof lines)[number]) =>
    columns - before.length - after.length
  const chosen = lines.find((line) => roomOf(line) >= narrowest) ?? lines.at(-1)!
  const width = Math.max(narrowest, Math.min(widest, roomOf(chosen)))
  const filled = Math.round(share * width)
  return `${chosen.before}${'█'.repeat(filled)}${'░'.repeat(width - filled)}${chosen.after}`
}
