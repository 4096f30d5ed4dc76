import * as z from 'zod'
import { CsvRecords, csvLineEnd, readNpyHeader } from '../ml/data/index.ts'
import {
  isMillraceError,
  MillraceError,
  type Objects,
  type Ports,
} from '../platform/ports/index.ts'
import { readPlan } from './batch-results.ts'
import { createBatches, versionAsked, type BatchRecord } from './batches.ts'
import {
  batchFolder,
  batchRange,
  batchRequest,
  plannedBatch,
  type BatchPlan,
  type BatchRange,
  type BatchReason,
  type BatchRequest,
} from './batch-shapes.ts'
import { boundedReasons } from './bounded-reasons.ts'
import type { DatasetSchema } from './dataset-schema.ts'
import { createDatasets, type MaterialisedDataset } from './datasets.ts'
import { listExecution } from './execution-owner.ts'
import { loadModel, type LoadedModel } from './model-artifact.ts'
import { formatModel, type ModelName } from './names.ts'
import { createRegistry, type ModelVersion } from './registry.ts'
import { listed } from './same-columns.ts'
import { rejectionReason, type ObjectReference } from './shapes.ts'
import { objectRanges, putReferenced } from './stored-objects.ts'
import { defineTask } from './task.ts'

/** Ranges that a plan has at most: they stand in the state of the execution. */
const maxRanges = 40

/** Fewest rows of a range, where there are so many. */
const defaultRangeRows = 5000

/** Finds what is to be predicted by which version, and divides its rows into ranges. */
export const planBatch = defineTask({
  name: 'PlanBatch',
  input: z.object({ request: batchRequest, execution: z.string() }),
  output: z.discriminatedUnion('outcome', [
    z.object({
      outcome: z.literal('planned'),
      batch: plannedBatch,
      rows: z.number().int(),
      ranges: z.array(batchRange).max(maxRanges),
    }),
    z.object({ outcome: z.literal('rejected'), reasons: z.array(rejectionReason).min(1) }),
  ]),
  async run({ request, execution }, ports) {
    const { objects, table, clock } = ports
    const { model, format } = request
    await listExecution(table, clock, model.user, { workflow: 'batch', name: execution })
    const batches = createBatches(table)
    const found = await resolved(request, ports)
    if ('reasons' in found) {
      await batches.reject(model, execution, found.reasons)
      return { outcome: 'rejected' as const, reasons: found.reasons }
    }
    const { version, dataset, datasetVersion, source, schema } = found
    const record: BatchRecord = {
      batch: execution,
      model: formatModel(model),
      version: version.version,
      dataset: formatModel(dataset),
      datasetVersion,
      format,
      rows: source.rows,
      source: source.source,
      createdAt: request.requestedAt ?? new Date(clock.now()).toISOString(),
    }
    await batches.add(model, record)

    const loaded = await loadModel(objects, version.artifact)
    const fitted = columnsFor(loaded, schema, source.format)
    if ('reasons' in fitted) {
      const reasons = boundedReasons(fitted.reasons)
      await batches.reject(model, execution, reasons)
      return { outcome: 'rejected' as const, reasons }
    }
    const cut = await rangesOf(objects, source, request.rangeRows ?? defaultRangeRows)
    const plan: BatchPlan = {
      batch: execution,
      model,
      version: version.version,
      artifact: version.artifact,
      dataset,
      datasetVersion,
      source: source.source,
      sourceFormat: source.format,
      format,
      ...fitted,
      ...cut,
      classes: loaded.classes,
      hasProbabilities: weighs(loaded),
    }
    const bytes = new TextEncoder().encode(JSON.stringify(plan))
    const key = `${batchFolder(model, execution)}/plan.json`
    const written = await putReferenced(objects, key, bytes)
    const reference = await batches.plan(model, { ...record, rows: cut.rows }, written)
    const { rows, ranges } =
      reference.versionId === written.versionId ? cut : await readPlan(objects, { plan: reference })
    return {
      outcome: 'planned' as const,
      batch: { model, batch: execution, plan: reference },
      rows,
      ranges,
    }
  },
})

function weighs({ pipeline }: LoadedModel): boolean {
  return 'predictProbaRow' in pipeline && pipeline.predictProbaRow !== undefined
}

interface Refused {
  readonly reasons: BatchReason[]
}

interface Found {
  readonly version: ModelVersion
  readonly dataset: ModelName
  readonly datasetVersion: number
  readonly source: MaterialisedDataset
  readonly schema: DatasetSchema
}

