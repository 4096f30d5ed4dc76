import { createRoute, type OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import type { Context } from 'hono'
import * as z from 'zod'
import { operator, type Caller, type Permission } from '../tasks/caller.ts'
import type { Quotas } from '../tasks/quotas.ts'
import { requirePermission, requireTenant, type Admission } from './admission.ts'
import { idempotencyKey, type Idempotency } from './idempotency.ts'

/** What a request carries beside itself on its way through the routes. */
export interface RequestBindings {
  /** Who asks, where a gateway in front of the app has found that out. */
  readonly admitted: Caller | undefined
  /** Who asks, once a route knows. */
  caller?: Caller
  /** The route that answers, as the OpenAPI document names it. */
  route?: string
  /**
   * Of a request with an `Idempotency-Key`: what names it and its repetitions alone. They come to the
   * handler where it is not known what came of the first one, as when its process died.
   */
  repetition?: string
}

export type ApiApp = OpenAPIHono<{ Bindings: RequestBindings }>
export type ApiContext = Context<{ Bindings: RequestBindings }>

export interface RouteDefinition extends RouteConfig {
  /** What the caller must be allowed to do; of several, one of them. */
  readonly access: 'public' | Permission | readonly Permission[]
  /** What is not there for whom the user named in the path is another one. @default ModelNotFound */
  readonly missing?: 'ModelNotFound' | 'DatasetNotFound' | 'UserNotFound'
  /** Whether the handler takes what the request costs from the caller's quota itself. @default false */
  readonly spendsItself?: boolean
  /** Whether a repetition with the same `Idempotency-Key` gets the first answer. @default false */
  readonly creates?: boolean
  /** What of the answer such a repetition gets, and is kept for it. @default all of it */
  readonly kept?: (answer: object) => object
}

/** `caller` is the operator on public routes. */
export type RouteHandler = (context: ApiContext, caller: Caller) => Promise<Response>

/**
 * The routes of the API with their entries in the OpenAPI document. Each is answered only to callers
 * that may do what it asks for, and whose own the user in its path is.
 *
 * Handlers validate their requests themselves, by the same schemas (`parsed`, `readJson`), so that
 * every refusal is a problem that names its field.
 */
export class Routes {
  readonly #app: ApiApp
  readonly #admission: Admission
  readonly #idempotency: Idempotency
  readonly #quotas: Pick<Quotas, 'spend'>

  constructor(
    app: ApiApp,
    options: {
      readonly admission: Admission
      readonly idempotency: Idempotency
      readonly quotas: Pick<Quotas, 'spend'>
    },
  ) {
    this.#app = app
    this.#admission = options.admission
    this.#idempotency = options.idempotency
    this.#quotas = options.quotas
  }

  add(definition: RouteDefinition, handler: RouteHandler): void {
    const { access, missing, creates, kept, spendsItself, ...config } = definition
    this.#app.openAPIRegistry.registerPath({
      ...config,
      // Read by whoever tests or documents the routes: what a key must be allowed to do.
      ...(access === 'public' ? { security: [] } : { 'x-permission': access }),
      ...(creates === true
        ? { request: { headers: repeatable, ...config.request } satisfies RouteConfig['request'] }
        : {}),
      responses: { ...config.responses, default: problemAnswer },
    })
    this.#app.on(config.method, createRoute(config).getRoutingPath(), async (context) => {
      context.env.route = `${config.method.toUpperCase()} ${config.path}`
      const caller = access === 'public' ? operator : await this.#admit(context)
      context.env.caller = caller
      if (access !== 'public') requirePermission(caller, access)
      const user = context.req.param('user')
      if (user !== undefined) requireTenant(caller, user, missing ?? 'ModelNotFound')
      const spent = spendsItself === true ? undefined : await this.#spend(caller)
      const handle = () => handler(context, caller)
      const response = await (creates === true
        ? this.#idempotency.once(context, caller, handle, kept)
        : handle())
      for (const [name, value] of Object.entries(spent ?? {})) response.headers.set(name, value)
      return response
    })
  }

  /** One request of the caller's own. Throws QuotaExceeded. */
  #spend(caller: Caller) {
    return caller.user === null ? undefined : this.#quotas.spend(caller, caller.user, 0)
  }

  #admit({ env, req }: ApiContext): Caller | Promise<Caller> {
    if (env.admitted !== undefined) return env.admitted
    return this.#admission.admit({
      authorization: req.header('authorization'),
      apiKey: req.header('x-api-key'),
    })
  }
}

/** The `responses` of a route that answers JSON. */
export function answers(
  description: string,
  schema: z.ZodType,
  status = 200,
): RouteConfig['responses'] {
  return { [status]: { description, content: { 'application/json': { schema } } } }
}

/** The `request.body` of a route that takes JSON. */
export function takes(schema: z.ZodType) {
  return { required: true, content: { 'application/json': { schema } } }
}

const repeatable = z.object({ 'idempotency-key': idempotencyKey.optional() })

const problemAnswer = {
  description: 'what is wrong, by RFC 9457',
  content: {
    'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
  },
}
