import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, isIPv6 } from 'node:net'
import type { Engine } from '../engine.ts'
import { EngineError } from '../errors.ts'
import { answer, refusal, type Reply } from './protocol.ts'

export interface ListenOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number
  /** Default 127.0.0.1, where only this machine's programs reach it. */
  readonly host?: string
}

/** Speaks the Step Functions API, until `close`. */
export interface EngineServer {
  /** The `endpoint` of an SDK's client. */
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

/** A definition of 1 MiB is more than that as a text in JSON. */
const maximumBodyBytes = 8 * 1024 * 1024

/**
 * Serves the AWS JSON 1.0 protocol of Step Functions over HTTP. Signatures are not looked at.
 *
 * @param onFault is told of what is no fault of a request's
 * @throws ListenFailed
 */
export async function listen(
  engine: Engine,
  { port = 0, host = '127.0.0.1' }: ListenOptions,
  onFault: (error: unknown) => void,
): Promise<EngineServer> {
  const isLocal = isLoopback(host)
  const server = createServer((request, response) => {
    const isForeign = isLocal && !isLocalHostHeader(request.headers.host, host)
    const replying = isForeign ? Promise.resolve(foreignHost) : reply(engine, request, onFault)
    void replying.then((made) => {
      send(response, made)
    })
  })
  await bind(server, port, host)
  const { port: taken } = server.address() as AddressInfo
  return {
    url: `http://${isIPv6(host) ? `[${host}]` : host}:${taken}`,
    port: taken,
    close: () => close(server),
  }
}

async function reply(
  engine: Engine,
  request: IncomingMessage,
  onFault: (error: unknown) => void,
): Promise<Reply> {
  if (request.method !== 'POST') {
    return refusal(405, 'com.amazon.coral.service#UnknownOperationException', 'expected a POST')
  }
  const body = await readBody(request).catch(() => undefined)
  if (body === undefined) {
    const message = `the body has more than ${maximumBodyBytes} bytes, or was broken off`
    return refusal(413, 'com.amazon.coral.service#RequestEntityTooLargeException', message)
  }
  const target = request.headers['x-amz-target']
  return answer(engine, typeof target === 'string' ? target : undefined, body, onFault)
}

/** Rejects for a body that is too large or that is broken off. */
async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maximumBodyBytes) throw new RangeError('too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function send(response: ServerResponse, { status, body }: Reply): void {
  response.writeHead(status, {
    'Content-Type': 'application/x-amz-json-1.0',
    'Content-Length': Buffer.byteLength(body),
    'x-amzn-RequestId': randomUUID(),
    // What is left of a body that is too large is not read.
    ...(status === 413 ? { Connection: 'close' } : {}),
  })
  response.end(body)
}

const foreignHost = refusal(
  403,
  'com.amazon.coral.service#AccessDeniedException',
  'this server answers only requests to this machine by its own name',
)

/** A name that a page elsewhere has made to mean this machine (DNS rebinding) is not one of its own. */
function isLocalHostHeader(header: string | undefined, host: string): boolean {
  const name =
    header
      ?.replace(/:\d+$/, '')
      .replace(/^\[(.*)\]$/, '$1')
      .toLowerCase() ?? ''
  // SDKs put it before the host of StartSyncExecution and TestState.
  const own = name.replace(/^sync-/, '')
  return own === host.toLowerCase() || isLoopback(own)
}

function isLoopback(host: string): boolean {
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '::1' ||
    /^127(?:\.\d{1,3}){3}$/.test(host)
  )
}

async function bind(server: Server, port: number, host: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  try {
    server.once('error', reject)
    server.listen(port, host, () => {
      resolve(undefined)
    })
    await promise
    server.off('error', reject)
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string }
    throw new EngineError(
      'ListenFailed',
      code === 'EADDRINUSE'
        ? `port ${port} of ${host} is taken by another program: give another port, or 0 for a free one`
        : `cannot listen on port ${port} of ${host}: ${message}`,
      { cause: error },
    )
  }
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      resolve()
    })
  })
  server.closeAllConnections()
  await closed
}
