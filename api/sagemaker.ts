import * as z from 'zod'
import { MillraceError } from '../platform/ports/index.ts'
import type { ModelName } from '../tasks/names.ts'
import { csvRows } from './csv-rows.ts'
import { requireTenant } from './admission.ts'
import { maxInstances, modelPrediction, prediction, type Prediction } from './prediction-shapes.ts'
import { parseJson, parsed, readBody } from './requests.ts'
import type { Routes } from './route.ts'
import type { Services } from './services.ts'

const health = z.object({ status: z.literal('ok') })

const invocations = prediction.pick({ predictions: true, probabilities: true })

const csv = z.string().describe('rows of features without a header; one prediction a line')

/** The rows are read with the model, which says what they are to be. */
const body = modelPrediction.extend({ instances: z.array(z.unknown()).min(1).max(maxInstances) })

/**
 * The contract of SageMaker's containers, for the champion of one model: `/ping` answers once it can
 * answer, `/invocations` takes rows as JSON or CSV and answers in the type of the header `Accept`.
 * What was predicted is recorded as ever; its id is in the header that SageMaker hands on.
 */
export function sagemakerRoutes(
  routes: Routes,
  { models, predictions }: Services,
  { model }: { readonly model: ModelName },
): void {
  routes.add(
    {
      access: 'public',
      method: 'get',
      path: '/ping',
      summary: 'Whether the model of this container answers',
      responses: {
        200: { description: 'it does', content: { 'application/json': { schema: health } } },
      },
    },
    async (context) => {
      await models.alias(model, 'champion')
      return context.json({ status: 'ok' } satisfies z.infer<typeof health>)
    },
  )

  routes.add(
    {
      access: 'predict',
      creates: true,
      spendsItself: true,
      method: 'post',
      path: '/invocations',
      summary: 'Ask the model of this container',
      request: {
        body: {
          required: true,
          content: { 'application/json': { schema: modelPrediction }, 'text/csv': { schema: csv } },
        },
      },
      responses: {
        200: {
          description: 'predictions',
          content: { 'application/json': { schema: invocations }, 'text/csv': { schema: csv } },
        },
      },
    },
    async ({ req }, caller) => {
      requireTenant(caller, model.user, 'ModelNotFound')
      const type = req.header('content-type') ?? ''
      const asked = rowsOf(type, await readBody(req.raw))
      const { body, headers } = await predictions.predict({ caller, model, ...asked })
      const isCsv = /^text\/csv\b/i.test(req.header('accept') ?? '')
      return new Response(isCsv ? csvText(body) : jsonText(body), {
        headers: {
          ...headers,
          'content-type': isCsv ? 'text/csv' : 'application/json',
          'x-amzn-sagemaker-custom-attributes': `prediction=${body.id},version=${body.version}`,
        },
      })
    },
  )
}

/** Throws RequestInvalid, MediaTypeUnsupported. */
function rowsOf(type: string, text: string): { instances: readonly unknown[]; impute: boolean } {
  if (/^text\/csv\s*(;|$)/i.test(type)) return { instances: csvRows(text), impute: false }
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new MillraceError(
      'MediaTypeUnsupported',
      `send rows as application/json or text/csv; found "${type}"`,
    )
  }
  const { instances, impute = false } = parsed(body, parseJson(type, text))
  return { instances, impute }
}

function jsonText({ predictions, probabilities }: Prediction): string {
  return JSON.stringify({ predictions, probabilities } satisfies z.infer<typeof invocations>)
}

function csvText({ predictions }: Prediction): string {
  return predictions.map((one) => `${csvCell(one)}\n`).join('')
}

function csvCell(value: number | string): string {
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
