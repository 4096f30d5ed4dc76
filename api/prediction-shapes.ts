import * as z from 'zod'
import { aliasName } from '../tasks/aliases.ts'
import { nameSchema } from '../tasks/names.ts'
import { cellSchema, imputedRow, labelSchema } from '../tasks/prediction-records.ts'
import { learningTask } from '../tasks/shapes.ts'
import { versionText } from './requests.ts'

/** What the routes of predictions take and answer. */

/** Most rows of one request. */
export const maxInstances = 10_000

const row = z
  .array(cellSchema)
  .min(1)
  .max(10_000)
  .describe('features, in the order of the training columns')

/** The body of `POST /prediction`. */
export const userPrediction = z.strictObject({
  userID: nameSchema
    .optional()
    .describe("whose last promoted model answers; by default the caller's, or that of `default`"),
  array: row.describe('one row of features, in the order of the training columns'),
})

/** The body of `POST /models/{user}/{dataset}/predictions`. */
export const modelPrediction = z.strictObject({
  instances: z
    .array(z.union([row, z.record(z.string(), cellSchema).describe('features by their names')]))
    .min(1)
    .max(maxInstances),
  impute: z
    .boolean()
    .optional()
    .describe('whether features may be left out, where the model takes missing values'),
})

export const predictionQuery = z.object({
  version: versionText.optional().describe('default: the one that `alias` names'),
  alias: aliasName.optional().describe('default: champion. With `version` it must name that one'),
  impute: z.enum(['true', 'false']).optional().describe('as in the body'),
})

const answered = {
  predictions: z
    .array(labelSchema)
    .describe('classes, quantities, or numbers of clusters from 0: one a row'),
  probabilities: z
    .array(z.array(z.number()))
    .nullable()
    .describe('a row a prediction, a column a class; null where the model has none'),
  classes: z.array(labelSchema).nullable().describe('of a classification; null of other tasks'),
  imputed: z.array(imputedRow).optional().describe('rows of which features were missing'),
}

/** What predictions answer. */
export const prediction = z.object({
  id: z.string().describe('under which it is found again, and takes feedback'),
  model: z.string(),
  version: z.number().int(),
  task: learningTask,
  ...answered,
})
export type Prediction = z.infer<typeof prediction>
