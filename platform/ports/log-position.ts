import { MillraceError } from './errors.ts'

const width = 16

/** A position of a log that counts its records, as text of one width, so that it compares as text. */
export function logPosition(count: number): string {
  return String(count).padStart(width, '0')
}

/** The count of a position; CursorInvalid unless `logPosition` made it. */
export function parseLogPosition(position: string): number {
  if (!/^\d{16}$/.test(position)) {
    throw new MillraceError(
      'CursorInvalid',
      `the position ${JSON.stringify(position)} is not one that this log gave`,
    )
  }
  return Number(position)
}
