import { createRoute, type OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type * as z from 'zod'

/**
 * Adds a route and its entry in the OpenAPI document. Handlers validate their requests themselves,
 * by the same schemas (`parsed`, `readJson`), so that every refusal is a problem that names its field.
 */
export function route(
  app: OpenAPIHono,
  config: RouteConfig,
  handler: (context: Context) => Promise<Response>,
): void {
  app.openAPIRegistry.registerPath(config)
  app.on(config.method, createRoute(config).getRoutingPath(), handler)
}

/** The `responses` of a route that answers JSON. */
export function answers(description: string, schema: z.ZodType): RouteConfig['responses'] {
  return { 200: { description, content: { 'application/json': { schema } } } }
}

/** The `request.body` of a route that takes JSON. */
export function takes(schema: z.ZodType) {
  return { content: { 'application/json': { schema } } }
}
