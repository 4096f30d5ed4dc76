import {
  Agent,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
} from 'node:http'
import { MillraceError } from '../ports/errors.ts'
import { refuse, secretHeader } from './http-server.ts'

/**
 * Passes requests on to the owner of the data directory as they came, `Host` and all, and its answers
 * back: streams as streams, in both directions.
 */
export function forwardTo({ port, secret }: { port: number; secret: string }): RequestListener {
  const agent = new Agent({ keepAlive: true })
  return (request, response) => {
    const passed = httpRequest({
      agent,
      host: '127.0.0.1',
      port,
      method: request.method!,
      path: request.url!,
      headers: [...headersOf(request), secretHeader, secret],
    })
    passed.on('response', (answer) => {
      // What is left of a body that was not read to its end would be taken for the next request.
      if (!request.complete) response.shouldKeepAlive = false
      response.writeHead(answer.statusCode!, headersOf(answer)).flushHeaders()
      answer.on('error', () => response.destroy()).pipe(response)
    })
    passed.on('error', () => {
      if (response.headersSent) response.destroy()
      else refuse(response, new MillraceError('InternalError', 'the platform did not answer'))
    })
    response.on('close', () => {
      if (!response.writableFinished) passed.destroy()
    })
    request.on('error', () => passed.destroy()).pipe(passed)
  }
}

/** Of one connection alone, or of us. `Expect` was answered when the request came. */
const ownHeaders: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  secretHeader,
])

/** As they stand, names and values by turns. */
function headersOf({ rawHeaders }: IncomingMessage): string[] {
  const headers: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (ownHeaders.has(rawHeaders[i]!.toLowerCase())) continue
    headers.push(rawHeaders[i]!, rawHeaders[i + 1]!)
  }
  return headers
}
