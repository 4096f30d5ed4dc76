import type { RequestListener } from 'node:http'
import { getRequestListener, RequestError } from '@hono/node-server'
import type { Api } from '../../api/app.ts'
import { problemResponse } from '../../api/problem.ts'
import { MillraceError } from '../ports/errors.ts'
import { serveRequests, type LocalServer, type ServeOptions } from './http-server.ts'

export type { LocalServer, ServeOptions }

/** The API on an address, see `serveRequests`. */
export function serve(
  api: Pick<Api, 'fetch' | 'shortWay'>,
  options: ServeOptions,
): Promise<LocalServer> {
  const others = appListener((request) => api.fetch(request))
  return serveRequests({ shortWay: api.shortWay, others }, options)
}

/** What answers Node's requests by an app over Request and Response. */
function appListener(fetch: (request: Request) => Promise<Response>): RequestListener {
  const listener = getRequestListener(fetch, {
    errorHandler: (error) => problemResponse(unreadable(error)),
  })
  return (request, response) => void listener(request, response)
}

/** A URL or a Host of which no Request can be made; the API itself answers its own faults. */
function unreadable(error: unknown): MillraceError {
  return error instanceof RequestError
    ? new MillraceError('RequestInvalid', `the request cannot be read: ${error.message}`)
    : new MillraceError('InternalError', 'the request failed on our side')
}
