import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import { isMillraceError, MillraceError, type Execution } from '../platform/ports/index.ts'
import { versionAsked, type BatchRecord, type KeptBatch } from '../tasks/batches.ts'
import { listExecution } from '../tasks/execution-owner.ts'
import { formatModel, modelNameSchema, type ModelName } from '../tasks/names.ts'
import { modelDeleted } from '../tasks/registry.ts'
import { batchResults } from './batch-results.ts'
import {
  batchAccepted,
  batchesPage,
  batchOrder,
  batchParams,
  batchShape,
  resultsQuery,
  type BatchStatus,
} from './batch-shapes.ts'
import { datasetNamed } from './admission.ts'
import { lineageOf } from './lineage.ts'
import { pageQuery, parsed, readJson } from './requests.ts'
import { answers, takes, type Routes } from './route.ts'
import type { Services } from './services.ts'

/** Who may ask for a batch may see it, and who may see what was predicted too. */
const mayRead = ['predict', 'read'] as const

/** Failures that one answer tells. */
const toldFailures = 20

export interface BatchRoutesOptions {
  /** Whether an answer may be of any size. */
  readonly streams: boolean
}

/** Predictions of stored datasets, as executions of the workflow `batch`. */
export function batchRoutes(
  routes: Routes,
  { registry, datasets, batches, quotas, ports }: Services,
  { streams }: BatchRoutesOptions,
): void {
  const { objects, executions, table, clock } = ports

  routes.add(
    {
      access: 'predict',
      method: 'post',
      path: '/models/{user}/{dataset}/batches',
      summary: 'Predict a version of a dataset',
      request: { params: modelNameSchema, body: takes(batchOrder) },
      responses: answers('accepted: its execution has started', batchAccepted, 202),
      creates: true,
      spendsItself: true,
    },
    async (context, caller) => {
      const model = parsed(modelNameSchema, context.req.param())
      const order = parsed(batchOrder, await readJson(context.req.raw))
      const from = order.dataset === undefined ? model : datasetNamed(order.dataset, caller)
      const { version } = await versionAsked(registry, model, order)
      const { version: datasetVersion, rows } = await datasets.version(from, order.datasetVersion)
      const spent = await quotas.spend(caller, model.user, rows)
      const createdAt = new Date(clock.now()).toISOString()
      const batch = batchName(createdAt)
      const record: BatchRecord = {
        batch,
        model: formatModel(model),
        version,
        dataset: formatModel(from),
        datasetVersion,
        format: order.format,
        rows,
        createdAt,
      }
      const { model: named, dataset, format } = record
      const input = { model: named, version, dataset, datasetVersion, format }
      await executions.start({
        workflow: 'batch',
        name: batch,
        input: { ...input, requestedAt: createdAt },
      })
      // Its first task does the same: whatever was started is there to be found.
      await batches.add(model, record)
      await listExecution(table, clock, model.user, { workflow: 'batch', name: batch })
      const accepted = { batch, execution: batch, workflow: 'batch' as const, ...input, createdAt }
      return context.json(accepted, 202, {
        ...spent,
        location: `/models/${named}/batches/${batch}`,
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
      const head = await registry.head(model)
      if (head === undefined) {
        throw new MillraceError('ModelNotFound', `there is no model ${formatModel(model)}`)
      }
      if (head.deletedAt !== null) throw modelDeleted(model, head)
      const { batches: found, ...next } = await batches.list(model, page)
      const listed = found.map(async (one) => summaryOf(one, await executionOf(one.batch)))
      return context.json({ batches: await Promise.all(listed), ...next })
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
      return context.json(await described(model, batch))
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
      await batches.find(model, batch)
      try {
        await executions.stop('batch', batch, {
          error: 'BatchCancelled',
          cause: 'cancelled through the API',
        })
      } catch (error) {
        // One that ended so long ago that it is forgotten.
        if (!isMillraceError(error, 'ExecutionNotFound')) throw error
      }
      return context.json(await described(model, batch))
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

  async function described(model: ModelName, name: string): Promise<z.infer<typeof batchShape>> {
    const [kept, execution, shards] = await Promise.all([
      batches.find(model, name),
      executionOf(name),
      batches.shards(model, name),
    ])
    const { error, cause, stopDate } = execution ?? {}
    return {
      ...summaryOf(kept, execution),
      rows: kept.rows,
      rowsDone: shards.reduce((sum, { from, to }) => sum + to - from, 0),
      rowsFailed: shards.reduce((sum, { failed }) => sum + failed, 0),
      failures: shards.flatMap(({ failures }) => failures).slice(0, toldFailures),
      results:
        kept.result === null
          ? null
          : { bytes: kept.result.object.size, sha256: kept.result.object.sha256 },
      source: kept.source ?? null,
      manifest: kept.result?.manifest ?? null,
      lineage: await lineageOf(registry, model, kept.version),
      reasons: [...(kept.reasons ?? [])],
      ...(error === undefined ? {} : { error }),
      ...(cause === undefined ? {} : { cause }),
      ...(stopDate === undefined ? {} : { stopDate }),
    }
  }

  /** Undefined when it is forgotten. */
  async function executionOf(name: string): Promise<Execution | undefined> {
    try {
      return await executions.describe('batch', name)
    } catch (error) {
      if (isMillraceError(error, 'ExecutionNotFound')) return undefined
      throw error
    }
  }
}

/** Names of batches begin with their time: the order of the names is that of their times. */
function batchName(createdAt: string): string {
  const time = createdAt.replace(/\.(\d+)Z$/, '$1').replaceAll(/[-:T]/g, '')
  return `${time}-${randomBytes(5).toString('hex')}`
}

function summaryOf(kept: KeptBatch, execution: Execution | undefined) {
  const { batch, model, version, dataset, datasetVersion, format, createdAt } = kept
  return {
    batch,
    execution: batch,
    workflow: 'batch' as const,
    model,
    version,
    dataset,
    datasetVersion,
    format,
    status: statusOf(kept, execution),
    createdAt,
  }
}

/** Of an execution that is forgotten, what its tasks have noted. */
function statusOf({ result, reasons }: KeptBatch, execution: Execution | undefined): BatchStatus {
  if (execution !== undefined && execution.status !== 'SUCCEEDED') return execution.status
  if (reasons !== null) return 'REJECTED'
  return result === null ? 'FAILED' : 'SUCCEEDED'
}
