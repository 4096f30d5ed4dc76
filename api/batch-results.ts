import { MillraceError, type Objects } from '../platform/ports/index.ts'
import { resultsPage } from '../tasks/batch-page.ts'
import {
  missingResults,
  readPlan,
  resultsHeader,
  spansOf,
  type RowSpan,
} from '../tasks/batch-results.ts'
import type { Batches, KeptBatch } from '../tasks/batches.ts'
import { batchContentTypes, type BatchShard } from '../tasks/batch-shapes.ts'
import { rowsOrRemoval } from '../tasks/checked-shards.ts'
import type { ModelName } from '../tasks/names.ts'
import type { ObjectReference } from '../tasks/shapes.ts'
import { objectRanges } from '../tasks/stored-objects.ts'
import { requestInvalid } from './requests.ts'

/** What one answer has where answers are not streamed, and a page always: a gateway passes 6 MB of text. */
export const maxPageBytes = 4 * 1024 * 1024

const defaultPageRows = 10_000

interface Asked {
  readonly model: ModelName
  readonly kept: KeptBatch
  readonly offset?: number | undefined
  readonly limit?: number | undefined
}

interface Store {
  readonly objects: Objects
  readonly batches: Batches
  readonly streams: boolean
}

/**
 * The results of a batch, or those of the rows that are predicted so far. Throws BatchUnfinished when
 * there are none, RequestInvalid when they are too large for one answer, ResultsDamaged when a page is not
 * what was written; an answer of many shards is cut off there.
 */
export async function batchResults(store: Store, asked: Asked): Promise<Response> {
  const { kept, offset, limit } = asked
  if (kept.plan === null) throw unfinished(kept)
  const { plan } = kept
  if (offset !== undefined || limit !== undefined) return pageOf(store, asked, plan)
  const object = kept.result?.object ?? null
  return object === null
    ? shardedResults(store, asked, plan)
    : joinedResults(store, asked, object, plan)
}

async function pageOf(
  { objects, batches }: Store,
  { model, kept, offset = 0, limit = defaultPageRows }: Asked,
  plan: ObjectReference,
): Promise<Response> {
  const planned = { model, batch: kept.batch, plan }
  // Those of other batches are compared when they are joined, or were.
  const isChecked = kept.result?.object === null
  const asked = { offset, limit, maxBytes: maxPageBytes, isChecked }
  if (kept.result === null && kept.rangesDone === 0) throw unfinished(kept)
  const page = await resultsPage({ objects, batches }, planned, asked)
  const url = `/models/${kept.model}/batches/${kept.batch}/results`
  const next = page.next
  return new Response(new Uint8Array(page.bytes), {
    headers: {
      ...(await headersOf(objects, kept, page.spans, plan)),
      'content-length': String(page.bytes.length),
      ...(next === null ? {} : { link: `<${url}?offset=${next}&limit=${limit}>; rel="next"` }),
    },
  })
}

async function joinedResults(
  { objects, batches, streams }: Store,
  { model, kept }: Asked,
  object: ObjectReference,
  plan: ObjectReference,
): Promise<Response> {
  if (!streams && object.size > maxPageBytes) throw tooLarge(object.size)
  // In a `.npy` each row has its place, also one that is missing.
  const isWhole = kept.result?.missing === 0 || kept.format === 'npy'
  const whole = kept.rows === 0 ? [] : [{ from: 0, to: kept.rows }]
  const spans = isWhole ? whole : spansOf(await batches.shards(model, kept.batch))
  const headers = await headersOf(objects, kept, spans, plan)
  return new Response(streamOf(objectRanges(objects, object)), {
    headers: { ...headers, 'content-length': String(object.size), etag: `"${object.sha256}"` },
  })
}

/** Of a batch that is done all its rows, where they are too many for one object; else those so far. */
async function shardedResults(
  { objects, batches, streams }: Store,
  { model, kept }: Asked,
  reference: ObjectReference,
): Promise<Response> {
  const shards = await batches.shards(model, kept.batch)
  if (shards.length === 0) throw unfinished(kept)
  const plan = await readPlan(objects, { plan: reference })
  const isFilled = kept.result !== null && kept.format === 'npy'
  const parts = isFilled ? withGaps(shards, plan.rows) : shards
  const rows = parts.reduce((sum, { from, to }) => sum + to - from, 0)
  const header = resultsHeader(plan, rows)
  const size = parts.reduce((sum, part) => sum + sizeOf(part), header.length)
  if (!streams && size > maxPageBytes) throw tooLarge(size)
  async function* bytes() {
    yield header
    for (const part of parts) {
      if ('object' in part) {
        yield* rowsOrRemoval({ objects, batches }, { model, batch: kept.batch, shard: part })
      } else yield* missingResults(plan, part)
    }
  }
  const headers = await headersOf(objects, kept, spansOf(parts), reference)
  return new Response(streamOf(bytes()), {
    headers: { ...headers, 'content-length': String(size) },
  })
}

/** Shards in their order, with the rows between them that have none. */
function withGaps(shards: readonly BatchShard[], rows: number): (BatchShard | RowSpan)[] {
  const parts: (BatchShard | RowSpan)[] = []
  let from = 0
  for (const shard of shards) {
    if (shard.from > from) parts.push({ from, to: shard.from })
    parts.push(shard)
    from = shard.to
  }
  if (rows > from) parts.push({ from, to: rows })
  return parts
}

/** Bytes; of rows without a result as a `.npy` has them. */
function sizeOf(part: BatchShard | RowSpan): number {
  return 'object' in part ? part.object.size : (part.to - part.from) * 8
}

async function headersOf(
  objects: Objects,
  { format }: KeptBatch,
  spans: readonly RowSpan[],
  plan: ObjectReference,
): Promise<Record<string, string>> {
  const { classes } = await readPlan(objects, { plan })
  const names = JSON.stringify(classes?.map((label) => encodeURIComponent(label)))
  return {
    'content-type': batchContentTypes[format],
    'x-batch-rows': spans.map(({ from, to }) => `${from}-${to - 1}`).join(','),
    // Beyond, they are in the model's description alone.
    ...(format === 'npy' && classes !== null && names.length <= 4096
      ? { 'x-batch-classes': names }
      : {}),
  }
}

function streamOf(chunks: AsyncIterable<Uint8Array>): ReadableStream {
  return ReadableStream.from(chunks)
}

function unfinished({ batch }: KeptBatch): MillraceError {
  return new MillraceError(
    'BatchUnfinished',
    `the batch ${batch} has no results yet: ask for the batch, which tells how it stands`,
  )
}

function tooLarge(size: number): MillraceError {
  const message = `the results have ${size} bytes, and one answer at most ${maxPageBytes}: ask for pages`
  return requestInvalid([{ field: 'limit', message }])
}
