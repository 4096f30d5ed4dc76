import { InvalidArgumentError } from 'commander'
import type { Terminal } from './terminal.ts'

/** What every command gets: the terminal, and where to leave its exit code. */
export interface Run {
  readonly terminal: Terminal
  exitCode: number
}

/** `--data-dir`, as every command that talks to the platform has it. */
export const dataDirOption = [
  '--data-dir <dir>',
  'where the platform keeps its data',
  process.env['MILLRACE_DATA_DIR'] ?? '.millrace',
] as const

/** `--data-dir` for a command that is suggested; nothing where the default will do. */
export function dataDirArgument(dataDir: string): string {
  return dataDir === dataDirOption[2] ? '' : ` --data-dir ${dataDir}`
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`It takes a whole number from ${least} to ${most}.`)
    }
    return value
  }
}

/** Names between commas. */
export function readList(text: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  if (names.some((name) => name === '')) {
    throw new InvalidArgumentError('It takes names between commas, as svc,majority.')
  }
  return names
}
