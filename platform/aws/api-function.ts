import { createApi, type Api } from '../../api/app.ts'
import { frozenBetweenRequests } from '../../api/model-cache.ts'
import { MillraceError } from '../ports/index.ts'
import { functionRuntime, type FunctionRuntime } from './function-runtime.ts'
import { problemAnswer, withinLimit, type HttpAnswer } from './http-answer.ts'
import { httpRequest, type HttpEvent, type HttpRequest } from './http-event.ts'
import type { LambdaContext } from './lambda.ts'

/** Step Functions allows an account some fifteen looks a second: a waiting request takes few of them. */
const pollInterval = 1000

/** A Lambda handler behind API Gateway. */
export type ApiHandler = (event: HttpEvent, context: LambdaContext) => Promise<HttpAnswer>

/**
 * The whole HTTP API as a Lambda function: `export const handler = apiFunction()`, behind an HTTP API
 * (2.0) or a REST API (1.0). A request that fails is answered with its problem; the handler throws for
 * what is no request, and SettingsInvalid.
 */
export function apiFunction(runtime: () => FunctionRuntime = functionRuntime): ApiHandler {
  let api: Api | undefined
  return async (event, context) => {
    const asked = httpRequest(event)
    const { ports, logger, metrics } = runtime()
    logger.begin(context)
    api ??= createApi(ports, { pollInterval, models: frozenBetweenRequests })
    try {
      const response = await api.fetch(requestOf(asked))
      return withinLimit(
        {
          statusCode: response.status,
          headers: Object.fromEntries(response.headers),
          body: await response.text(),
        },
        logger,
      )
    } catch (error) {
      return problemAnswer(error, logger)
    } finally {
      metrics.flush()
    }
  }
}

/** Throws RequestInvalid, BodyTooLarge. */
function requestOf(asked: HttpRequest): Request {
  const { method, path, headers } = asked
  const hasBody = method !== 'GET' && method !== 'HEAD'
  const body = hasBody ? new Uint8Array(asked.body()) : undefined
  try {
    // The host is not ours to know, and no answer depends on it.
    return new Request(`http://api${path}`, {
      method,
      headers,
      ...(hasBody ? { body: body! } : {}),
    })
  } catch (cause) {
    const message = `the request is not one of HTTP: ${(cause as Error).message}`
    throw new MillraceError('RequestInvalid', message, { cause })
  }
}
