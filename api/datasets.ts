import * as z from 'zod'
import { sees } from '../tasks/caller.ts'
import { maxAppendedRows, maxTextCell } from '../tasks/dataset-rows.ts'
import { columnType, datasetSchema } from '../tasks/dataset-schema.ts'
import type { ColumnStatistics } from '../tasks/dataset-statistics.ts'
import type { DatasetSummary, VersionRecord } from '../tasks/dataset-records.ts'
import { formatModel, modelNameSchema, nameSchema } from '../tasks/names.ts'
import { objectReference } from '../tasks/shapes.ts'
import { rowsOf } from './dataset-rows.ts'
import { pageQuery, parsed, readBody, readJson, versionText } from './requests.ts'
import { answers, takes, type Routes } from './route.ts'
import type { Services } from './services.ts'

const count = z.number().int().min(0)
const figure = z.number().nullable()

const summaryShape = z.object({
  dataset: z.string().describe('`<user>/<dataset>`'),
  version: count.describe('the last one'),
  versionCount: count,
  rows: count,
  bytes: count,
  columnCount: count,
  target: z.string().nullable(),
  createdAt: z.string(),
  updatedAt: z.string(),
})

const versionShape = z.object({
  version: count,
  origin: z.enum(['created', 'append', 'upload']),
  format: z.enum(['npy', 'csv']),
  rows: count.describe('in all'),
  bytes: count.describe('in all'),
  columnCount: count,
  target: z.string().nullable(),
  source: objectReference
    .nullable()
    .describe('what was uploaded, or appended by this version; null of one that was created'),
  createdAt: z.string(),
})

const statisticsShape = z.object({
  count: count.describe('rows'),
  missing: count,
  infinite: count,
  distinct: count,
  min: figure,
  max: figure,
  mean: figure,
  standardDeviation: figure,
  quantiles: z.object({ q05: figure, q25: figure, q50: figure, q75: figure, q95: figure }),
})

const datasetShape = z.object({
  ...versionShape.omit({ columnCount: true }).shape,
  dataset: z.string().describe('`<user>/<dataset>`'),
  version: count.describe('the one that is described'),
  versionCount: count,
  columns: z.array(
    z.object({
      name: z.string(),
      type: columnType,
      statistics: statisticsShape
        .nullable()
        .describe('null where they are not known; of text the figures of quantities are null'),
    }),
  ),
  createdAt: z.string().describe('when the dataset was'),
  updatedAt: z.string(),
})

const appendedShape = z.object({
  dataset: z.string(),
  version: count,
  appended: count,
  rows: count.describe('in all'),
  bytes: count.describe('in all'),
})

const listQuery = pageQuery.extend({ user: nameSchema.optional().describe('whose; default: all') })

const oneQuery = z.object({
  version: versionText.optional().describe('default: the last one'),
  statistics: z
    .enum(['known', 'computed'])
    .default('known')
    .describe('`computed`: of a version of at most 64 MiB they are computed when not known yet'),
})

const removeQuery = z.object({
  archive: z
    .enum(['true', 'false'])
    .default('false')
    .describe('hide the dataset and keep its objects, also while models depend on it'),
})

const cell = z.union([z.number(), z.string().max(maxTextCell), z.null()])
const rows = z
  .array(z.union([z.record(z.string(), cell), z.array(cell)]))
  .min(1)
  .max(maxAppendedRows)
  .describe('each an object by the names of the columns, or an array in their order')

