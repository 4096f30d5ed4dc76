import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import { MillraceError } from '../platform/ports/index.ts'
import { defaultUser, modelNameSchema, nameSchema } from '../tasks/names.ts'
import type { ModelCache, ServedModel } from './model-cache.ts'
import { parseJson, parsed, versionText } from './requests.ts'

const maxInstances = 10_000

const row = z.array(z.number()).min(1).max(10_000)

/** The body of `POST /prediction`. */
export const userPrediction = z.strictObject({
  userID: nameSchema.default(defaultUser).describe('whose last promoted model answers'),
  array: row.describe('one row of features, in the order of the training columns'),
})

/** The body of `POST /models/{user}/{dataset}/predictions`. */
export const modelPrediction = z.strictObject({
  instances: z.array(row).min(1).max(maxInstances).describe('rows of features'),
})

export const versionQuery = z.object({
  version: versionText.optional().describe('default: the champion'),
})

/** What both answer. */
export const prediction = z.object({
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
export type Prediction = z.infer<typeof prediction>

/**
 * Real-time predictions, apart from any server: what the API's routes, the local server's short way to
 * them and the Lambda function that does nothing else all call.
 */
export interface Predictions {
  /** Whether a POST to this path (of a URL, with its query) is a prediction. */
  matches(path: string): boolean
  /** Throws what is wrong with the request: RequestInvalid, ModelNotFound, InstancesInvalid, … */
  answer(path: string, contentType: string | undefined, body: string): Promise<Prediction>
}

const userPath = /^\/prediction(?:\?|$)/
const modelPath = /^\/models\/([^/?]+)\/([^/?]+)\/predictions(?:\?(.*))?$/

export function createPredictions(models: ModelCache): Predictions {
  return {
    matches: (path) => userPath.test(path) || modelPath.test(path),

    async answer(path, contentType, text) {
      const body = parseJson(contentType, text)
      if (userPath.test(path)) {
        const { userID, array } = parsed(userPrediction, body)
        return predict(await models.lastPromoted(userID), [array], () => 'array')
      }
      const [, user, dataset, query] = modelPath.exec(path) ?? []
      const model = parsed(modelNameSchema, { user: decoded(user), dataset: decoded(dataset) })
      const { version } = parsed(versionQuery, Object.fromEntries(new URLSearchParams(query)))
      const { instances } = parsed(modelPrediction, body)
      const served = version === undefined ? models.champion(model) : models.version(model, version)
      return predict(await served, instances, (i) => `instances.${i}`)
    },
  }
}

function predict(
  { name, version, model }: ServedModel,
  rows: readonly (readonly number[])[],
  fieldOf: (row: number) => string,
): Prediction {
  const width = model.featureNames.length
  const misfit = rows.findIndex((row) => row.length !== width)
  if (misfit >= 0) {
    const field = fieldOf(misfit)
    const message = `${name} version ${version} takes ${width} features, got ${rows[misfit]!.length}`
    throw new MillraceError('InstancesInvalid', `${field}: ${message}`, {
      details: { errors: [{ field, message }] },
    })
  }
  return { id: randomUUID(), model: name, version, ...model.predict(rows) }
}

/** A segment of a path as text; what is no encoding stays as it is, and is refused as a name. */
function decoded(segment: string | undefined): string {
  try {
    return decodeURIComponent(segment ?? '')
  } catch {
    return segment ?? ''
  }
}
