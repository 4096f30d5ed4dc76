import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import {
  MillraceError,
  pages,
  type Clock,
  type Item,
  type JsonObject,
  type Log,
  type Table,
} from '../platform/ports/index.ts'
import type { FoundPrediction, PredictionLog } from './prediction-log.ts'
import {
  labelSchema,
  parsePredictionId,
  predictionLogKey,
  type FeedbackRecord,
  type Label,
} from './prediction-records.ts'
import { attempt, asJson } from './table-items.ts'

/** Rows whose labels are one item of the table: with the longest texts it stays below its limit. */
const rowsOfItem = 100

/** Labels of one record of the log, below its limit with the longest texts. */
const labelsOfRecord = 50

/** After how long labels that never came to the log (their process died) are sent there again. */
const abandonedMs = 10_000

export interface LabelledRow {
  /** Of the request, from 0. */
  readonly row: number
  readonly label: Label
}

/** A label that stands. */
export interface Feedback extends LabelledRow {
  /** ISO 8601 time. */
  readonly at: string
}

export interface FeedbackOutcome {
  /** Rows that have a label now, or another one than before. */
  readonly recorded: number
  /** Rows that had the same label already. */
  readonly repeated: number
  /** Rows whose first label stands, and is another one. */
  readonly kept: readonly Feedback[]
}

/**
 * True labels of what was predicted. Each goes to the log, behind its prediction, and stands in the
 * table beside it. The first label of a row stands, and the same one again changes nothing; another
 * one takes its place only by `replace`.
 */
export interface FeedbackBook {
  /**
   * Throws PredictionNotFound; RequestInvalid (a row that is not there, or a label of another type
   * than what was predicted); RequestInProgress (the same rows are being labelled); StorageFailed,
   * when some of the rows may have been labelled: the same request again labels the rest.
   */
  give(
    id: string,
    labels: readonly LabelledRow[],
    options?: { replace?: boolean; key?: string | null },
  ): Promise<FeedbackOutcome>
  /** The labels that stand, by their rows. */
  of(id: string): Promise<Feedback[]>
}

export function createFeedback(
  { log, table, clock }: { log: Log; table: Table; clock: Clock },
  predictions: PredictionLog,
): FeedbackBook {
  return {
    async give(id, labels, { replace = false, key = null } = {}) {
      const found = await predictions.find(id)
      const { predictions: predicted } = await predictions.contents(found.record)
      refuseMisfits(labels, predicted)
      const request = { by: randomUUID(), key, replace }
      const noted: NotedLabels[] = []
      for (const [part, rows] of partsOf(labels)) noted.push(await note(id, part, rows, request))
      const changed = noted.flatMap((one) => one.changed)
      if (changed.length > 0) {
        await append(
          found,
          changed.map((label) => ({ ...label, predicted: predicted[label.row]! })),
          key,
        )
        for (const one of noted) await markLogged(id, one, request.by)
      }
      return {
        recorded: changed.length,
        repeated: noted.reduce((sum, one) => sum + one.repeated, 0),
        kept: noted.flatMap((one) => one.kept),
      }
    },

    async of(id) {
      const feedback: Feedback[] = []
      const ask = (cursor?: string) => table.query(partition(id), { prefix: 'rows#', cursor })
      for await (const { items } of pages(ask)) {
        feedback.push(...items.flatMap((item) => standing(labelsIn(item).labels)))
      }
      return feedback
    },
  }

  /** Notes the labels of one item's rows, which are not in the log yet. */
  async function note(
    id: string,
    part: number,
    given: readonly LabelledRow[],
    request: { by: string; key: string | null; replace: boolean },
  ): Promise<NotedLabels> {
    for (let round = 0; round < 100; round++) {
      const item = await table.get(partition(id), sortKey(part))
      const noted = merged(item, given, request, clock.now())
      if (noted.changed.length === 0) return { ...noted, part }
      const next = itemOf(id, part, noted.labels, noted.revision)
      const seen = item === undefined ? 'absent' : { revision: noted.revision - 1 }
      if (await attempt(table.put(next, { if: seen }))) return { ...noted, part }
    }
    throw new MillraceError('StorageFailed', `${id}: a hundred pieces of feedback collided`)
  }

  async function append(
    { id, record }: FoundPrediction,
    labels: FeedbackRecord['labels'],
    key: string | null,
  ): Promise<void> {
    const { model, shard } = parsePredictionId(id)
    const at = new Date(clock.now()).toISOString()
    const base = {
      kind: 'feedback' as const,
      prediction: id,
      model: record.model,
      version: record.version,
      at,
      predictedAt: record.at,
      key,
    }
    const records: FeedbackRecord[] = []
    for (let from = 0; from < labels.length; from += labelsOfRecord) {
      records.push({ ...base, labels: labels.slice(from, from + labelsOfRecord) })
    }
    await log.append(predictionLogKey(model, shard), records)
  }

  /** Most often nobody has changed the item since it was noted, and it need not be read again. */
  async function markLogged(id: string, noted: NotedLabels, by: string): Promise<void> {
    if (noted.changed.length === 0) return
    let { labels, revision } = noted
    for (let round = 0; round < 100; round++) {
      const marked = new Map(
        Array.from(labels, ([row, label]) => [
          row,
          label.by === by ? { ...label, logged: true } : label,
        ]),
      )
      const next = itemOf(id, noted.part, marked, revision + 1)
      if (await attempt(table.put(next, { if: { revision } }))) return
      const now = labelsIn(await table.get(partition(id), sortKey(noted.part)))
      labels = now.labels
      revision = now.revision
    }
  }
}

