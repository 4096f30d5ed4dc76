import { styleText } from 'node:util'

/** Where a command writes: what it answers to `out`, what it says about that to `err`. */
export interface Terminal {
  readonly out: OutputStream
  readonly err: OutputStream
  /** Where a question is answered; none where nobody can. */
  readonly in?: NodeJS.ReadableStream & { isTTY?: boolean }
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
}

export type OutputStream = NodeJS.WritableStream & {
  isTTY?: boolean
  columns?: number
  rows?: number
}

export type Style = Parameters<typeof styleText>[0]

/** Colour where the stream shows it and NO_COLOR does not forbid it. */
export function styled(stream: NodeJS.WritableStream, style: Style, text: string): string {
  return styleText(style, text, { stream })
}

export function printLine(stream: NodeJS.WritableStream, text = ''): void {
  stream.write(`${text}\n`)
}

export function printJson(stream: NodeJS.WritableStream, value: unknown): void {
  printLine(stream, JSON.stringify(value, null, 2))
}

/** Aligns cells in columns; numbers to the right. */
export function table(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const shown = rows.map((row) => row.map((cell) => (cell === null ? '-' : oneLine(String(cell)))))
  const widths = header.map((title, j) =>
    Math.max(title.length, ...shown.map((row) => row[j]!.length)),
  )
  const numeric = header.map((_, j) => rows.some((row) => typeof row[j] === 'number'))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, j) => (numeric[j] ? cell.padStart(widths[j]!) : cell.padEnd(widths[j]!)))
      .join('  ')
      .trimEnd()
  return [line(header), ...shown.map(line)].join('\n')
}

export type Cell = string | number | null

/**
 * Text on one line without control characters: what comes from data, as a class label or a cause,
 * must not move the cursor or break a table.
 */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ').trim()
}

/** A figure for people: four decimals of what is at most 1, six digits of more. */
export function figure(value: number): string {
  return Math.abs(value) <= 1 ? value.toFixed(4) : String(Number(value.toPrecision(6)))
}

export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(2)} s`
  return `${Math.floor(milliseconds / 60_000)} min ${Math.round((milliseconds % 60_000) / 1000)} s`
}
