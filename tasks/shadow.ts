import type { Ports } from '../platform/ports/index.ts'
import { isMillraceError } from '../platform/ports/index.ts'
import { feedbackIn, instancesOf } from './labelled-rows.ts'
import { readArtifact } from './model-artifact.ts'
import { formatModel } from './names.ts'
import { createPredictionLog, type PredictionLog } from './prediction-log.ts'
import type { FeedbackRecord, Label } from './prediction-records.ts'
import { createRegistry } from './registry.ts'
import type { LogCursor, RetrainingRun, WatchedPromotion } from './retraining-shapes.ts'
import { servedAfter } from './served-log.ts'
import { askShadow, type AnsweredRow } from './shadow-comparison.ts'
import { createShadowRows, shadowKey, type ShadowState } from './shadow-rows.ts'

/** A promoted version that is watched. */
export interface Watched {
  readonly run: RetrainingRun
  readonly promotion: WatchedPromotion
  /** Before the first prediction of the promoted version. */
  readonly from: LogCursor
  /** Rows that are enough. */
  readonly most: number
}

type ShadowPorts = Pick<Ports, 'log' | 'table' | 'objects' | 'clock' | 'compute'>

/** Records that are read at most before what was found is kept. */
const recordsAtOnce = 2000

/** Predictions that are looked up at a time. */
const lookupsAtOnce = 16

/**
 * Goes on reading the log from where it was read to before, asks the former champion about each row that
 * the promoted one answered and that was labelled since, and keeps both losses with the place in the
 * log: each record counts once.
 */
export async function followShadow(
  ports: ShadowPorts,
  watched: Watched,
  signal: AbortSignal,
): Promise<ShadowState> {
  const { model, execution } = watched.run
  const kept = createShadowRows(ports.table)
  let state = await kept.of(model, execution, watched.from)
  for (;;) {
    const { cursor, labels, isBehind } = await newLabels(ports, watched, state, signal)
    if (cursor === state.cursor) return state
    const rows = new Map(state.rows)
    for (const [key, losses] of await askedRows(ports, watched, labels, signal)) {
      if (losses !== null && (rows.has(key) || rows.size < watched.most)) rows.set(key, losses)
    }
    state = await kept.keep(model, execution, { ...state, cursor, rows })
    if (!isBehind) return state
  }
}

/** A label with what was answered. */
interface AnsweredLabel {
  readonly label: Label
  readonly predicted: Label
}

/** The last label of each row, by predictions. */
type Labels = Map<string, Map<number, AnsweredLabel>>

/** What came after the state's place in the log. The cursor is the same where nothing did. */
async function newLabels(
  ports: ShadowPorts,
  watched: Watched,
  { cursor, rows }: ShadowState,
  signal: AbortSignal,
): Promise<{ cursor: LogCursor; labels: Labels; isBehind: boolean }> {
  const next: LogCursor = { ...cursor }
  const labels: Labels = new Map()
  let read = 0
  for await (const record of servedAfter(ports, watched.run.model, cursor, signal)) {
    next[record.shard] = record.position
    read++
    const feedback = feedbackIn(record)
    if (feedback !== undefined && isWatched(feedback, watched)) {
      const found = labels.get(feedback.prediction) ?? new Map<number, AnsweredLabel>()
      for (const { row, label, predicted } of feedback.labels) {
        const isWanted = rows.size < watched.most || rows.has(shadowKey(feedback.prediction, row))
        if (isWanted) found.set(row, { label, predicted })
      }
      if (found.size > 0) labels.set(feedback.prediction, found)
    }
    if (read === recordsAtOnce) return { cursor: next, labels, isBehind: true }
  }
  return { cursor: read === 0 ? cursor : next, labels, isBehind: false }
}

function isWatched(
  { model, version, predictedAt }: FeedbackRecord,
  { run, promotion }: Watched,
): boolean {
  if (version !== promotion.version || model !== formatModel(run.model)) return false
  return predictedAt === null || predictedAt >= promotion.promotedAt
}

/** Both losses of each labelled row, by its key. */
async function askedRows(
  ports: ShadowPorts,
  { run, promotion }: Watched,
  labels: Labels,
  signal: AbortSignal,
) {
  const rows: (AnsweredRow & { readonly key: string })[] = []
  const predictions = createPredictionLog(ports)
  const asked = [...labels]
  for (let from = 0; from < asked.length; from += lookupsAtOnce) {
    signal.throwIfAborted()
    const some = asked.slice(from, from + lookupsAtOnce)
    const found = await Promise.all(some.map(([id, of]) => answeredRows(predictions, id, of)))
    rows.push(...found.flat())
  }
  if (rows.length === 0) return []
  const { artifact } = await createRegistry(ports.table, ports.clock).version(
    run.model,
    promotion.previous,
  )
  const file = await readArtifact(ports.objects, artifact)
  const scores = await ports.compute.run(askShadow, { file, rows }, { signal })
  return rows.map(({ key }, i) => [key, scores.rows[i]!] as const)
}

/** None of a prediction that is not there. */
async function answeredRows(
  predictions: PredictionLog,
  id: string,
  labels: ReadonlyMap<number, AnsweredLabel>,
): Promise<(AnsweredRow & { readonly key: string })[]> {
  try {
    const { record } = await predictions.find(id)
    const plain = new Map(Array.from(labels, ([row, { label }]) => [row, label]))
    return (await instancesOf(predictions, record, plain)).map(({ row, instance, label }) => ({
      key: shadowKey(id, row),
      instance,
      label,
      predicted: labels.get(row)!.predicted,
    }))
  } catch (error) {
    if (isMillraceError(error, 'PredictionNotFound')) return []
    throw error
  }
}
