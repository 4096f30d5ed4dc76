import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import { isMillraceError, MillraceError } from '../platform/ports/index.ts'
import { releaseBatchRows } from '../tasks/batch-quota.ts'
import { versionAsked } from '../tasks/batch-version.ts'
import type { BatchRecord } from '../tasks/batches.ts'
import type { Caller } from '../tasks/caller.ts'
import { listExecution } from '../tasks/execution-owner.ts'
import { formatModel, modelNameSchema, parseInputKey, type ModelName } from '../tasks/names.ts'
import { requireHead } from '../tasks/registry.ts'
import { batchNamed, describedBatch, listedBatches } from './batch-description.ts'
import { batchResults } from './batch-results.ts'
import { resumeBatch } from './batch-resumption.ts'
import {
  batchAccepted,
  batchesPage,
  batchOrder,
  batchParams,
  batchShape,
  resultsQuery,
  type BatchOrder,
} from './batch-shapes.ts'
import { datasetNamed } from './admission.ts'
import { pageQuery, parsed, readJson, requestInvalid } from './requests.ts'
import { answers, takes, type Routes } from './route.ts'
import type { Services } from './services.ts'

/** Who may ask for a batch may see it, and who may see what was predicted too. */
const mayRead = ['predict', 'read'] as const

export interface BatchRoutesOptions {
  /** Whether an answer may be of any size. */
  readonly streams: boolean
}

/** Predictions of stored datasets and of uploaded files, as executions of the workflow `batch`. */
export function batchRoutes(
  routes: Routes,
  services: Services,
  { streams }: BatchRoutesOptions,
): void {
  const { registry, batches, quotas, ports } = services
  const { objects, executions, table, clock } = ports

  routes.add(
    {
      access: 'predict',
      method: 'post',
      path: '/models/{user}/{dataset}/batches',
      summary: 'Predict a version of a dataset, or an uploaded file',
      request: { params: modelNameSchema, body: takes(batchOrder) },
      responses: answers('accepted: its execution has started', batchAccepted, 202),
      creates: true,
      spendsItself: true,
    },
    async (context, caller) => {
      const model = parsed(modelNameSchema, context.req.param())
      const order = parsed(batchOrder, await readJson(context.req.raw))
      const { version } = await versionAsked(registry, model, order)
      const { rows, isCounted, ...source } = await sourceOf(services, { model, order, caller })
      const spent = await quotas.spend(caller, model.user, rows, true)
      const createdAt = new Date(clock.now()).toISOString()
      const batch = batchName(createdAt)
      const { format } = order
      const input = { model: formatModel(model), version, ...source, format, ...boundsOf(order) }
      await executions.start({
        workflow: 'batch',
        name: batch,
        input: { ...input, requestedAt: createdAt, isLimited: !isCounted && caller.user !== null },
      })
      // Its first task does the same: whatever was started is there to be found.
      const record: BatchRecord = {
        batch,
        dataset: null,
        datasetVersion: null,
        ...input,
        rows: isCounted ? rows : 0,
        createdAt,
      }
      await batches.add(model, record)
      await listExecution(table, clock, model.user, { workflow: 'batch', name: batch })
      return context.json(batchNamed({ ...record, execution: batch }), 202, {
        ...spent,
        location: `/models/${record.model}/batches/${batch}`,
      })
    },
  )

  routes.add(
    {
      access: mayRead,
      method: 'get',
      path: '/models/{user}/{dataset}/batches',
      summary: 'Batches of a model, the newest first',
      request: { params: modelNameSchema, query: pageQuery },
      responses: answers('a page of batches', batchesPage),
    },
    async (context) => {
      const model = parsed(modelNameSchema, context.req.param())
      const page = parsed(pageQuery, context.req.query())
      await requireHead(registry, model)
      const { batches: found, ...next } = await batches.list(model, page)
      return context.json({ batches: await listedBatches(services, model, found), ...next })
    },
  )

  const one = {
    request: { params: batchParams },
    responses: answers('the batch', batchShape),
  } as const

  routes.add(
    {
      ...one,
      access: mayRead,
      method: 'get',
      path: '/models/{user}/{dataset}/batches/{batch}',
      summary: 'A batch, and how far it is',
    },
    async (context) => {
      const { batch, ...model } = parsed(batchParams, context.req.param())
      return context.json(await describedBatch(services, model, batch))
    },
  )

  routes.add(
    {
      ...one,
      access: 'predict',
      method: 'post',
      path: '/models/{user}/{dataset}/batches/{batch}/cancel',
      summary: 'Stop a batch; the results that are there stay',
    },
    async (context) => {
      const { batch, ...model } = parsed(batchParams, context.req.param())
      const { execution } = await batches.find(model, batch)
      try {
        await executions.stop('batch', execution, {
          error: 'BatchCancelled',
          cause: 'cancelled through the API',
        })
      } catch (error) {
        // One that ended so long ago that it is forgotten.
        if (!isMillraceError(error, 'ExecutionNotFound')) throw error
      }
      const { rows, rowsDone, rowsFailed } = await batches.find(model, batch)
      const left = rows - rowsDone + rowsFailed
      await releaseBatchRows(table, model, { batch, execution, rows: left })
      return context.json(await describedBatch(services, model, batch))
    },
  )

  routes.add(
    {
      access: 'predict',
      method: 'post',
      path: '/models/{user}/{dataset}/batches/{batch}/resume',
      summary: 'Go on with a batch that failed or was cancelled: what is done is not done again',
      request: { params: batchParams },
      responses: answers('accepted: another execution has started', batchAccepted, 202),
    },
    async (context, caller) => {
      const { batch, ...model } = parsed(batchParams, context.req.param())
      const isLimited = caller.user !== null
      const resumed = await resumeBatch(services, { model, batch, isLimited })
      return context.json(batchNamed(resumed), 202)
    },
  )

  routes.add(
    {
      access: mayRead,
      method: 'get',
      path: '/models/{user}/{dataset}/batches/{batch}/results',
      summary: 'The results of a batch, or those that are there while it runs',
      description:
        'Without `offset` and `limit`, all of them; where the gateway passes 4 MiB at most, larger ' +
        'ones are refused. With one of them, a page of rows: the `Link` header names the next one ' +
        'until there is none. `X-Batch-Rows` names the rows of the answer: results of rows that are ' +
        'not predicted yet are left out. A row that the model could not take has no prediction. In a ' +
        '`.npy` a class that is text is its place among the classes of the header `X-Batch-Classes`.',
      request: { params: batchParams, query: resultsQuery },
      responses: {
        200: {
          description: 'result rows in the format of the batch',
          content: {
            'text/csv': { schema: z.string() },
            'application/x-ndjson': { schema: z.string() },
            'application/octet-stream': { schema: z.string().meta({ format: 'binary' }) },
          },
        },
      },
    },
    async (context) => {
      const { batch, ...model } = parsed(batchParams, context.req.param())
      const query = parsed(resultsQuery, context.req.query())
      const kept = await batches.find(model, batch)
      return batchResults({ objects, batches, streams }, { model, kept, ...query })
    },
  )
}

