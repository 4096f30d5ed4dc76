import * as z from 'zod'
import { MillraceError } from '../platform/ports/index.ts'
import { nameSchema, type ModelName } from './names.ts'
import { learningTask, objectReference } from './shapes.ts'

/**
 * What the log holds of predictions and of the feedback to them. The records of a model stand under
 * `predictions/<user>/<dataset>/<shard>`, a prediction and its feedback under the same key.
 */

/** Most characters of a text in a row: of a category, of a class. */
export const maxCellText = 256

const text = z
  .string()
  .max(maxCellText)
  .refine((given) => given.isWellFormed(), 'text without lone surrogates')

/** A value of a row: a number, the text of a category, or null where it is missing. */
export const cellSchema = z.union([z.number(), text, z.null()])

/** A class, a quantity or a cluster. */
export const labelSchema = z.union([z.number(), text])
export type Label = z.infer<typeof labelSchema>

export const imputedRow = z.object({
  row: z.number().int().describe('of the request, from 0'),
  features: z.array(z.string()).describe('those that were missing'),
})

/** What was asked, in rows of the model's features, and what was answered. */
export const predictionContents = z.object({
  instances: z.array(z.array(cellSchema)),
  predictions: z.array(labelSchema),
  probabilities: z.array(z.array(z.number())).nullable(),
  classes: z.array(labelSchema).nullable(),
  imputed: z.array(imputedRow).optional(),
})
export type PredictionContents = z.infer<typeof predictionContents>

/** One request. Its contents are in the record, or in an object where they are too large for it. */
export const predictionRecord = z.object({
  kind: z.literal('prediction'),
  /** `<user>/<dataset>` */
  model: z.string(),
  version: z.number().int(),
  task: learningTask,
  /** ISO 8601 time. */
  at: z.string(),
  /** The id of the caller's key; null for who came without one. */
  key: z.string().nullable(),
  rows: z.number().int(),
  contents: predictionContents.nullable(),
  object: objectReference.nullable(),
})
export type PredictionRecord = z.infer<typeof predictionRecord>

/**
 * True labels of rows of one prediction. A process that dies between the append and its note of it may
 * append a record again: it then names the same labels of the same rows.
 */
export const feedbackRecord = z.object({
  kind: z.literal('feedback'),
  /** Its id. */
  prediction: z.string(),
  model: z.string(),
  version: z.number().int(),
  /** ISO 8601 time. */
  at: z.string(),
  /** When the rows were predicted; null in records from before it was noted. */
  predictedAt: z.string().nullable().default(null),
  key: z.string().nullable(),
  labels: z.array(
    z.object({
      row: z.number().int(),
      label: labelSchema,
      predicted: labelSchema,
      /** The label that this one takes the place of. */
      replaced: labelSchema.nullable(),
    }),
  ),
})
export type FeedbackRecord = z.infer<typeof feedbackRecord>

/** What a consumer of the log finds under the keys of predictions. */
export const servedRecord = z.discriminatedUnion('kind', [predictionRecord, feedbackRecord])

/** Where a prediction stands in the log, which is its id: `<user>~<dataset>~<shard>~<position>`. */
export interface PredictionPlace {
  readonly model: ModelName
  readonly shard: string
  readonly position: string
}

/** As a regular expression, for whoever checks an id by its form alone. */
export const predictionIdPattern =
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}~[A-Za-z0-9][A-Za-z0-9._-]{0,63}~[0-9]{1,2}~[0-9]{16}$/

export function formatPredictionId({ model, shard, position }: PredictionPlace): string {
  return `${model.user}~${model.dataset}~${shard}~${position}`
}

/** Throws PredictionNotFound for what is no id. */
export function parsePredictionId(id: string): PredictionPlace {
  const [user = '', dataset = '', shard = '', position = ''] = id.split('~')
  const isNamed = nameSchema.safeParse(user).success && nameSchema.safeParse(dataset).success
  if (!predictionIdPattern.test(id) || !isNamed) throw predictionNotFound(id)
  return { model: { user, dataset }, shard, position }
}

export function predictionNotFound(id: string): MillraceError {
  const shown = JSON.stringify(id.length > 200 ? `${id.slice(0, 200)}…` : id)
  return new MillraceError('PredictionNotFound', `there is no prediction ${shown}`)
}

const keysOfPredictions = 'predictions/'

/** The log's key of a model's predictions in one shard. */
export function predictionLogKey({ user, dataset }: ModelName, shard: string): string {
  return `${keysOfPredictions}${user}/${dataset}/${shard}`
}

/** The model whose predictions are under a key of the log; undefined for any other key. */
export function modelOfLogKey(key: string): ModelName | undefined {
  return placeOfLogKey(key)?.model
}

/** The model and the shard of a key of the log; undefined for any other key. */
export function placeOfLogKey(key: string): Omit<PredictionPlace, 'position'> | undefined {
  if (!key.startsWith(keysOfPredictions)) return undefined
  const [user, dataset, shard, ...more] = key.slice(keysOfPredictions.length).split('/')
  if (user === undefined || dataset === undefined || shard === undefined || more.length > 0) {
    return undefined
  }
  return { model: { user, dataset }, shard }
}