/** The version and the dataset's version that the request names, or the reason why there are none. */
async function resolved(request: BatchRequest, ports: Ports): Promise<Found | Refused> {
  const { model, dataset = model } = request
  const datasets = createDatasets(ports)
  try {
    const version = await versionAsked(createRegistry(ports.table, ports.clock), model, request)
    const record = await datasets.version(dataset, request.datasetVersion)
    const schema = await datasets.schema(record)
    const source = await datasets.materialise(dataset, record.version)
    return { version, dataset, datasetVersion: record.version, source, schema }
  } catch (error) {
    for (const code of ['ModelNotFound', 'ModelDeleted', 'DatasetNotFound'] as const) {
      if (isMillraceError(error, code)) return { reasons: [{ code, message: error.message }] }
    }
    throw error
  }
}

/**
 * Where in the file each feature of the model stands. Columns are found by their names; those of a
 * `.npy` whose number is the model's, by their places. What the dataset says is its target may be there.
 */
function columnsFor(
  model: Pick<LoadedModel, 'featureNames' | 'categories'>,
  { columns, target }: DatasetSchema,
  format: MaterialisedDataset['format'],
): { columns: number[]; numbers: string[] } | Refused {
  const { featureNames, categories } = model
  const places = new Map(columns.map(({ name }, at) => [name, at]))
  const isByPlace =
    format === 'npy' &&
    columns.length === featureNames.length &&
    featureNames.some((name) => !places.has(name))
  const found = featureNames.map((name, j) => (isByPlace ? j : places.get(name)))
  const missing = featureNames.filter((_, j) => found[j] === undefined)
  const used = new Set(found)
  const unknown = columns.filter(({ name }, at) => !used.has(at) && name !== target)
  const text = featureNames.filter(
    (_, j) => categories[j] === null && columns[found[j] ?? -1]?.type === 'text',
  )
  const reasons: BatchReason[] = []
  if (missing.length > 0) {
    reasons.push({
      code: 'ColumnMissing',
      message: `the dataset has no columns ${listed(missing)}, which the model reads`,
    })
  }
  if (unknown.length > 0) {
    const names = listed(unknown.map(({ name }) => name))
    reasons.push({
      code: 'ColumnUnknown',
      message: `the model reads no columns ${names}; it reads ${listed(featureNames)}`,
    })
  }
  if (text.length > 0) {
    const message = `the columns ${listed(text)} are text, and the model reads numbers there`
    reasons.push({ code: 'ColumnNotNumeric', message })
  }
  if (reasons.length > 0) return { reasons }
  return {
    columns: found as number[],
    numbers: featureNames.flatMap((_, j) =>
      categories[j] === null ? [columns[found[j]!]!.name] : [],
    ),
  }
}

interface Cut {
  readonly rows: number
  readonly ranges: BatchRange[]
  readonly headerEnd: number
}

async function rangesOf(
  objects: Objects,
  { source, format, rows }: MaterialisedDataset,
  fewest: number,
): Promise<Cut> {
  return format === 'csv'
    ? csvRanges(objects, source, rows, fewest)
    : npyRanges(objects, source, fewest)
}

/** From the header alone. */
async function npyRanges(
  objects: Objects,
  { key, versionId, size }: ObjectReference,
  fewest: number,
): Promise<Cut> {
  const read = (start: number, end: number) => objects.read(key, { versionId, start, end })
  const { shape, dataOffset, byteLength } = await readNpyHeader({ size, read })
  const rows = shape[0] ?? 0
  const step = Math.max(fewest, Math.ceil(rows / maxRanges))
  const ranges: BatchRange[] = []
  for (let from = 0; from < rows; from += step) {
    const to = Math.min(from + step, rows)
    ranges.push({ index: ranges.length, from, to, start: dataOffset, end: byteLength })
  }
  return { rows, ranges, headerEnd: dataOffset }
}

/** Reads the table once, for the ends of its records. */
async function csvRanges(
  objects: Objects,
  source: ObjectReference,
  expected: number,
  fewest: number,
): Promise<Cut> {
  const step = Math.max(fewest, Math.ceil(expected / maxRanges))
  const ranges: BatchRange[] = []
  let records: CsvRecords | undefined
  let headerEnd: number | undefined
  let rows = 0
  let last = 0
  let begun = { from: 0, start: 0 }
  const close = () => {
    ranges.push({ index: ranges.length, ...begun, to: rows, end: last })
    begun = { from: rows, start: last }
  }
  const onEnd = (end: number) => {
    last = end
    if (headerEnd === undefined) {
      headerEnd = end
      begun = { from: 0, start: end }
      return
    }
    rows++
    if (rows - begun.from === step && ranges.length < maxRanges - 1) close()
  }
  for await (const bytes of objectRanges(objects, source)) {
    records ??= new CsvRecords(csvLineEnd(bytes))
    records.push(bytes, onEnd)
  }
  records?.end(onEnd)
  if (rows > begun.from) close()
  if (headerEnd !== undefined) return { rows, ranges, headerEnd }
  throw new MillraceError('StorageFailed', `${source.key} was a table, and has no header any more`)
}
