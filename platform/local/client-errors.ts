import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { problem, problemHeaders } from '../../api/problem.ts'
import { MillraceError } from '../ports/errors.ts'

/** How long a client that is refused may go on sending before its connection is cut, in milliseconds. */
const lingerMilliseconds = 1000

const refused = new WeakSet<Duplex>()

/**
 * Answers what is no HTTP that this server takes, and never became a request: headers that are too large
 * or too slow, a body's length given twice. The connection ends with it.
 *
 * It is not cut at once: the system would drop the answer where the client is still sending.
 */
export function refuseClient(error: NodeJS.ErrnoException, socket: Duplex): void {
  // What the client sends on is read, to be dropped, and is no HTTP either.
  if (refused.has(socket)) return
  refused.add(socket)
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const told = toldOf(error)
  const body = JSON.stringify(problem(told))
  const headers = {
    ...problemHeaders(told),
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${told.status} ${STATUS_CODES[told.status]}\r\n${lines.join('')}\r\n${body}`)
  const cut = setTimeout(() => socket.destroy(), lingerMilliseconds)
  socket.once('close', () => clearTimeout(cut))
}

export function headersTooLarge(): MillraceError {
  return new MillraceError(
    'HeadersTooLarge',
    'the URL and the headers of the request are too long, or too many: shorten them',
  )
}

function toldOf({ code, message }: NodeJS.ErrnoException): MillraceError {
  if (code === 'HPE_HEADER_OVERFLOW') return headersTooLarge()
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new MillraceError('RequestTimeout', 'the request took too long to arrive')
  }
  return new MillraceError('RequestInvalid', `this is no HTTP request: ${message}`)
}
