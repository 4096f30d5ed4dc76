import * as z from 'zod'
import { aliasName } from '../tasks/aliases.ts'
import { batchFormat } from '../tasks/batch-shapes.ts'
import { modelNameSchema } from '../tasks/names.ts'
import { objectReference, rejectionReason } from '../tasks/shapes.ts'
import { lineage } from './lineage.ts'
import { largestCount, modelText, versionNumber } from './requests.ts'

/** What the routes of batches take and answer. */

export const batchParams = modelNameSchema.extend({
  batch: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,80}$/, 'a batch is 1 to 80 letters, digits, "_" or "-"'),
})

/** The body of `POST /models/{user}/{dataset}/batches`. */
export const batchOrder = z.strictObject({
  dataset: modelText
    .optional()
    .describe('`<user>/<dataset>` to predict; default: the one of the same name as the model'),
  datasetVersion: versionNumber.optional().describe('default: the last one'),
  version: versionNumber.optional().describe('of the model; default: the one that `alias` names'),
  alias: aliasName.optional().describe('default: champion; with `version`: must name that one'),
  format: batchFormat.default('csv').describe('of the results'),
})

export const resultsQuery = z.object({
  offset: z.coerce
    .number()
    .int()
    .min(0)
    .max(largestCount)
    .optional()
    .describe('first row of a page, from 0'),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe('rows of a page; one of more than 4 MiB ends earlier'),
})

const status = z
  .enum(['RUNNING', 'SUCCEEDED', 'REJECTED', 'FAILED', 'TIMED_OUT', 'ABORTED'])
  .describe('REJECTED: the dataset does not fit the model; ABORTED: cancelled')
export type BatchStatus = z.infer<typeof status>

const summary = z.object({
  batch: z.string(),
  execution: z.string().describe('to follow at /executions/{execution}?workflow=batch'),
  workflow: z.literal('batch'),
  model: z.string(),
  version: z.number().int().describe('of the model'),
  dataset: z.string(),
  datasetVersion: z.number().int(),
  format: batchFormat,
  status,
  createdAt: z.string(),
})

export const batchAccepted = summary.omit({ status: true })

export const batchesPage = z.object({
  batches: z.array(summary),
  cursor: z.string().optional().describe('where the next page begins; absent after the last'),
})

export const batchShape = summary.extend({
  rows: z.number().int().describe('of the dataset'),
  rowsDone: z.number().int().describe('whose results are there'),
  rowsFailed: z.number().int().describe('of these, rows that the model could not take'),
  failures: z
    .array(z.object({ row: z.number().int(), message: z.string() }))
    .describe('of the first rows that failed'),
  results: z
    .object({ bytes: z.number().int(), sha256: z.string() })
    .nullable()
    .describe('once all rows are predicted'),
  source: objectReference
    .nullable()
    .describe('the object version whose rows are predicted; null until they are divided'),
  manifest: objectReference
    .nullable()
    .describe('the object that names the results and what they were made of'),
  lineage,
  reasons: z.array(rejectionReason).describe('why it was rejected'),
  error: z.string().optional(),
  cause: z.string().optional(),
  stopDate: z.string().optional(),
})