/** Datasets: what there is of them, making them, appending to them. */
export function datasetRoutes(routes: Routes, { datasets, allowances }: Services): void {
  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/datasets',
      summary: 'Datasets in order of their names',
      request: { query: listQuery },
      responses: answers(
        'datasets',
        z.object({ datasets: z.array(summaryShape), cursor: z.string().optional() }),
      ),
    },
    async (context, caller) => {
      const query = parsed(listQuery, context.req.query())
      const user = query.user ?? caller.user ?? undefined
      if (user !== undefined && !sees(caller, user)) return context.json({ datasets: [] })
      const page = await datasets.list({ ...query, user })
      return context.json({ datasets: page.datasets.map(summary), cursor: page.cursor })
    },
  )

  routes.add(
    {
      access: 'read',
      missing: 'DatasetNotFound',
      method: 'get',
      path: '/datasets/{user}/{dataset}',
      summary: 'One dataset: its columns, its last version or another one, its statistics',
      request: { params: modelNameSchema, query: oneQuery },
      responses: answers('the dataset', datasetShape),
    },
    async (context) => {
      const name = parsed(modelNameSchema, context.req.param())
      const query = parsed(oneQuery, context.req.query())
      const { versionCount, createdAt, updatedAt, latest } = await datasets.describe(name)
      const record =
        query.version === undefined ? latest : await datasets.version(name, query.version)
      const { columns } = await datasets.schema(record)
      const compute = query.statistics === 'computed'
      const statistics = await datasets.statistics(name, record, { compute })
      return context.json({
        dataset: formatModel(name),
        versionCount,
        ...version(record),
        columns: columns.map((column) => ({
          ...column,
          statistics: figures(statistics?.get(column.name)),
        })),
        createdAt,
        updatedAt,
      })
    },
  )

  routes.add(
    {
      access: 'train',
      missing: 'DatasetNotFound',
      method: 'put',
      path: '/datasets/{user}/{dataset}',
      summary: 'Make an empty dataset of these columns, unless it is there',
      request: { params: modelNameSchema, body: takes(datasetSchema) },
      responses: {
        ...answers('a dataset of this schema was there', summaryShape),
        ...answers('the dataset was made', summaryShape, 201),
      },
    },
    async (context) => {
      const name = parsed(modelNameSchema, context.req.param())
      const schema = parsed(datasetSchema, await readJson(context.req.raw))
      const { dataset, created } = await datasets.create(name, schema)
      return context.json(summary(dataset), created ? 201 : 200)
    },
  )

  routes.add(
    {
      access: 'own',
      missing: 'DatasetNotFound',
      method: 'delete',
      path: '/datasets/{user}/{dataset}',
      summary: 'Remove a dataset that no model learned from, or archive it',
      request: { params: modelNameSchema, query: removeQuery },
      responses: { 204: { description: 'it is removed' } },
    },
    async (context) => {
      const name = parsed(modelNameSchema, context.req.param())
      const { archive } = parsed(removeQuery, context.req.query())
      await datasets.remove(name, { archive: archive === 'true' })
      return context.body(null, 204)
    },
  )

  routes.add(
    {
      access: 'read',
      missing: 'DatasetNotFound',
      method: 'get',
      path: '/datasets/{user}/{dataset}/versions',
      summary: 'The versions of a dataset, the newest first',
      request: { params: modelNameSchema, query: pageQuery },
      responses: answers(
        'versions',
        z.object({ versions: z.array(versionShape), cursor: z.string().optional() }),
      ),
    },
    async (context) => {
      const name = parsed(modelNameSchema, context.req.param())
      const page = await datasets.versions(name, parsed(pageQuery, context.req.query()))
      return context.json({ versions: page.versions.map(version), cursor: page.cursor })
    },
  )

  routes.add(
    {
      access: 'train',
      missing: 'DatasetNotFound',
      creates: true,
      method: 'post',
      path: '/datasets/{user}/{dataset}/rows',
      summary: 'Append rows, all or none, which makes a version',
      request: {
        params: modelNameSchema,
        body: {
          required: true,
          content: {
            'application/json': { schema: rows },
            'application/x-ndjson': {
              schema: z.string().min(1).describe('a row a line, as JSON'),
            },
          },
        },
      },
      responses: answers('the version that was made', appendedShape, 201),
    },
    async (context, caller) => {
      const name = parsed(modelNameSchema, context.req.param())
      await datasets.describe(name)
      const body = await readBody(context.req.raw)
      const given = await rowsOf(context.req.header('content-type'), body)
      // Kept as CSV, rows take hardly more than as JSON.
      await allowances.store(caller, name.user, Buffer.byteLength(body))
      const record = await datasets.append(name, given, context.env.repetition)
      return context.json(
        {
          dataset: formatModel(name),
          version: record.version,
          appended: given.length,
          rows: record.rows,
          bytes: record.bytes,
        },
        201,
      )
    },
  )
}

function figures(found: ColumnStatistics | undefined): z.infer<typeof statisticsShape> | null {
  if (found === undefined) return null
  const { count, missing, infinite, distinct, min, max, mean, standardDeviation, quantiles } = found
  return { count, missing, infinite, distinct, min, max, mean, standardDeviation, quantiles }
}

function summary({ dataset, latest, ...rest }: DatasetSummary): z.infer<typeof summaryShape> {
  const { version, rows, bytes, schema } = latest
  return {
    dataset: formatModel(dataset),
    version,
    rows,
    bytes,
    columnCount: schema.columns,
    target: schema.target,
    ...rest,
  }
}

function version(record: VersionRecord): z.infer<typeof versionShape> {
  const { version, origin, format, rows, bytes, schema, source, createdAt } = record
  return {
    version,
    origin,
    format,
    rows,
    bytes,
    columnCount: schema.columns,
    target: schema.target,
    source,
    createdAt,
  }
}
