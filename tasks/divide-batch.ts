import { isDataError } from '../ml/data/index.ts'
import { isMillraceError, type Ports } from '../platform/ports/index.ts'
import type { Unfitting } from './batch-columns.ts'
import { originOf, tableHead, type BatchOrigin, type TableHead } from './batch-origin.ts'
import { csvRanges, npyRanges, putRanges } from './batch-ranges.ts'
import { measuredRate } from './batch-rate.ts'
import { batchFolder, type BatchPlan, type BatchRequest } from './batch-shapes.ts'
import { versionAsked } from './batch-version.ts'
import { createBatches, type BatchRecord } from './batches.ts'
import { openModel, readArtifact, weighs } from './model-artifact.ts'
import { formatModel } from './names.ts'
import {
  longestRangeRowsOf,
  mostRanges,
  rangeRowsOf,
  type RangeSizing,
} from './planning/batch-plan.ts'
import { createRegistry, type ModelVersion } from './registry.ts'
import { jsonBytes, putReferenced } from './stored-objects.ts'

/**
 * Bytes that one task looks through for the ends of records, or rewrites by rows: at 50 MB a second it
 * ends within 15 minutes.
 */
export const mostBytesOfTask = 32 * 1024 ** 3

interface Asked {
  readonly batch: string
  readonly request: BatchRequest
}

/**
 * Divides the rows of what is to be predicted into ranges and notes the plan; or answers why it cannot
 * be predicted.
 */