const notedLabel = z.object({
  label: labelSchema,
  /** Milliseconds since 1970. */
  at: z.number(),
  key: z.string().nullable(),
  replaced: labelSchema.nullable(),
  /** The request that noted it, and whether it has come to the log. */
  by: z.string(),
  logged: z.boolean(),
})
type NotedLabel = z.infer<typeof notedLabel>

interface NotedLabels {
  readonly part: number
  readonly labels: ReadonlyMap<number, NotedLabel>
  readonly revision: number
  readonly changed: readonly (LabelledRow & { readonly replaced: Label | null })[]
  readonly repeated: number
  readonly kept: readonly Feedback[]
}

/** The labels of an item with those that were given. Throws RequestInProgress. */
function merged(
  item: Item | undefined,
  given: readonly LabelledRow[],
  { by, key, replace }: { by: string; key: string | null; replace: boolean },
  now: number,
): Omit<NotedLabels, 'part'> {
  const before = labelsIn(item)
  const labels = new Map(before.labels)
  const changed: (LabelledRow & { replaced: Label | null })[] = []
  const kept: Feedback[] = []
  let repeated = 0
  for (const { row, label } of given) {
    const there = labels.get(row)
    const isSame = there?.label === label
    if (there !== undefined && isSame && there.logged) repeated++
    else if (there !== undefined && !isSame && !replace) kept.push(feedbackOf(row, there))
    else {
      if (there?.logged === false && now - there.at < abandonedMs) throw inProgress(row)
      const replaced = (isSame ? there?.replaced : there?.label) ?? null
      labels.set(row, { label, at: now, key, replaced, by, logged: false })
      changed.push({ row, label, replaced })
    }
  }
  return { labels, revision: before.revision + 1, changed, repeated, kept }
}

function inProgress(row: number): MillraceError {
  return new MillraceError(
    'RequestInProgress',
    `another request is labelling row ${row}: ask again in a moment`,
  )
}

function refuseMisfits(labels: readonly LabelledRow[], predicted: readonly Label[]): void {
  const rows = new Set<number>()
  for (const { row, label } of labels) {
    const like = predicted[row]
    const fault =
      like === undefined
        ? `there is no row ${row}: the prediction has ${predicted.length}`
        : typeof like !== typeof label
          ? `the label of row ${row} is a ${typeof label}, and a ${typeof like} was predicted`
          : rows.has(row)
            ? `row ${row} is named twice`
            : undefined
    if (fault !== undefined) {
      const errors = [{ field: like === undefined ? 'row' : 'label', message: fault }]
      throw new MillraceError('RequestInvalid', fault, { details: { errors } })
    }
    rows.add(row)
  }
}

function partsOf(labels: readonly LabelledRow[]): Map<number, LabelledRow[]> {
  return Map.groupBy(labels, ({ row }) => Math.floor(row / rowsOfItem))
}

function labelsIn(item: Item | undefined): {
  labels: Map<number, NotedLabel>
  revision: number
} {
  if (item === undefined) return { labels: new Map(), revision: 0 }
  const entries = Object.entries(item['labels'] as JsonObject)
  return {
    labels: new Map(entries.map(([row, label]) => [Number(row), notedLabel.parse(label)])),
    revision: item['revision'] as number,
  }
}

function itemOf(
  id: string,
  part: number,
  labels: ReadonlyMap<number, NotedLabel>,
  revision: number,
): Item {
  const json = asJson(Object.fromEntries(labels))
  return { pk: partition(id), sk: sortKey(part), labels: json, revision }
}

function standing(labels: ReadonlyMap<number, NotedLabel>): Feedback[] {
  return Array.from(labels, ([row, label]) => feedbackOf(row, label)).sort((a, b) => a.row - b.row)
}

function feedbackOf(row: number, { label, at }: NotedLabel): Feedback {
  return { row, label, at: new Date(at).toISOString() }
}

function partition(id: string): string {
  return `feedback#${id}`
}

/** Of one width, so that the order of the text is that of the rows. */
function sortKey(part: number): string {
  return `rows#${String(part).padStart(6, '0')}`
}
