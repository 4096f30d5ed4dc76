import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener, RequestError } from '@hono/node-server'
import type { Api } from '../../api/app.ts'
import { problem, problemHeaders, problemResponse } from '../../api/problem.ts'
import { bodyTooLarge, maxBodyBytes } from '../../api/requests.ts'
import { MillraceError } from '../ports/errors.ts'
import { headersTooLarge, refuseClient } from './client-errors.ts'

export interface LocalServer {
  readonly url: string
  /** Takes no new request, lets those under way end for a moment, then closes. */
  close(): Promise<void>
}

export interface ServeOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Milliseconds in which the headers of a request must have come. @default 20000 */
  readonly headersTimeout?: number
  /** Milliseconds in which all of a request must have come. @default 300000 */
  readonly requestTimeout?: number
}

/** Headers that a request may have; Node drops those past its own limit in silence. */
const maxHeaders = 200

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
  api: Pick<Api, 'fetch' | 'shortWay'>,
  { host, port, headersTimeout = 20_000, requestTimeout = 300_000 }: ServeOptions,
): Promise<LocalServer> {
  const isLocal = isLoopback(host)
  const listener = getRequestListener((request) => api.fetch(request), {
    errorHandler: (error) => problemResponse(unreadable(error)),
  })
  const connectionsCheckingInterval = Math.min(headersTimeout, 5000)
  const limits = { headersTimeout, requestTimeout, connectionsCheckingInterval }
  const server = createServer(limits, (request, response) => {
    const refusal = unclear(request) ?? (isLocal ? foreign(request.headers) : undefined)
    if (refusal !== undefined) refuse(response, refusal)
    else if (api.shortWay.takes(asPlain(request))) {
      void answerPrediction(api.shortWay, request, response)
    } else void listener(request, response)
  })
  server.on('clientError', refuseClient)
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
  predictions: Api['shortWay'],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { status, headers, body } = await predictions.answer(asPlain(request))
  // What is left of a body that was not read to its end would be taken for the next request.
  if (!request.complete) response.shouldKeepAlive = false
  send(response, status, headers, body)
}

/** Every request has a method and a URL. */
function asPlain(request: IncomingMessage) {
  const { method, url, headers } = request
  return { method: method!, path: url!, headers, body: () => readBody(request) }
}

/** As the API's own, by events: a stream's iterator costs as much as the prediction. */
function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length']) > maxBodyBytes) return reject(bodyTooLarge())
    // Gone while it was found out who asks: nothing would be told of it any more.
    if (request.destroyed) return reject(requestCutShort())
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

function requestCutShort(): MillraceError {
  return new MillraceError('RequestInvalid', 'the request ended before its body did')
}

/** A URL or a Host of which no Request can be made; the API itself answers its own faults. */
function unreadable(error: unknown): MillraceError {
  return error instanceof RequestError
    ? new MillraceError('RequestInvalid', `the request cannot be read: ${error.message}`)
    : new MillraceError('InternalError', 'the request failed on our side')
}

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

/** Whether only programs of this machine reach a server that listens on `host`. */
export function isLoopback(host: string): boolean {
  return loopbackNames.has(host)
}

const loopbackNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1', '[::1]'])

/** What others on the way may read otherwise than this server, or Node reads in part. */
function unclear({ url, rawHeaders }: IncomingMessage): MillraceError | undefined {
  if (rawHeaders.length > 2 * maxHeaders) return headersTooLarge()
  if (!url!.startsWith('/')) {
    return new MillraceError('RequestInvalid', 'the target of a request is a path here')
  }
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  if (hosts > 1) return new MillraceError('RequestInvalid', 'the request has two Host headers')
  return undefined
}

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
