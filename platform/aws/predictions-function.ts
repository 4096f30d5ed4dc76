import { debugLines } from '../../api/access-log.ts'
import { createIdempotency } from '../../api/idempotency.ts'
import { createModelCache, frozenBetweenRequests } from '../../api/model-cache.ts'
import { createPredictions, type PredictionsOptions } from '../../api/predictions.ts'
import { shortWay, type ShortWay } from '../../api/short-way.ts'
import { createPredictionLog, randomShard } from '../../tasks/prediction-log.ts'
import { createQuotas } from '../../tasks/quotas.ts'
import { createRegistry } from '../../tasks/registry.ts'
import type { Ports } from '../ports/index.ts'
import { powertoolsLogger } from './function-logger.ts'
import { withinLimit, type HttpAnswer } from './http-answer.ts'
import { authorizerFrom, callerOf, gatewayAdmission } from './http-caller.ts'
import { httpRequest, type HttpEvent } from './http-event.ts'
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
      .then(() => ports().load('table', 'objects', 'log'))
      .catch(() => undefined)
  }
  return predictionsHandler(ports)
}

/** What predictions need of the ports. */
export type PredictionPorts = Pick<Ports, 'objects' | 'table' | 'log' | 'clock' | 'logger'>

/** Who may ask, and what it costs them, on given ports. @default everyone, and what plans say */
export type PredictionTerms = (
  ports: PredictionPorts,
) => Pick<PredictionsOptions, 'admission' | 'quotas'>

/** The handler on given ports, which it asks for at its first request. */
export function predictionsHandler(
  ports: () => PredictionPorts,
  terms: PredictionTerms = ({ table, clock }) => ({ quotas: createQuotas(table, clock) }),
): HttpHandler {
  let predictions: ShortWay | undefined
  return async (event) => {
    const { method, path, headers, requestId, body } = httpRequest(event)
    predictions ??= predictionsOn(ports(), terms)
    const text = () => body().toString()
    const caller = callerOf(event, authorizerFrom(process.env))
    const answer = await predictions.answer({
      method,
      path,
      headers,
      caller,
      requestId,
      body: text,
    })
    const { logger } = ports()
    return withinLimit(
      { statusCode: answer.status, headers: answer.headers, body: answer.body },
      logger,
    )
  }
}

function predictionsOn(ports: PredictionPorts, terms: PredictionTerms): ShortWay {
  const registry = createRegistry(ports.table, ports.clock)
  const predictions = createPredictions({
    models: createModelCache(registry, ports, frozenBetweenRequests),
    log: createPredictionLog(ports, { shard: randomShard() }),
    admission: gatewayAdmission,
    ...terms(ports),
  })
  const { logger } = ports
  return shortWay(predictions, {
    accessLog: debugLines(logger),
    logger,
    idempotency: createIdempotency(ports),
  })
}

function predictionPorts(): AwsPorts {
  const settings = settingsFromEnvironment(process.env)
  return awsPorts(settings, { logger: powertoolsLogger(), metrics: { record: () => undefined } })
}
