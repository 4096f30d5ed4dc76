import * as z from 'zod'
import { errorTable, isMillraceError, MillraceError, type Logger } from '../platform/ports/index.ts'

const fieldFault = z.object({
  field: z.string().describe('where in the request: `instances.0.2`'),
  message: z.string(),
})
export type FieldFault = z.infer<typeof fieldFault>

/**
 * The answer to a request that failed, as RFC 9457 has it. `type` is the error's name in the table
 * of errors; never a stack, never an error's cause.
 */
export const problemShape = z.object({
  type: z.string().describe('`urn:millrace:error:` and the name in the table of errors'),
  title: z.string(),
  status: z.number().int(),
  detail: z.string().describe('what happened, what was found, and what to do'),
  errors: z.array(fieldFault).optional(),
})
export type Problem = z.infer<typeof problemShape>

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

/** `details.headers` of an error are headers of its answer: how long to wait, what is left. */
export function problemHeaders(error: MillraceError): Record<string, string> {
  const headers = error.details?.['headers'] as Record<string, string> | undefined
  return {
    'content-type': 'application/problem+json',
    ...(error.retryable ? { 'retry-after': '1' } : {}),
    ...(error.name === 'Unauthenticated' ? { 'www-authenticate': 'Bearer realm="millrace"' } : {}),
    ...headers,
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
