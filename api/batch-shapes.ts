import * as z from 'zod'
import { aliasName } from '../tasks/aliases.ts'
import { batchFormat, batchSource, maxConcurrency } from '../tasks/batch-shapes.ts'
import { inputKeyPattern, modelNameSchema } from '../tasks/names.ts'
import { objectReference, rejectionReason } from '../tasks/shapes.ts'
import { lineage } from './lineage.ts'
import { largestCount, modelText, versionNumber } from './requests.ts'

/** What the routes of batches take and answer. */

export const batchParams = modelNameSchema.extend({
  batch: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,80}$/, 'a batch is 1 to 80 letters, digits, "_" or "-"'),
})

const inputFile = z
  .strictObject({
    key: z.string().max(1024).meta({ pattern: inputKeyPattern }).describe('as its upload told it'),
    versionId: z.string().min(1).max(1024).optional().describe('default: the last one'),
  })
  .describe('an uploaded file to predict, in place of a dataset')

/** The body of `POST /models/{user}/{dataset}/batches`. */
export const batchOrder = z.strictObject({
  dataset: modelText
    .optional()
    .describe('`<user>/<dataset>` to predict; default: the one of the same name as the model'),
  datasetVersion: versionNumber.optional().describe('default: the last one'),
  file: inputFile.optional(),
  version: versionNumber.optional().describe('of the model; default: the one that `alias` names'),
  alias: aliasName.optional().describe('default: champion; with `version`: must name that one'),
  format: batchFormat.default('csv').describe('of the results'),
  rangeRows: z
    .number()
    .int()
    .min(1)
    .max(largestCount)
    .optional()
    .describe('rows of a range; default: as many as are predicted in some seconds'),
  concurrency: z
    .number()
    .int()
    .min(1)
    .max(maxConcurrency)
    .optional()
    .describe('ranges at one time; default: few enough that online predictions keep theirs'),
  toleratedFailures: z
    .number()
    .int()
    .min(0)
    .max(largestCount)
    .optional()
    .describe('ranges that may fail, whose rows are then missing; default: none'),
})
export type BatchOrder = z.infer<typeof batchOrder>

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
  .describe('REJECTED: its rows do not fit the model, or the plan; ABORTED: cancelled')
export type BatchStatus = z.infer<typeof status>

const count = z.number().int()

const summary = z.object({
  batch: z.string(),
  execution: z
    .string()
    .describe('the last one, to follow at /executions/{execution}?workflow=batch'),
  workflow: z.literal('batch'),
  model: z.string(),
  version: count.describe('of the model'),
  dataset: z.string().nullable().describe('null of a file'),
  datasetVersion: count.nullable(),
  file: z.object({ key: z.string(), versionId: z.string().optional() }).nullable(),
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
  rows: count.describe('to predict; of a file 0 until they are counted'),
  rowsDone: count.describe('whose results are there'),
  rowsFailed: count.describe('of these, rows that the model could not take'),
  rowsMissing: count.describe('of ranges that failed, once it has ended all the same'),
  ranges: count.describe('that the rows are divided into; 0 until they are'),
  rangesDone: count,
  failures: z
    .array(z.object({ row: count, message: z.string() }))
    .describe('of the first rows that failed, once it has ended'),
  failedRanges: z
    .array(
      z.object({
        from: count.describe('first row'),
        to: count.describe('the row after the last one'),
        error: z.string().nullable(),
        message: z.string().nullable(),
      }),
    )
    .describe('the first ones that failed, and have no result since'),
  results: z
    .object({ bytes: count, sha256: z.string() })
    .nullable()
    .describe(
      'once all rows are predicted; null of more than 5 GiB, whose parts the manifest names',
    ),
  source: batchSource
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
