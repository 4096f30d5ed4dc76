import { OpenAPIHono } from '@hono/zod-openapi'
import { HTTPException } from 'hono/http-exception'
import type { Ports } from '../platform/ports/index.ts'
import { MillraceError } from '../platform/ports/index.ts'
import type { Caller } from '../tasks/caller.ts'
import { parseModel } from '../tasks/names.ts'
import type { Quotas } from '../tasks/quotas.ts'
import { debugLines, requestIdOf, type AccessLog } from './access-log.ts'
import { openAdmission, type Admission } from './admission.ts'
import { batchRoutes } from './batches.ts'
import { createIdempotency } from './idempotency.ts'
import { inputRoutes } from './inputs.ts'
import type { ModelCache, ModelCacheOptions } from './model-cache.ts'
import { notAllowed, problemOf, problemResponse, problemShape } from './problem.ts'
import { datasetRoutes } from './datasets.ts'
import { docsPage, type DocsFiles } from './docs-page.ts'
import { driftPolicyRoutes } from './drift-policy.ts'
import { driftStatusRoutes } from './drift-status.ts'
import { executionRoutes } from './executions.ts'
import { modelRoutes } from './models.ts'
import { predictionRecordRoutes } from './prediction-record-routes.ts'
import { predictionRoutes } from './prediction-routes.ts'
import type { Predictions } from './predictions.ts'
import { queueRoutes } from './queue.ts'
import { reportRoutes } from './reports.ts'
import { Routes, type ApiApp, type RequestBindings } from './route.ts'
import { sagemakerRoutes } from './sagemaker.ts'
import { createServices } from './services.ts'
import { shortWay, type ShortWay } from './short-way.ts'
import { uploadRoutes } from './uploads.ts'
import { trainingRequestRoutes } from './training-requests.ts'
import { usageRoutes } from './usage.ts'
import { userRoutes } from './users.ts'

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
  readonly predictions: Predictions
  /** The predictions of `fetch` without a Request and a Response. */
  readonly shortWay: ShortWay
  readonly models: ModelCache
}

export interface ApiOptions {
  /**
   * How often a request that waits for events looks again, in milliseconds. Each look is two calls of
   * the executions port. @default 50
   */
  readonly pollInterval?: number
  /** Whether answers can go on while they are sent; behind API Gateway they cannot. @default true */
  readonly streams?: boolean
  readonly models?: ModelCacheOptions
  /** Who asks. @default everyone is the operator */
  readonly admission?: Admission
  /** What requests cost. @default what the plans of users say */
  readonly quotas?: Quotas
  /** Which keys of the log this process appends predictions to, see createPredictionLog. @default '0' */
  readonly predictionShard?: string
  /**
   * The model, `<user>/<dataset>`, for which the API is also a SageMaker container: `GET /ping` and
   * `POST /invocations`. @default none, and no such routes
   */
  readonly sagemakerModel?: string
  /** What the page at `/docs` loads. @default there is no such page */
  readonly docs?: DocsFiles
  /** Gets a line for each request. @default they are logged as `debug` lines */
  readonly accessLog?: AccessLog
}

/** Throws NameInvalid for a `sagemakerModel` that is no name. */
export function createApi(ports: Ports, options: ApiOptions = {}): Api {
  const admission = options.admission ?? openAdmission
  const accessLog = options.accessLog ?? debugLines(ports.logger)
  const services = createServices(ports, { ...options, admission })
  const { models, predictions, quotas } = services
  const app: ApiApp = new OpenAPIHono()
  const routes = new Routes(app, {
    admission,
    idempotency: createIdempotency(ports),
    quotas,
  })

  // A copy has what zod-openapi gives to schemas, whichever module was loaded first.
  app.openAPIRegistry.register('Problem', problemShape.clone())
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
  const { pollInterval = 50, streams = true } = options
  predictionRoutes(routes, services)
  predictionRecordRoutes(routes, services)
  if (options.sagemakerModel !== undefined) {
    sagemakerRoutes(routes, services, { model: parseModel(options.sagemakerModel) })
  }
  modelRoutes(routes, services)
  driftStatusRoutes(routes, services)
  driftPolicyRoutes(routes, services)
  reportRoutes(routes, services)
  executionRoutes(routes, services, { pollInterval, streams })
  datasetRoutes(routes, services)
  trainingRequestRoutes(routes, services)
  batchRoutes(routes, services, { streams })
  inputRoutes(routes, services)
  uploadRoutes(routes, services)
  queueRoutes(routes, services)
  usageRoutes(routes, services)
  userRoutes(routes, services)
  if (options.docs !== undefined) docsPage(app, options.docs)
  const described = once(() =>
    app.getOpenAPI31Document({
      openapi: '3.1.0',
      security: [{ key: [] }],
      info: {
        title: 'Millrace',
        version: '1',
        description: 'Upload a dataset, follow its training, ask the model.',
      },
    }),
  )
  app.get('/openapi.json', (context) => context.json(described()))

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
    shortWay: shortWay(predictions, { accessLog, logger: ports.logger }),
    models,
  }
}

/** What hono itself refuses is the request's fault. */
function told(error: unknown): unknown {
  if (!(error instanceof HTTPException) || error.status >= 500) return error
  return new MillraceError('RequestInvalid', error.message)
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined
  return () => (made ??= { value: make() }).value
}
