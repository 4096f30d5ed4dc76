import { createRoute, type OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type * as z from 'zod'
import { operator, type Caller, type Permission } from '../tasks/caller.ts'
import { requirePermission, requireTenant, type Admission } from './admission.ts'
import type { Idempotency } from './idempotency.ts'

/** What a request carries beside itself on its way through the routes. */
export interface RequestBindings {
  /** Who asks, where a gateway in front of the app has found that out. */
  readonly admitted: Caller | undefined
  /** Who asks, once a route knows. */
  caller?: Caller
  /** The route that answers, as the OpenAPI document names it. */
  route?: string
}

export type ApiApp = OpenAPIHono<{ Bindings: RequestBindings }>
export type ApiContext = Context<{ Bindings: RequestBindings }>

export interface RouteDefinition extends RouteConfig {
  /** What the caller must be allowed to do. */
  readonly access: 'public' | Permission
  /** What is not there for whom the user named in the path is another one. @default ModelNotFound */
  readonly missing?: 'ModelNotFound' | 'DatasetNotFound' | 'UserNotFound'
  /** Whether a repetition with the same `Idempotency-Key` gets the first answer. @default false */
  readonly creates?: boolean
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

  constructor(app: ApiApp, admission: Admission, idempotency: Idempotency) {
    this.#app = app
    this.#admission = admission
    this.#idempotency = idempotency
  }

  add({ access, missing, creates, ...config }: RouteDefinition, handler: RouteHandler): void {
    this.#app.openAPIRegistry.registerPath({
      ...config,
      // Read by whoever tests or documents the routes: what a key must be allowed to do.
      ...(access === 'public' ? { security: [] } : { 'x-permission': access }),
      responses: { ...config.responses, default: problemAnswer },
    })
    this.#app.on(config.method, createRoute(config).getRoutingPath(), async (context) => {
      context.env.route = `${config.method.toUpperCase()} ${config.path}`
      const caller = access === 'public' ? operator : await this.#admit(context)
      context.env.caller = caller
      if (access !== 'public') requirePermission(caller, access)
      const user = context.req.param('user')
      if (user !== undefined) requireTenant(caller, user, missing ?? 'ModelNotFound')
      if (creates !== true) return handler(context, caller)
      return this.#idempotency.once(context, caller, () => handler(context, caller))
    })
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

const problemAnswer = {
  description: 'what is wrong, by RFC 9457',
  content: {
    'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
  },
}
