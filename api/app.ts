import { OpenAPIHono } from '@hono/zod-openapi'
import { HTTPException } from 'hono/http-exception'
import type { Ports } from '../platform/ports/index.ts'
import { MillraceError } from '../platform/ports/index.ts'
import { createRegistry } from '../tasks/registry.ts'
import { createModelCache, type ModelCache, type ModelCacheOptions } from './model-cache.ts'
import { notAllowed, problemOf, problemResponse } from './problem.ts'
import { executionRoutes } from './executions.ts'
import { modelRoutes } from './models.ts'
import { predictionRoutes } from './prediction-routes.ts'
import { createPredictions, type Predictions } from './predictions.ts'
import { uploadRoutes } from './uploads.ts'

/** Those of the routes; HEAD is GET without its body. */
const methods = ['GET', 'POST']

/** The HTTP API: the same app behind the local server and behind API Gateway. */
export interface Api {
  fetch(request: Request): Promise<Response>
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
}

export function createApi(ports: Ports, options: ApiOptions = {}): Api {
  const registry = createRegistry(ports.table, ports.clock)
  const models = createModelCache(registry, ports, options.models)
  const predictions = createPredictions(models)
  const app = new OpenAPIHono()

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
  predictionRoutes(app, predictions)
  modelRoutes(app, registry)
  executionRoutes(app, ports, { pollInterval: options.pollInterval ?? 50 })
  uploadRoutes(app, ports)
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: {
      title: 'Millrace',
      version: '1',
      description: 'Upload a dataset, follow its training, ask the model.',
    },
  })

  return { fetch: async (request) => app.fetch(request), predictions, models }
}

/** What hono itself refuses is the request's fault. */
function told(error: unknown): unknown {
  if (!(error instanceof HTTPException) || error.status >= 500) return error
  return new MillraceError('RequestInvalid', error.message)
}
