import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import type { AddressInfo } from 'node:net'
import { problemResponse } from '../../api/problem.ts'
import { MillraceError } from '../ports/errors.ts'

export interface LocalServer {
  readonly url: string
  /** Takes no new request, lets those under way end for a moment, then closes. */
  close(): Promise<void>
}

/** How long `close` waits for requests under way, in milliseconds. */
const closePatience = 2000

/**
 * Serves an app on an address. On a loopback address it refuses requests that name another host, or
 * come from a page of another origin: a web page could reach the server through its reader's browser.
 *
 * @throws the system's error (EADDRINUSE, EACCES) when it cannot listen there.
 */
export async function serve(
  fetch: (request: Request) => Promise<Response>,
  { host, port }: { host: string; port: number },
): Promise<LocalServer> {
  const isLoopback = loopbackNames.has(host)
  const server = createAdaptorServer({
    fetch: (request, env) => {
      const { headers } = (env as HttpBindings).incoming
      const refusal = isLoopback ? foreign(headers.host, headers.origin) : undefined
      return refusal === undefined ? fetch(request) : problemResponse(refusal)
    },
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const address = server.address() as AddressInfo
  const shownHost = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return {
    url: `http://${shownHost}:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        const deadline = setTimeout(() => {
          if ('closeAllConnections' in server) server.closeAllConnections()
        }, closePatience)
        server.close(() => {
          clearTimeout(deadline)
          resolve()
        })
        if ('closeIdleConnections' in server) server.closeIdleConnections()
      }),
  }
}

const loopbackNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1', '[::1]'])

function foreign(host: string | undefined, origin: string | undefined): MillraceError | undefined {
  const name = host?.replace(/:\d+$/, '')
  if (name === undefined || !loopbackNames.has(name.toLowerCase())) {
    return new MillraceError(
      'HostRefused',
      `this server answers on loopback, not as host "${host}"`,
    )
  }
  if (origin !== undefined && origin !== `http://${host}`) {
    return new MillraceError('HostRefused', `this server takes no requests from "${origin}"`)
  }
  return undefined
}
