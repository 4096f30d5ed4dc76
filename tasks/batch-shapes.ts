import * as z from 'zod'
import { aliasName } from './aliases.ts'
import {
  formatModel,
  inputKeyPattern,
  modelNameSchema,
  parseModel,
  type ModelName,
} from './names.ts'
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

/** Children of a batch at one time, at most: those of a Map Run. */
export const maxConcurrency = 10_000

/** A file that was uploaded to be predicted. */
export const batchFile = z.object({
  key: z.string().max(512).regex(new RegExp(inputKeyPattern), 'this is no key of an input'),
  versionId: z.string().optional(),
})
export type BatchFile = z.infer<typeof batchFile>

/** The input of an execution: what to predict, or which batch to go on with. */
export const batchRequest = z.object({
  /** `<user>/<dataset>`; the batch belongs to this user. */
  model: modelText,
  /** A batch of the model, whose missing ranges are predicted; of all else here, only what bounds it. */
  resume: z.string().optional(),
  version: z.number().int().nonnegative().optional(),
  /** Default `champion`, where no version is named. */
  alias: aliasName.optional(),
  /** `<user>/<dataset>`, default the model's own. */
  dataset: modelText.optional(),
  /** Default the last one. */
  datasetVersion: z.number().int().nonnegative().optional(),
  /** A file of the model's user in place of a dataset. Default its current version. */
  file: batchFile.optional(),
  format: batchFormat.default('csv'),
  /** Rows of a range. Default as many as a child predicts in 1 to 30 seconds. */
  rangeRows: z.number().int().positive().optional(),
  /** Ranges at one time. Default those that leave online predictions theirs. */
  concurrency: z.number().int().min(1).max(maxConcurrency).optional(),
  /** Ranges that may fail, whose rows are then missing. Default none. */
  toleratedFailures: z.number().int().nonnegative().optional(),
  /** Whether rows that are not held yet are asked of the plan of the model's user. */
  isLimited: z.boolean().optional(),
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
  /** The source in C order, where it was not. */
  rows: objectReference.optional(),
})
export type PlannedBatch = z.infer<typeof plannedBatch>

/** The object whose rows are predicted. Of a file, its digest may not be known. */
export const batchSource = objectReference.extend({ sha256: z.string().nullable() })
export type BatchSource = z.infer<typeof batchSource>

/** What is the same for all ranges: the object that a batch's tasks read. */
export const batchPlan = z.object({
  batch: z.string(),
  model: modelNameSchema,
  version: z.number().int(),
  artifact: objectReference,
  /** Null of a file, as its version. */
  dataset: modelNameSchema.nullable(),
  datasetVersion: z.number().int().nullable(),
  source: batchSource,
  sourceFormat: z.enum(['npy', 'csv']),
  /** Whether the source is in Fortran order, so that its rows are rewritten first. */
  isColumnwise: z.boolean(),
  format: batchFormat,
  rows: z.number().int(),
  /** The object with all ranges, as JSON. */
  ranges: objectReference,
  rangeCount: z.number().int(),
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
  /** Digests of the object's parts (`PartDigests`), where it has more than one. */
  readonly parts?: readonly string[]
}

/** A range without a result, and why. */
export interface FailedRange {
  readonly index: number
  readonly from: number
  readonly to: number
  /** Null where its task ended without a word, as one that runs out of time or memory. */
  readonly error: string | null
  readonly message: string | null
}

/** What JoinBatch made. */
export interface BatchResult {
  /** Of the source. */
  readonly rows: number
  /** Rows that the model could not take. */
  readonly failed: number
  /** Rows of ranges that failed, as far as that was tolerated. */
  readonly missing: number
  /** All results; null where they are too large for one object: the manifest then names its parts. */
  readonly object: ObjectReference | null
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
