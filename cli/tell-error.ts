import { isMillraceError } from '../platform/ports/index.ts'
import { printLine, styled, type Terminal } from './terminal.ts'

/** Tells a person what went wrong, by the error's name, message and cause. */
export function tellError(terminal: Terminal, error: unknown): void {
  const name = error instanceof Error ? error.name : 'Error'
  const message = error instanceof Error ? error.message : String(error)
  printLine(terminal.err, `${styled(terminal.err, 'red', `millrace: ${name}:`)} ${message}`)
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof Error && !isMillraceError(error, 'PlatformNotRunning')) {
    printLine(terminal.err, `  cause: ${cause.message}`)
  }
}
