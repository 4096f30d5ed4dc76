import { errorTable, isMillraceError, MillraceError, type Logger } from '../platform/ports/index.ts'

/**
 * The answer to a request that failed, as RFC 9457 has it. `type` is the error's name in the table
 * of errors; never a stack, never an error's cause.
 */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly errors?: readonly FieldFault[]
}

export interface FieldFault {
  /** Where in the request: `instances.0.2`. */
  readonly field: string
  readonly message: string
}

export function problemResponse(error: MillraceError): Response {
  return new Response(JSON.stringify(problem(error)), {
    status: error.status,
    headers: problemHeaders(error),
  })
}

/** 405, with the methods that there are, as RFC 9110 requires. */
export function notAllowed(message: string, allowed: readonly string[]): Response {
  const response = problemResponse(new MillraceError('MethodNotAllowed', message))
  response.headers.set('allow', allowed.join(', '))
  return response
}

export function problemHeaders(error: MillraceError): Record<string, string> {
  return {
    'content-type': 'application/problem+json',
    ...(error.retryable ? { 'retry-after': '1' } : {}),
  }
}

export function problem(error: MillraceError): Problem {
  return {
    type: `urn:millrace:error:${error.name}`,
    title: errorTable[error.name].meaning,
    status: error.status,
    detail: error.message,
    ...(error.details?.['errors'] === undefined
      ? {}
      : { errors: error.details['errors'] as FieldFault[] }),
  }
}

/** What a failed request answers. What is no error of the table is logged whole, and told as ours. */
export function problemOf(error: unknown, logger: Logger): MillraceError {
  if (isMillraceError(error)) return error
  // The other side went away in the middle of its body: nobody is there to be answered.
  if (error instanceof Error && 'code' in error && error.code === 'ECONNRESET') {
    return new MillraceError('RequestInvalid', 'the request ended before its body did')
  }
  logger.error('a request failed', {
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  })
  return new MillraceError('InternalError', 'the request failed on our side; the log says why')
}
