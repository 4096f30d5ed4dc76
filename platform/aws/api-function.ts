import { readFile } from 'node:fs/promises'
import { createApi, type Api, type ApiOptions } from '../../api/app.ts'
import type { DocsFile } from '../../api/docs-page.ts'
import { frozenBetweenRequests } from '../../api/model-cache.ts'
import { randomShard } from '../../tasks/prediction-log.ts'
import { MillraceError } from '../ports/index.ts'
import { functionRuntime, type FunctionRuntime } from './function-runtime.ts'
import { problemAnswer, withinLimit, type HttpAnswer } from './http-answer.ts'
import { authorizerFrom, callerOf, gatewayAdmission } from './http-caller.ts'
import { httpRequest, type HttpEvent, type HttpRequest } from './http-event.ts'
import type { LambdaContext } from './lambda.ts'

/** Step Functions allows an account some fifteen looks a second: a waiting request takes few of them. */
const pollInterval = 1000

/** The environment variable that names the model of a SageMaker container. */
const sagemakerVariable = 'MILLRACE_SAGEMAKER_MODEL'

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
    api ??= createApi(ports, {
      pollInterval,
      streams: false,
      models: frozenBetweenRequests,
      predictionShard: randomShard(),
      admission: gatewayAdmission,
      docs: docsFile,
      ...sagemakerOption(process.env[sagemakerVariable]),
    })
    try {
      const response = await api.fetch(requestOf(asked), {
        caller: callerOf(event, authorizerFrom(process.env)),
        requestId: asked.requestId,
      })
      return withinLimit(await answerOf(response), logger)
    } catch (error) {
      return problemAnswer(error, logger)
    } finally {
      metrics.flush()
    }
  }
}

function sagemakerOption(model = ''): Pick<ApiOptions, 'sagemakerModel'> {
  return model === '' ? {} : { sagemakerModel: model }
}

/** Bytes that are no text go through the gateway as text. */
async function answerOf(response: Response): Promise<HttpAnswer> {
  const { status: statusCode, headers } = response
  const answer = { statusCode, headers: Object.fromEntries(headers) }
  const isText =
    !headers.has('content-encoding') && headers.get('content-type') !== 'application/octet-stream'
  if (isText) return { ...answer, body: await response.text() }
  const bytes = Buffer.from(await response.arrayBuffer())
  return { ...answer, body: bytes.toString('base64'), isBase64Encoded: true }
}

/** From the folder that the bundler puts beside the function. */
async function docsFile(name: DocsFile): Promise<Uint8Array<ArrayBuffer>> {
  const file = new URL(`./docs-page/${name}.gz`, import.meta.url)
  return new Uint8Array(await readFile(file))
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