export async function divideBatch(
  ports: Ports,
  { batch, request }: Asked,
  signal: AbortSignal,
): Promise<Unfitting | null> {
  const { objects, table, clock } = ports
  const { model, format } = request
  const batches = createBatches(table)
  const version = await versionOf(request, ports)
  if ('reasons' in version) return version
  const origin = await originOf(request, ports)
  if ('reasons' in origin) return origin
  const { rangeRows, concurrency, toleratedFailures } = request
  const record: BatchRecord = {
    batch,
    model: formatModel(model),
    version: version.version,
    dataset: origin.dataset && formatModel(origin.dataset.name),
    datasetVersion: origin.dataset?.version ?? null,
    ...(origin.file === undefined ? {} : { file: origin.file }),
    format,
    rows: origin.rows ?? 0,
    ...(rangeRows === undefined ? {} : { rangeRows }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(toleratedFailures === undefined ? {} : { toleratedFailures }),
    source: origin.source,
    createdAt: request.requestedAt ?? new Date(clock.now()).toISOString(),
  }
  await batches.add(model, record)

  const bytes = await readArtifact(objects, version.artifact)
  const loaded = openModel(bytes)
  const head = await tableHead(origin, loaded, ports)
  if ('reasons' in head) return head
  const tooLarge = reasonOfSize(origin, head)
  if (tooLarge !== null) return tooLarge
  const file = { artifact: version.artifact, bytes }
  const cut = await rowsDivided(ports, { batch, request, origin, head, model: file }, signal)
  if ('reasons' in cut) return cut
  const plan: BatchPlan = {
    batch,
    model,
    version: version.version,
    artifact: version.artifact,
    dataset: origin.dataset?.name ?? null,
    datasetVersion: origin.dataset?.version ?? null,
    source: origin.source,
    sourceFormat: origin.format,
    isColumnwise: isColumnwise(head),
    format,
    ...cut,
    columns: head.columns,
    numbers: head.numbers,
    classes: loaded.classes,
    hasProbabilities: weighs(loaded),
  }
  const key = `${batchFolder(model, batch)}/plan.json`
  const written = await putReferenced(objects, key, jsonBytes(plan), 'application/json')
  const { rows, rangeCount: ranges } = cut
  await batches.plan(model, { ...record, rows }, { plan: written, ranges })
  return null
}

async function versionOf(request: BatchRequest, ports: Ports): Promise<ModelVersion | Unfitting> {
  try {
    return await versionAsked(createRegistry(ports.table, ports.clock), request.model, request)
  } catch (error) {
    for (const code of ['ModelNotFound', 'ModelDeleted', 'AliasChanged'] as const) {
      if (isMillraceError(error, code)) return { reasons: [{ code, message: error.message }] }
    }
    throw error
  }
}

/** Of one row, or one column, both orders are the same. */
function isColumnwise({ npy }: TableHead): boolean {
  return npy !== undefined && npy.fortranOrder && !npy.shape.includes(1) && npy.length > 0
}

/** Why one task cannot go through all of a file, if it cannot. */
function reasonOfSize({ source, format }: BatchOrigin, head: TableHead): Unfitting | null {
  const { size } = source
  if ((format === 'npy' && !isColumnwise(head)) || size <= mostBytesOfTask) return null
  const [what, instead] =
    format === 'csv'
      ? ['read for the ends of its rows', 'save it as .npy, whose rows are of one width']
      : ['rewritten from Fortran order', 'save it in C order (numpy.ascontiguousarray)']
  const gibibytes = (bytes: number) => `${Math.ceil(bytes / 1024 ** 3)} GiB`
  const message =
    `the file has ${gibibytes(size)}, and at most ${gibibytes(mostBytesOfTask)} are ${what} in the ` +
    `15 minutes of a function: ${instead}, or split it`
  return { reasons: [{ code: 'TooLarge', message }] }
}

/** The ranges of the rows; or what is wrong with those that are looked at. */
async function rowsDivided(
  ports: Ports,
  { batch, ...measured }: Measured & Pick<Division, 'batch'>,
  signal: AbortSignal,
): Promise<Divided | Unfitting> {
  try {
    const sizing = await sizingOf(ports, measured, signal)
    return await divided(ports, { batch, ...measured, sizing })
  } catch (error) {
    if (!isDataError(error)) throw error
    return { reasons: [{ code: error.name, message: error.message }] }
  }
}

interface Measured {
  readonly origin: BatchOrigin
  readonly head: TableHead
  readonly request: BatchRequest
  readonly model: Parameters<typeof measuredRate>[1]['model']
}

async function sizingOf(
  ports: Ports,
  { origin, head, request, model }: Measured,
  signal: AbortSignal,
): Promise<RangeSizing> {
  const { source, format: sourceFormat } = origin
  const { columns, numbers, headerEnd, npy } = head
  const known = npy?.shape[0] ?? origin.rows
  const { format, concurrency = ports.compute.concurrency } = request
  const sampled = { source, sourceFormat, columns, numbers, headerEnd, rows: known, format, model }
  const rate = await measuredRate(ports, sampled, signal)
  const guessed = rate.rowBytes === 0 ? 0 : Math.ceil((source.size - headerEnd) / rate.rowBytes)
  return { ...rate, rows: known ?? guessed, concurrency }
}

interface Division {
  readonly batch: string
  readonly request: BatchRequest
  readonly origin: BatchOrigin
  readonly head: TableHead
  readonly sizing: RangeSizing
}

type Divided = Pick<BatchPlan, 'rows' | 'ranges' | 'rangeCount' | 'headerEnd'>

async function divided(
  { objects }: Pick<Ports, 'objects'>,
  { batch, request, origin, head, sizing }: Division,
): Promise<Divided | Unfitting> {
  const rangeRows = request.rangeRows ?? rangeRowsOf(sizing)
  const refused = reasonOfRanges(rangeRows, sizing)
  if (refused !== null) return refused
  const folder = batchFolder(request.model, batch)
  const { npy, headerEnd } = head
  if (npy !== undefined) {
    const rows = npy.shape[0]!
    const ranges = await putRanges(objects, folder, () => npyRanges(npy, rangeRows))
    return { rows, ranges, rangeCount: Math.ceil(rows / rangeRows), headerEnd }
  }
  const cut = await csvRanges(objects, origin.source, rangeRows)
  const ranges = await putRanges(objects, folder, () => cut.ranges)
  return { rows: cut.rows, ranges, rangeCount: cut.ranges.length, headerEnd: cut.headerEnd }
}

function reasonOfRanges(rangeRows: number, sizing: RangeSizing): Unfitting | null {
  const longest = longestRangeRowsOf(sizing)
  const ranges = Math.ceil(sizing.rows / rangeRows)
  if (Math.min(rangeRows, sizing.rows) > longest) {
    const message =
      `a range of ${rangeRows} rows would take longer than a child has, with what was measured at ` +
      `most ${longest} rows are: leave rangeRows out, or lower it`
    return { reasons: [{ code: 'RangeTooLong', message }] }
  }
  if (ranges > mostRanges) {
    const message =
      `ranges of ${rangeRows} rows would be ${ranges}, and a batch has at most ${mostRanges}: ` +
      'leave rangeRows out, or raise it'
    return { reasons: [{ code: 'TooManyRanges', message }] }
  }
  return null
}
