import { isMillraceError } from '../platform/ports/index.ts'
import { oneLine, printLine, styled, type Terminal } from './terminal.ts'

/** Tells a person what went wrong, by the error's name, message and cause. */
export function tellError(terminal: Terminal, error: unknown): void {
  const [what, message] = described(error)
  printLine(terminal.err, `${styled(terminal.err, 'red', `${what}:`)} ${oneLine(message)}`)
  const cause = error instanceof Error ? error.cause : undefined
  if (!(cause instanceof Error) || isMillraceError(error, 'PlatformNotRunning')) return
  if (!message.includes(cause.message)) {
    printLine(terminal.err, `  cause: ${oneLine(cause.message)}`)
  }
}

function described(error: unknown): [what: string, message: string] {
  if (!(error instanceof Error)) return ['millrace: Error', String(error)]
  const { code, syscall, address, port, hostname } = error as ListenError
  if (syscall === 'listen' || syscall === 'getaddrinfo') {
    const where = hostname ?? [address, port].filter((part) => part !== undefined).join(':')
    return [
      `millrace: ${code}`,
      `cannot listen on ${where}: ${remedies[code ?? ''] ?? error.message}`,
    ]
  }
  return [`millrace: ${error.name}`, error.message]
}

/** What Node says of an address that cannot be listened on. */
interface ListenError extends NodeJS.ErrnoException {
  readonly address?: string
  readonly port?: number
  readonly hostname?: string
}

const remedies: Record<string, string> = {
  EADDRINUSE: 'another program listens there; stop it, or give another --port (0 takes a free one)',
  EADDRNOTAVAIL: 'this machine has no such address; give another --host',
  ENOTFOUND: 'there is no host of this name; give another --host',
  EACCES: 'this user may not listen there; give a --port of 1024 or more',
}
