import * as z from 'zod'
import { MillraceError, pages } from '../platform/ports/index.ts'
import { configurationReasons } from '../tasks/candidates.ts'
import { sees, type Caller } from '../tasks/caller.ts'
import type { DatasetSummary, Datasets } from '../tasks/datasets.ts'
import { formatModel, modelNameSchema, nameSchema, type ModelName } from '../tasks/names.ts'
import {
  trainingConfiguration,
  type TrainingConfiguration,
} from '../tasks/training-configuration.ts'
import { requestTraining } from '../tasks/training-request.ts'
import { datasetNamed } from './admission.ts'
import {
  maxFaults,
  modelText,
  parsed,
  readJson,
  requestInvalid,
  versionNumber,
} from './requests.ts'
import { answers, takes, type Routes } from './route.ts'
import type { Services } from './services.ts'

const fitRequest = trainingConfiguration.extend({
  dataset: modelText
    .optional()
    .describe('`<user>/<dataset>` to learn from; default: the one of the same name as the model'),
  datasetVersion: versionNumber.optional().describe('default: the last one'),
})

const accepted = z.object({
  execution: z.string().describe('to follow at /executions/{execution}'),
  workflow: z.literal('training'),
  model: z.string(),
  dataset: z.string(),
  datasetVersion: z.number().int(),
})

const userTraining = z.strictObject({
  userID: nameSchema.describe('whose dataset that changed last is trained on'),
})

const queued = accepted.extend({
  MessageId: z.string().describe('of the message on the queue'),
})

/** Trainings that someone asks for, of data that is there: through the queue, so that none is lost. */
export function trainingRequestRoutes(
  routes: Routes,
  { datasets, allowances, ports }: Services,
): void {
  /** A training counts for whom the model belongs to. */
  const allowedTo = (caller: Caller, user: string) => (execution: string, rows: number) =>
    allowances.train(caller, user, execution, rows)

  routes.add(
    {
      access: 'train',
      method: 'put',
      path: '/models/{user}/{dataset}',
      summary: 'Train a model on a version of a dataset; the same request twice is one training',
      request: { params: modelNameSchema, body: takes(fitRequest) },
      responses: answers('accepted: it is durable, and its execution will start', accepted, 202),
    },
    async (context, caller) => {
      const model = parsed(modelNameSchema, context.req.param())
      const { dataset, datasetVersion, ...configuration } = parsed(
        fitRequest,
        await readJson(context.req.raw),
      )
      refuseImpossible(configuration, '')
      const from = dataset === undefined ? model : datasetNamed(dataset, caller)
      const allow = allowedTo(caller, model.user)
      const request = { model, dataset: from, datasetVersion, configuration, allow }
      const { execution, ...training } = await requestTraining(ports, datasets, request)
      return context.json(
        {
          execution,
          workflow: 'training' as const,
          model: formatModel(model),
          dataset: formatModel(from),
          datasetVersion: training.datasetVersion,
        },
        202,
        { location: `/executions/${execution}` },
      )
    },
  )

  routes.add(
    {
      access: 'train',
      method: 'post',
      path: '/train',
      summary: "Train on a user's dataset that changed last",
      request: { body: takes(userTraining) },
      responses: answers('what the queue answered, and the execution to follow', queued),
      creates: true,
    },
    async (context, caller) => {
      const { userID: user } = parsed(userTraining, await readJson(context.req.raw))
      const dataset = sees(caller, user) ? await changedLast(datasets, user) : undefined
      if (dataset === undefined) {
        throw new MillraceError('DatasetNotFound', `the user ${user} has no dataset`)
      }
      const allow = allowedTo(caller, user)
      const request = { model: dataset, dataset, configuration: {}, allow }
      const { messageId, execution, datasetVersion } = await requestTraining(
        ports,
        datasets,
        request,
      )
      const name = formatModel(dataset)
      return context.json({
        MessageId: messageId,
        execution,
        workflow: 'training' as const,
        model: name,
        dataset: name,
        datasetVersion,
      })
    },
  )
}

/** The dataset of a user that changed last; undefined when there is none. */
async function changedLast(datasets: Datasets, user: string): Promise<ModelName | undefined> {
  let last: DatasetSummary | undefined
  for await (const page of pages((cursor) => datasets.list({ user, cursor, limit: 100 }))) {
    for (const dataset of page.datasets) {
      if (last === undefined || dataset.updatedAt > last.updatedAt) last = dataset
    }
  }
  return last?.dataset
}

/** What of a configuration a reason is about. */
const fieldsOf: Readonly<Record<string, string>> = {
  HyperparameterInvalid: 'hyperparameters',
  MetricUnsupported: 'metric',
}

/**
 * What a training would be rejected for is told before anything is sent. Throws RequestInvalid.
 *
 * @param at where the configuration is in the request, with a dot at its end
 */
export function refuseImpossible(configuration: TrainingConfiguration, at: string): void {
  const errors = configurationReasons(configuration).map(({ code, message }) => ({
    field: `${at}${fieldsOf[code] ?? 'algorithms'}`,
    message,
  }))
  if (errors.length > 0) throw requestInvalid(errors.slice(0, maxFaults))
}
