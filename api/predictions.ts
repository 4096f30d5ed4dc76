import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import { MillraceError } from '../platform/ports/index.ts'
import type { Cell, LoadedModel } from '../tasks/model-artifact.ts'
import { defaultUser, modelNameSchema, nameSchema } from '../tasks/names.ts'
import type { ModelCache, ServedModel } from './model-cache.ts'
import type { FieldFault } from './problem.ts'
import { maxFaults, parseJson, parsed, requestInvalid, versionText } from './requests.ts'

const maxInstances = 10_000

/** Characters of a category's name, of which there are no longer ones. */
const maxCellText = 256

/** A number, the text of a category, or null where a value is missing. */
const cell = z.union([z.number(), z.string().max(maxCellText), z.null()])

const row = z.array(cell).min(1).max(10_000)

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
  task: z.enum(['classification', 'regression', 'clustering']),
  predictions: z
    .array(z.union([z.number(), z.string()]))
    .describe('classes, quantities, or numbers of clusters from 0'),
  probabilities: z
    .array(z.array(z.number()))
    .nullable()
    .describe('a row a prediction, a column a class; null where the model has none'),
  classes: z
    .array(z.union([z.number(), z.string()]))
    .nullable()
    .describe('of a classification; null of other tasks'),
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
  rows: readonly (readonly Cell[])[],
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
  refuseCells(model, rows, fieldOf)
  return { id: randomUUID(), model: name, version, task: model.task, ...model.predict(rows) }
}

/** Throws RequestInvalid for text where a feature is a number, and for nothing where none is taken. */
function refuseCells(
  { featureNames, categories, pipeline }: LoadedModel,
  rows: readonly (readonly Cell[])[],
  fieldOf: (row: number) => string,
): void {
  const takesMissing = pipeline.acceptsMissing === true
  const errors: FieldFault[] = []
  rows.forEach((row, i) => {
    for (let j = 0; j < row.length && errors.length < maxFaults; j++) {
      const value = row[j]!
      if (typeof value === 'number') continue
      if (value === null ? takesMissing : categories[j] !== null) continue
      const found = value === null ? 'nothing' : 'text'
      const message = `feature "${featureNames[j]!}" takes a number, got ${found}`
      errors.push({ field: `${fieldOf(i)}.${j}`, message })
    }
  })
  if (errors.length > 0) throw requestInvalid(errors)
}

/** A segment of a path as text; what is no encoding stays as it is, and is refused as a name. */
function decoded(segment: string | undefined): string {
  try {
    return decodeURIComponent(segment ?? '')
  } catch {
    return segment ?? ''
  }
}
