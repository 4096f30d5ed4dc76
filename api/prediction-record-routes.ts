import * as z from 'zod'
import { sees, type Caller } from '../tasks/caller.ts'
import type { Feedback, LabelledRow } from '../tasks/feedback.ts'
import {
  labelSchema,
  parsePredictionId,
  predictionContents,
  predictionIdPattern,
  predictionNotFound,
} from '../tasks/prediction-records.ts'
import { learningTask } from '../tasks/shapes.ts'
import { lineage, lineageOf } from './lineage.ts'
import { maxInstances } from './prediction-shapes.ts'
import { parsed, readJson, requestInvalid } from './requests.ts'
import { answers, takes, type Routes } from './route.ts'
import type { Services } from './services.ts'

const params = z.object({
  id: z.string().regex(predictionIdPattern).describe('of the answer to the prediction'),
})

const feedback = z.object({
  row: z.number().int().describe('of the request, from 0'),
  label: labelSchema,
  at: z.string(),
})

const recorded = predictionContents.extend({
  id: z.string(),
  model: z.string(),
  version: z.number().int(),
  task: learningTask,
  at: z.string(),
  key: z.string().nullable().describe('the id of the key that asked'),
  feedback: z.array(feedback).describe('the true labels that are known'),
  lineage,
})

const replace = z
  .boolean()
  .optional()
  .describe('whether a label takes the place of another one that is there; else the first stands')

const oneLabel = z.strictObject({
  label: labelSchema.describe('of the type of the predictions'),
  row: z
    .number()
    .int()
    .min(0)
    .max(maxInstances - 1)
    .optional()
    .describe('may be left out of a prediction of one row'),
  replace,
})

const manyLabels = z.strictObject({
  labels: z
    .array(labelSchema.nullable())
    .min(1)
    .max(maxInstances)
    .describe('one a row of the prediction; null where it is not known'),
  replace,
})

const feedbackBody = z.union([oneLabel, manyLabels])

const outcome = z.object({
  prediction: z.string(),
  recorded: z.number().int().describe('rows that have a new label'),
  repeated: z.number().int().describe('rows that had the same one already'),
  kept: z.array(feedback).describe('rows whose first label stands, since it is another one'),
})

/** What was predicted, where it comes from, and what was true. */
export function predictionRecordRoutes(
  routes: Routes,
  { predictionLog: log, feedback, registry }: Services,
): void {
  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/predictions/{id}',
      summary: 'What was asked and answered, by which version, and the uploaded object behind it',
      request: { params },
      responses: answers('the prediction', recorded),
    },
    async (context, caller) => {
      const { id } = parsed(params, context.req.param())
      requireSeen(caller, id)
      const { model, record } = await log.find(id)
      const [contents, labels, origin] = await Promise.all([
        log.contents(record),
        feedback.of(id),
        lineageOf(registry, model, record.version),
      ])
      return context.json({
        id,
        model: record.model,
        version: record.version,
        task: record.task,
        at: record.at,
        key: record.key,
        ...contents,
        feedback: labels,
        lineage: origin,
      } satisfies z.infer<typeof recorded>)
    },
  )

  routes.add(
    {
      access: 'predict',
      method: 'post',
      path: '/predictions/{id}/feedback',
      creates: true,
      summary: 'The true label of one row, or of all of them',
      request: { params, body: takes(feedbackBody) },
      responses: answers('what became of the labels', outcome),
    },
    async (context, caller) => {
      const { id } = parsed(params, context.req.param())
      requireSeen(caller, id)
      const body = readFeedback(await readJson(context.req.raw))
      const { record } = await log.find(id)
      const given = await feedback.give(id, labelsOf(body, record.rows), {
        replace: body.replace ?? false,
        key: caller.keyId,
      })
      return context.json({
        prediction: id,
        recorded: given.recorded,
        repeated: given.repeated,
        kept: [...given.kept] as Feedback[],
      } satisfies z.infer<typeof outcome>)
    },
  )
}

/** Throws PredictionNotFound, the same for another's prediction as for what is none. */
function requireSeen(caller: Caller, id: string): void {
  const { model } = parsePredictionId(id)
  if (!sees(caller, model.user)) throw predictionNotFound(id)
}

type FeedbackBody = z.infer<typeof oneLabel> | z.infer<typeof manyLabels>

/** By the one of the two shapes that the body means, so that a refusal names its field. */
function readFeedback(body: unknown): FeedbackBody {
  const isMany = typeof body === 'object' && body !== null && 'labels' in body
  return isMany ? parsed(manyLabels, body) : parsed(oneLabel, body)
}

/** Throws RequestInvalid when it is not clear which rows are meant. */
function labelsOf(body: FeedbackBody, rows: number): LabelledRow[] {
  if ('label' in body) {
    if (body.row === undefined && rows > 1) {
      const message = `the prediction has ${rows} rows: say which one`
      throw requestInvalid([{ field: 'row', message }])
    }
    return [{ row: body.row ?? 0, label: body.label }]
  }
  if (body.labels.length !== rows) {
    const message = `the prediction has ${rows} rows, got ${body.labels.length} labels`
    throw requestInvalid([{ field: 'labels', message }])
  }
  return body.labels.flatMap((label, row) => (label === null ? [] : [{ row, label }]))
}
