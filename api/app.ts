import { OpenAPIHono } from '@hono/zod-openapi'
import { HTTPException } from 'hono/http-exception'
import type { Ports } from '../platform/ports/index.ts'
import { MillraceError } from '../platform/ports/index.ts'
import { createRegistry } from '../tasks/registry.ts'
import type { Caller } from '../tasks/caller.ts'
import { debugLines, requestIdOf, type AccessLog } from './access-log.ts'
import { openAdmission, type Admission } from './admission.ts'
import { createIdempotency } from './idempotency.ts'
import { createModelCache, type ModelCache, type ModelCacheOptions } from './model-cache.ts'
import { notAllowed, problemOf, problemResponse, problemShape } from './problem.ts'
import { executionRoutes } from './executions.ts'
import { modelRoutes } from './models.ts'
import { predictionRoutes } from './prediction-routes.ts'
import { createPredictions, type Predictions } from './predictions.ts'
import { Routes, type ApiApp, type RequestBindings } from './route.ts'
import { uploadRoutes } from './uploads.ts'

/** Those of the routes; HEAD is GET without its body. */
const methods = ['GET', 'POST', 'PUT', 'DELETE']

/** What is known of a request before the app sees it. */
export interface Asked {
  /** Who asks, where a gateway has found that out. */
  readonly caller?: Caller | undefined
  /** The gateway's id of the request. */
  readonly requestId?: string | undefined
}

/** The HTTP API: the same app behind the local server and behind API Gateway. */
export interface Api {
  fetch(request: Request, asked?: Asked): Promise<Response>
  /** The predictions of `fetch` without a Request and a Response: the short way of a server. */
  readonly predictions: Predictions
  readonly models: ModelCache
}

export interface ApiOptions {
  /**
   * How often a request that waits for events looks again, in milliseconds. Each look is two calls of
   * the executions port. @default 50
   */
  readonly pollInterval?: number
  readonly models?: ModelCacheOptions
  /** Who asks. @default everyone is the operator */
  readonly admission?: Admission
  /** Gets a line for each request. @default they are logged as `debug` lines */
  readonly accessLog?: AccessLog
}

export function createApi(ports: Ports, options: ApiOptions = {}): Api {
  const registry = createRegistry(ports.table, ports.clock)
  const models = createModelCache(registry, ports, options.models)
  const predictions = createPredictions(models)
  const admission = options.admission ?? openAdmission
  const accessLog = options.accessLog ?? debugLines(ports.logger)
  const app: ApiApp = new OpenAPIHono()
  const routes = new Routes(app, admission, createIdempotency(ports.table, ports.clock))

  app.openAPIRegistry.register('Problem', problemShape)
  app.openAPIRegistry.registerComponent('securitySchemes', 'key', {
    type: 'http',
    scheme: 'bearer',
    description: 'a key of a user; `X-Api-Key` takes it as well',
  })

  app.onError((error) => problemResponse(problemOf(told(error), ports.logger)))
  app.notFound(({ req }) => {
    const allowed = methods.filter((method) => app.router.match(method, req.path)[0].length > 0)
    if (allowed.length === 0) {
      return problemResponse(
        new MillraceError('RouteNotFound', `no route ${req.method} ${req.path}`),
      )
    }
    return notAllowed(`${req.path} takes ${allowed.join(' and ')}, not ${req.method}`, allowed)
  })
  app.get('/health', (context) => context.json({ status: 'ok' }))
  predictionRoutes(routes, predictions)
  modelRoutes(routes, registry)
  executionRoutes(routes, ports, { pollInterval: options.pollInterval ?? 50 })
  uploadRoutes(routes, ports)
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    security: [{ key: [] }],
    info: {
      title: 'Millrace',
      version: '1',
      description: 'Upload a dataset, follow its training, ask the model.',
    },
  })

  return {
    async fetch(request, { caller, requestId = requestIdOf(request.headers) } = {}) {
      const began = performance.now()
      const bindings: RequestBindings = { admitted: caller }
      const response = await app.fetch(request, bindings)
      response.headers.set('x-request-id', requestId)
      accessLog({
        requestId,
        method: request.method,
        route: bindings.route ?? null,
        status: response.status,
        milliseconds: performance.now() - began,
        caller: bindings.caller,
      })
      return response
    },
    predictions,
    models,
  }
}

/** What hono itself refuses is the request's fault. */
function told(error: unknown): unknown {
  if (!(error instanceof HTTPException) || error.status >= 500) return error
  return new MillraceError('RequestInvalid', error.message)
}
