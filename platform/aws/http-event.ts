import { bodyTooLarge, maxBodyBytes } from '../../api/requests.ts'
import { MillraceError } from '../ports/errors.ts'

/** An HTTP request as API Gateway hands it to a function: an HTTP API's (2.0) or a REST API's (1.0). */
export interface HttpEvent {
  readonly version?: string
  readonly requestContext: {
    readonly stage?: string
    readonly apiId?: string
    readonly domainName?: string
    readonly requestId?: string
    /** 2.0: by the kind of authorizer. 1.0: what the authorizer said, or its `claims`. */
    readonly authorizer?: Readonly<Record<string, unknown>> | null
    readonly http?: { readonly method: string }
  }
  /** 2.0 */
  readonly rawPath?: string
  readonly rawQueryString?: string
  /** 1.0 */
  readonly path?: string
  readonly httpMethod?: string
  readonly multiValueQueryStringParameters?: Readonly<
    Record<string, readonly string[] | undefined>
  > | null
  readonly headers?: Readonly<Record<string, string | undefined>> | null
  readonly body?: string | null
  readonly isBase64Encoded?: boolean
}

/** What is asked, whichever API it came through. */
export interface HttpRequest {
  readonly method: string
  /** From the root of our routes, with its query: without the API's stage. */
  readonly path: string
  /** By lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** API Gateway's id of the request. */
  readonly requestId: string | undefined
  /** Throws BodyTooLarge. */
  readonly body: () => Buffer
}

/** Throws RequestInvalid for what is no event of API Gateway. */
export function httpRequest(event: HttpEvent): HttpRequest {
  const method = event?.requestContext?.http?.method ?? event?.httpMethod
  const path = event?.rawPath ?? event?.path
  if (typeof method !== 'string' || typeof path !== 'string') {
    throw new MillraceError(
      'RequestInvalid',
      'the event is no request of API Gateway: call this function through its HTTP API',
    )
  }
  const query = event.rawQueryString ?? queryOf(event)
  return {
    method,
    path: `${encodedPath(withoutStage(event, path))}${query === '' ? '' : `?${query}`}`,
    headers: lowerCased(event.headers ?? {}),
    requestId: event.requestContext.requestId,
    body: () => bodyOf(event),
  }
}

/**
 * On an API's own address the path begins with the stage, where that is not `$default`; on a domain of
 * one's own it does not. A REST API takes the stage off itself.
 */
function withoutStage({ requestContext, rawPath }: HttpEvent, path: string): string {
  const { stage = '$default', apiId, domainName } = requestContext
  const isOwnAddress = apiId !== undefined && domainName?.startsWith(`${apiId}.`) === true
  if (rawPath === undefined || stage === '$default' || !isOwnAddress) return path
  if (path === `/${stage}`) return '/'
  return path.startsWith(`/${stage}/`) ? path.slice(stage.length + 1) : path
}

/** API Gateway decodes a path, all but its percent signs: what would end it is encoded again. */
function encodedPath(path: string): string {
  const encoded = path.replace(/[?#\\\s]/g, encodeURIComponent)
  return encoded.startsWith('/') ? encoded : `/${encoded}`
}

function queryOf({ multiValueQueryStringParameters: parameters }: HttpEvent): string {
  const query = new URLSearchParams()
  for (const [name, values = []] of Object.entries(parameters ?? {})) {
    for (const value of values) query.append(name, value)
  }
  return query.toString()
}

function lowerCased(headers: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const lower: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) lower[name.toLowerCase()] = value
  }
  return lower
}

/** Throws BodyTooLarge. */
function bodyOf({ body, isBase64Encoded }: HttpEvent): Buffer {
  const bytes = Buffer.from(body ?? '', isBase64Encoded === true ? 'base64' : 'utf8')
  if (bytes.length > maxBodyBytes) throw bodyTooLarge()
  return bytes
}
