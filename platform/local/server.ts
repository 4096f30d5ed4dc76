import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Api } from '../../api/app.ts'
import { problem, problemHeaders, problemOf } from '../../api/problem.ts'
import { bodyTooLarge, maxBodyBytes } from '../../api/requests.ts'
import { MillraceError } from '../ports/errors.ts'
import type { Logger } from '../ports/observability.ts'

export interface LocalServer {
  readonly url: string
  /** Takes no new request, lets those under way end for a moment, then closes. */
  close(): Promise<void>
}

/** How long `close` waits for requests under way, in milliseconds. */
const closePatience = 2000

/**
 * Serves the API on an address. On a loopback address it refuses requests that name another host, or
 * come from a page of another origin: a web page could reach the server through its reader's browser.
 *
 * Predictions take a short way past Request and Response, which cost more than the prediction.
 *
 * @throws the system's error (EADDRINUSE, EACCES) when it cannot listen there.
 */
export async function serve(
  api: Pick<Api, 'fetch' | 'predictions'>,
  logger: Logger,
  { host, port }: { host: string; port: number },
): Promise<LocalServer> {
  const isLoopback = loopbackNames.has(host)
  const listener = getRequestListener((request) => api.fetch(request))
  const server = createServer((request, response) => {
    const refusal = isLoopback ? foreign(request.headers) : undefined
    if (refusal !== undefined) refuse(response, refusal)
    else if (request.method === 'POST' && api.predictions.matches(request.url!)) {
      void answerPrediction(api.predictions, request, response, logger)
    } else void listener(request, response)
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
        const deadline = setTimeout(() => server.closeAllConnections(), closePatience)
        server.close(() => {
          clearTimeout(deadline)
          resolve()
        })
        server.closeIdleConnections()
      }),
  }
}

async function answerPrediction(
  predictions: Api['predictions'],
  request: IncomingMessage,
  response: ServerResponse,
  logger: Logger,
): Promise<void> {
  try {
    const body = await readBody(request)
    const type = request.headers['content-type']
    const text = JSON.stringify(await predictions.answer(request.url!, type, body))
    send(response, 200, jsonHeaders, text)
  } catch (error) {
    // What is left of a body that was not read to its end would be taken for the next request.
    if (!request.complete) response.shouldKeepAlive = false
    refuse(response, problemOf(error, logger))
  }
}

/** As the API's own, by events: a stream's iterator costs as much as the prediction. */
function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length']) > maxBodyBytes) return reject(bodyTooLarge())
    const chunks: Buffer[] = []
    let size = 0
    request
      .on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > maxBodyBytes) {
          request.pause()
          reject(bodyTooLarge())
        } else chunks.push(chunk)
      })
      .on('end', () => resolve(Buffer.concat(chunks).toString()))
      .on('error', reject)
  })
}

const jsonHeaders = { 'content-type': 'application/json' }

function refuse(response: ServerResponse, error: MillraceError): void {
  send(response, error.status, problemHeaders(error), JSON.stringify(problem(error)))
}

function send(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  text: string,
): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(text) }).end(text)
}

const loopbackNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1', '[::1]'])

function foreign({ host, origin }: IncomingMessage['headers']): MillraceError | undefined {
  const name = host?.replace(/:\d+$/, '')
  if (name === undefined || !loopbackNames.has(name.toLowerCase())) {
    return new MillraceError(
      'HostRefused',
      `this server answers on loopback, not as "${host ?? ''}"`,
    )
  }
  if (origin !== undefined && origin !== `http://${host}`) {
    return new MillraceError('HostRefused', `this server takes no requests from "${origin}"`)
  }
  return undefined
}
