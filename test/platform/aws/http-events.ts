import type { HttpEvent } from '../../../platform/aws/http-event.ts'

export interface Asked {
  readonly method?: string
  /** With its query. */
  readonly path: string
  readonly body?: unknown
  readonly contentType?: string
  readonly stage?: string
  readonly domainName?: string
}

/** A request as an HTTP API hands it to a function, payload format 2.0. */
export function httpApiEvent(asked: Asked): HttpEvent {
  const { method = 'POST', stage = '$default', contentType = 'application/json' } = asked
  const [path, query = ''] = asked.path.split('?')
  const prefix = stage === '$default' || asked.domainName !== undefined ? '' : `/${stage}`
  return {
    version: '2.0',
    rawPath: `${prefix}${path}`,
    rawQueryString: query,
    headers: { 'content-type': contentType, host: 'a1b2c3.execute-api.us-east-1.amazonaws.com' },
    requestContext: {
      apiId: 'a1b2c3',
      domainName: asked.domainName ?? 'a1b2c3.execute-api.us-east-1.amazonaws.com',
      stage,
      http: { method },
    },
    ...(asked.body === undefined ? {} : { body: text(asked.body) }),
    isBase64Encoded: false,
  }
}

/** The same request as a REST API hands it to a function, payload format 1.0. */
export function restApiEvent(asked: Asked): HttpEvent {
  const { method = 'POST', stage = 'prod', contentType = 'application/json' } = asked
  const [path, query = ''] = asked.path.split('?')
  const parameters = new URLSearchParams(query)
  const names = [...new Set(parameters.keys())]
  return {
    path: path!,
    httpMethod: method,
    headers: { 'Content-Type': contentType, Host: 'a1b2c3.execute-api.us-east-1.amazonaws.com' },
    multiValueQueryStringParameters:
      names.length === 0
        ? null
        : Object.fromEntries(names.map((name) => [name, parameters.getAll(name)])),
    requestContext: {
      apiId: 'a1b2c3',
      domainName: 'a1b2c3.execute-api.us-east-1.amazonaws.com',
      stage,
    },
    body: asked.body === undefined ? null : text(asked.body),
    isBase64Encoded: false,
  }
}

/** The event as API Gateway makes it of a body that is no text to it. */
export function inBase64(event: HttpEvent): HttpEvent {
  return {
    ...event,
    body: Buffer.from(event.body ?? '').toString('base64'),
    isBase64Encoded: true,
  }
}

function text(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body)
}
