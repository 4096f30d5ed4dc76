import { createModelCache, frozenBetweenRequests } from '../../api/model-cache.ts'
import { createPredictions, type Predictions } from '../../api/predictions.ts'
import { createRegistry } from '../../tasks/registry.ts'
import { MillraceError, type Ports } from '../ports/index.ts'
import { powertoolsLogger } from './function-logger.ts'
import { problemAnswer, withinLimit, type HttpAnswer } from './http-answer.ts'
import { httpRequest, type HttpEvent, type HttpRequest } from './http-event.ts'
import { awsPorts, type AwsPorts } from './ports.ts'
import { settingsFromEnvironment } from './settings.ts'

/** A Lambda handler behind API Gateway. */
export type HttpHandler = (event: HttpEvent) => Promise<HttpAnswer>

/**
 * Predictions as a Lambda function that loads nothing else: `export const handler = await
 * predictionsFunction()`. Where Lambda starts it, which it says in the environment, it loads its
 * clients before the first request: there a function has more CPU than its memory buys, and provisioned
 * concurrency has them ready.
 *
 * A request that fails is answered with its problem; the handler throws for what is no request, and
 * SettingsInvalid.
 */
export async function predictionsFunction(): Promise<HttpHandler> {
  let made: AwsPorts | undefined
  const ports = () => (made ??= predictionPorts())
  if (process.env['AWS_LAMBDA_INITIALIZATION_TYPE'] !== undefined) {
    // What is missing here is an error of the first request, with its name.
    await Promise.resolve()
      .then(() => ports().load('table', 'objects'))
      .catch(() => undefined)
  }
  return predictionsHandler(ports)
}

/** What predictions need of the ports. */
export type PredictionPorts = Pick<Ports, 'objects' | 'table' | 'clock' | 'logger'>

/** The handler on given ports, which it asks for at its first request. */
export function predictionsHandler(ports: () => PredictionPorts): HttpHandler {
  let predictions: Predictions | undefined
  return async (event) => {
    const request = httpRequest(event)
    const { logger } = ports()
    predictions ??= predictionsOn(ports())
    try {
      const body = JSON.stringify(await answerOf(predictions, request))
      return withinLimit({ statusCode: 200, headers: jsonHeaders, body }, logger)
    } catch (error) {
      return problemAnswer(error, logger)
    }
  }
}

const jsonHeaders = { 'content-type': 'application/json' }

async function answerOf(predictions: Predictions, request: HttpRequest) {
  const { method, path, headers } = request
  if (!predictions.matches(path)) {
    throw new MillraceError('RouteNotFound', `no route ${method} ${path}`)
  }
  if (method !== 'POST') {
    throw new MillraceError('MethodNotAllowed', `${path} takes POST, not ${method}`)
  }
  return predictions.answer(path, headers['content-type'], request.body().toString())
}

function predictionsOn(ports: PredictionPorts): Predictions {
  const registry = createRegistry(ports.table, ports.clock)
  return createPredictions(createModelCache(registry, ports, frozenBetweenRequests))
}

function predictionPorts(): AwsPorts {
  const settings = settingsFromEnvironment(process.env)
  return awsPorts(settings, { logger: powertoolsLogger(), metrics: { record: () => undefined } })
}