interface Source {
  /** What the execution is to predict. */
  readonly dataset?: string
  readonly datasetVersion?: number
  readonly file?: { readonly key: string; readonly versionId: string }
  /** Rows that are asked of the plan now. */
  readonly rows: number
  /** Whether they are all: those of a file are counted when it is divided, and asked for then. */
  readonly isCounted: boolean
}

/** Throws DatasetNotFound, ObjectNotFound for a file that is not there, or another user's. */
async function sourceOf(
  { datasets, ports: { objects } }: Services,
  { model, order, caller }: { model: ModelName; order: BatchOrder; caller: Caller },
): Promise<Source> {
  const { file } = order
  if (file === undefined) {
    const from = order.dataset === undefined ? model : datasetNamed(order.dataset, caller)
    const { version, rows } = await datasets.version(from, order.datasetVersion)
    return { dataset: formatModel(from), datasetVersion: version, rows, isCounted: true }
  }
  const { key } = file
  if (order.dataset !== undefined || order.datasetVersion !== undefined) {
    const message = 'a batch predicts a file or a dataset: name one of them'
    throw requestInvalid([{ field: 'file', message }])
  }
  if (parseInputKey(key).user !== model.user) {
    throw new MillraceError('ObjectNotFound', `there is no object ${key}`)
  }
  const { versionId } = await objects.head(
    key,
    file.versionId === undefined ? {} : { versionId: file.versionId },
  )
  // At least one: who has nothing left of the month is refused at once.
  return { file: { key, versionId }, rows: 1, isCounted: false }
}

function boundsOf({ rangeRows, concurrency, toleratedFailures }: BatchOrder) {
  return {
    ...(rangeRows === undefined ? {} : { rangeRows }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(toleratedFailures === undefined ? {} : { toleratedFailures }),
  }
}

/** Names of batches begin with their time: the order of the names is that of their times. */
function batchName(createdAt: string): string {
  const time = createdAt.replace(/\.(\d+)Z$/, '$1').replaceAll(/[-:T]/g, '')
  return `${time}-${randomBytes(5).toString('hex')}`
}
