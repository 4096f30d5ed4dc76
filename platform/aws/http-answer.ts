import { problem, problemHeaders, problemOf } from '../../api/problem.ts'
import { MillraceError } from '../ports/errors.ts'
import type { Logger } from '../ports/observability.ts'

/** Most bytes of what a function may answer, as the JSON that Lambda makes of it, with some room. */
const maxAnswerBytes = 6_000_000

/** What API Gateway makes a response of. */
export interface HttpAnswer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly isBase64Encoded?: boolean
}

/** An answer, or the problem that it is too large for Lambda to pass on. */
export function withinLimit(answer: HttpAnswer, logger: Logger): HttpAnswer {
  // A character takes at most three bytes in JSON text that is a string of JSON.
  if (answer.body.length * 3 < maxAnswerBytes) return answer
  const bytes = Buffer.byteLength(JSON.stringify(answer))
  if (bytes <= maxAnswerBytes) return answer
  const message =
    `the answer has ${bytes} bytes and a function can pass on ${maxAnswerBytes}: ` +
    'ask for fewer rows, or a smaller page'
  return problemAnswer(new MillraceError('RequestInvalid', message), logger)
}

/** The answer to a request that failed, by RFC 9457. */
export function problemAnswer(failure: unknown, logger: Logger): HttpAnswer {
  const error = problemOf(failure, logger)
  return {
    statusCode: error.status,
    headers: problemHeaders(error),
    body: JSON.stringify(problem(error)),
  }
}
