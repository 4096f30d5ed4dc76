import { timingSafeEqual } from 'node:crypto'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { problem, problemHeaders } from '../../api/problem.ts'
import { bodyTooLarge, maxBodyBytes } from '../../api/requests.ts'
import type { ShortWay } from '../../api/short-way.ts'
import { MillraceError } from '../ports/errors.ts'
import { headersTooLarge, refuseClient } from './client-errors.ts'

export interface LocalServer {
  readonly url: string
  /** Takes no new request, lets those under way end for a moment, then closes. */
  close(): Promise<void>
}

/** What answers. */
export interface Served {
  /** Of the requests that it takes. */
  readonly shortWay: ShortWay
  /** Of all others. */
  readonly others: RequestListener
}

export interface ServeOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Milliseconds in which the headers of a request must have come. @default 20000 */
  readonly headersTimeout?: number
  /** Milliseconds in which all of a request must have come. @default 300000 */
  readonly requestTimeout?: number
  /**
   * Makes it a server for worker processes alone: each request must have this under `secretHeader`, and
   * was checked by the worker that it came to. @default it is for everyone who reaches it
   */
  readonly secret?: string
  /** Where a proxy before it is reached: requests may name its host, and come from its pages. */
  readonly publicUrl?: string | undefined
}

/** Where a worker process shows that it is one. */
export const secretHeader = 'x-millrace-worker'

/** Headers that a request may have; Node drops those past its own limit in silence. */
const maxHeaders = 200

/** How long `close` waits for requests under way, in milliseconds. */
const closePatience = 2000

/**
 * Serves requests on an address. On a loopback address it refuses requests that name another host, or
 * come from a page of another origin, than its own and the public ones: a web page could reach the server
 * through its reader's browser.
 *
 * Predictions take a short way past Request and Response, which cost more than the prediction.
 *
 * @throws the system's error (EADDRINUSE, EACCES) when it cannot listen there.
 */
export async function serveRequests(
  { shortWay, others }: Served,
  { host, port, headersTimeout = 20_000, requestTimeout = 300_000, ...options }: ServeOptions,
): Promise<LocalServer> {
  const { secret, publicUrl } = options
  const isLocal = isLoopback(host)
  const outside = publicUrl === undefined ? undefined : new URL(publicUrl)
  const refusalOf = (request: IncomingMessage) =>
    secret === undefined
      ? (unclear(request) ?? (isLocal ? foreign(request.headers, outside) : undefined))
      : unproven(request.headers, secret)
  const connectionsCheckingInterval = Math.min(headersTimeout, 5000)
  const limits = {
    headersTimeout,
    requestTimeout,
    connectionsCheckingInterval,
    // Workers keep their connections, and what they pass on has a header more.
    ...(secret === undefined ? {} : { keepAliveTimeout: 0, maxHeaderSize: 32 * 1024 }),
  }
  const server = createServer(limits, (request, response) => {
    const refusal = refusalOf(request)
    if (refusal !== undefined) refuse(response, refusal)
    else if (shortWay.takes(asPlain(request))) void answerPrediction(shortWay, request, response)
    else others(request, response)
  })
  server.on('clientError', refuseClient)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return {
    url: urlOf(server.address() as AddressInfo),
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

export function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

async function answerPrediction(
  predictions: ShortWay,
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

/** Answers the problem. */
export function refuse(response: ServerResponse, error: MillraceError): void {
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

function unproven(
  { [secretHeader]: shown }: IncomingMessage['headers'],
  secret: string,
): MillraceError | undefined {
  const [given, right] = [Buffer.from(String(shown)), Buffer.from(secret)]
  if (given.length === right.length && timingSafeEqual(given, right)) return undefined
  return new MillraceError('HostRefused', 'this server is for processes of the platform alone')
}

function foreign(
  { host, origin }: IncomingMessage['headers'],
  outside: URL | undefined,
): MillraceError | undefined {
  const name = host?.replace(/:\d+$/, '').toLowerCase()
  if (name === undefined || !(loopbackNames.has(name) || name === outside?.hostname)) {
    return new MillraceError(
      'HostRefused',
      `this server answers on loopback, not as "${host ?? ''}"`,
    )
  }
  if (origin !== undefined && origin !== `http://${host}` && origin !== outside?.origin) {
    return new MillraceError('HostRefused', `this server takes no requests from "${origin}"`)
  }
  return undefined
}
