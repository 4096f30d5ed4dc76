import { randomUUID } from 'node:crypto'
import type { OpenAPIHono } from '@hono/zod-openapi'
import * as z from 'zod'
import { MillraceError } from '../platform/ports/index.ts'
import { defaultUser, formatModel, nameSchema, type ModelName } from '../tasks/names.ts'
import type { Registry } from '../tasks/registry.ts'
import type { ModelCache } from './model-cache.ts'
import { modelParams, parsed, readJson } from './requests.ts'
import { answers, route, takes } from './route.ts'

const maxInstances = 10_000

const row = z.array(z.number()).min(1).max(10_000)

const userPrediction = z.strictObject({
  userID: nameSchema.default(defaultUser).describe('whose last promoted model answers'),
  array: row.describe('one row of features, in the order of the training columns'),
})

const instances = z.strictObject({
  instances: z.array(row).min(1).max(maxInstances).describe('rows of features'),
})

const versionQuery = z.object({
  version: z.coerce.number().int().min(0).optional().describe('default: the champion'),
})

const answer = z.object({
  id: z.string(),
  model: z.string(),
  version: z.number().int(),
  predictions: z.array(z.union([z.number(), z.string()])),
  probabilities: z
    .array(z.array(z.number()))
    .nullable()
    .describe('a row a prediction, a column a class; null where the model has none'),
  classes: z.array(z.union([z.number(), z.string()])),
})

/** Real-time predictions. The bodies are read by hand: this is the path that must be fast. */
export function predictionRoutes(app: OpenAPIHono, registry: Registry, models: ModelCache): void {
  route(
    app,
    {
      method: 'post',
      path: '/prediction',
      summary: "Ask a user's model that was promoted last",
      request: { body: takes(userPrediction) },
      responses: answers('predictions', answer),
    },
    async (context) => {
      const { userID, array } = parsed(userPrediction, await readJson(context.req.raw))
      const model = await registry.lastPromoted(userID)
      if (model === undefined) {
        throw new MillraceError(
          'ModelNotFound',
          `user ${userID} has no model; upload uploads/${userID}/<dataset>.npy to train one`,
        )
      }
      return context.json(await predict(models, model, undefined, [array], 'array'))
    },
  )

  route(
    app,
    {
      method: 'post',
      path: '/models/{user}/{dataset}/predictions',
      summary: 'Ask a model about one or many rows',
      request: {
        params: modelParams,
        query: versionQuery,
        body: takes(instances),
      },
      responses: answers('predictions', answer),
    },
    async (context) => {
      const model = parsed(modelParams, context.req.param())
      const { version } = parsed(versionQuery, context.req.query())
      const body = parsed(instances, await readJson(context.req.raw))
      return context.json(await predict(models, model, version, body.instances, 'instances'))
    },
  )
}

async function predict(
  models: ModelCache,
  name: ModelName,
  version: number | undefined,
  rows: readonly (readonly number[])[],
  field: string,
): Promise<z.infer<typeof answer>> {
  const served = await models.get(name, version)
  const width = served.model.featureNames.length
  const misfit = rows.findIndex((row) => row.length !== width)
  if (misfit >= 0) {
    const at = field === 'array' ? field : `${field}.${misfit}`
    const message = `${formatModel(name)} version ${served.version} takes ${width} features, got ${rows[misfit]!.length}`
    throw new MillraceError('InstancesInvalid', `${at}: ${message}`, {
      details: { errors: [{ field: at, message }] },
    })
  }
  return {
    id: randomUUID(),
    model: formatModel(name),
    version: served.version,
    ...served.model.predict(rows),
  }
}
