import * as z from 'zod'
import { aliasName } from './aliases.ts'
import { formatModel, modelNameSchema, parseModel, type ModelName } from './names.ts'
import { objectReference, rejectionReason, type ObjectReference } from './shapes.ts'

/** What travels between the states of the batch workflow, and what its tasks keep. */

export const batchFormat = z.enum(['csv', 'jsonl', 'npy'])
export type BatchFormat = z.infer<typeof batchFormat>

/** The types of results. */
export const batchContentTypes: Readonly<Record<BatchFormat, string>> = {
  csv: 'text/csv',
  jsonl: 'application/x-ndjson',
  npy: 'application/octet-stream',
}

const modelText = z.string().transform((text, context): ModelName => {
  try {
    return parseModel(text)
  } catch (error) {
    context.addIssue((error as Error).message)
    return z.NEVER
  }
})

/** The input of an execution. */
export const batchRequest = z.object({
  /** `<user>/<dataset>`; the batch belongs to this user. */
  model: modelText,
  version: z.number().int().nonnegative().optional(),
  /** Default `champion`, where no version is named. */
  alias: aliasName.optional(),
  /** `<user>/<dataset>`, default the model's own. */
  dataset: modelText.optional(),
  /** Default the last one. */
  datasetVersion: z.number().int().nonnegative().optional(),
  format: batchFormat.default('csv'),
  /** Fewest rows of a range. */
  rangeRows: z.number().int().positive().optional(),
  /** ISO 8601 time. */
  requestedAt: z.string().optional(),
})
export type BatchRequest = z.infer<typeof batchRequest>

/** Rows of a dataset that are predicted by one task. */
export const batchRange = z.object({
  index: z.number().int().nonnegative(),
  /** Inclusive. */
  from: z.number().int().nonnegative(),
  /** Exclusive. */
  to: z.number().int().nonnegative(),
  /** Bytes of the file, of a CSV: inclusive and exclusive. */
  start: z.number().int().nonnegative(),
  end: z.number().int().nonnegative(),
})
export type BatchRange = z.infer<typeof batchRange>

/** A batch whose plan is an object. */
export const plannedBatch = z.object({
  model: modelNameSchema,
  batch: z.string(),
  plan: objectReference,
})
export type PlannedBatch = z.infer<typeof plannedBatch>

/** What is the same for all ranges: the object that a batch's tasks read. */
export const batchPlan = z.object({
  batch: z.string(),
  model: modelNameSchema,
  version: z.number().int(),
  artifact: objectReference,
  dataset: modelNameSchema,
  datasetVersion: z.number().int(),
  source: objectReference,
  sourceFormat: z.enum(['npy', 'csv']),
  format: batchFormat,
  rows: z.number().int(),
  ranges: z.array(batchRange),
  /** For each feature of the model its column in the file. */
  columns: z.array(z.number().int()),
  /** Names of those that are read as numbers, of a CSV. */
  numbers: z.array(z.string()),
  /** Bytes of the header of a CSV. */
  headerEnd: z.number().int(),
  /** As `Predictions` has them: of classes their names. */
  classes: z.array(z.union([z.number(), z.string()])).nullable(),
  hasProbabilities: z.boolean(),
})
export type BatchPlan = z.infer<typeof batchPlan>

/** Result rows of one range. */
export interface BatchShard {
  readonly index: number
  readonly from: number
  readonly to: number
  /** Rows that the model could not take: their prediction is missing. */
  readonly failed: number
  /** Of the first of them. */
  readonly failures: readonly { readonly row: number; readonly message: string }[]
  readonly object: ObjectReference
}

/** What JoinBatch made. */
export interface BatchResult {
  readonly rows: number
  readonly failed: number
  readonly object: ObjectReference
  readonly manifest: ObjectReference
}

export type BatchReason = z.infer<typeof rejectionReason>

/** Where a batch keeps its files. */
export function batchFolder(model: ModelName, batch: string): string {
  return `batches/${formatModel(model)}/${batch}`
}

/** Fixed width, so that the order of the text is the order of the numbers. */
export function shardName(index: number): string {
  return String(index).padStart(6, '0')
}
